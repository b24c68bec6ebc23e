"""The secrets of one installation: made once, kept in DATA/secrets, readable by their owner only.

A secret is 32 random bytes written as 64 hexadecimal digits. That one form serves as Django's
SECRET_KEY, as a database password, and, through `bytes.fromhex`, as the seed of an Ed25519 key.
Machines that share one database must share this directory too.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def secret(name: str, data: Path) -> str:
    """The secret called `name`: 64 hexadecimal digits, made at the first request.

    Two processes may ask for a new secret at once. Each writes its own draft and links it into
    place; the link that comes second fails, and both read the winner's.
    """
    path = data / "secrets" / name
    if not path.exists():
        for directory in (data, path.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _publish(path, secrets.token_hex(32))
    return path.read_text(encoding="ascii").strip()


def signing_key(name: str, data: Path) -> Ed25519PrivateKey:
    """The Ed25519 private key whose seed is the secret called `name`."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret(name, data)))


def _publish(path: Path, value: str) -> None:
    """Put `value` at `path` in one step, unless something is there already."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
