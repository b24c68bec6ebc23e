"""Signing keys: Ed25519 seeds of 32 bytes in hexadecimal, one file each, made at first use.

They are kept in the data directory under secrets/, readable by their owner only. The log's own is
called `log`; losing it, like restoring an old database, ends the log's name: see `log.py`.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from .note import Key


def signing_key(name: str) -> Ed25519PrivateKey:
    """The private key called `name`; made when there is none."""
    path = Path(settings.COUNTERSIGN_DATA) / "secrets" / name
    if not path.exists():
        _make(path)
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii")))


def log_key() -> Ed25519PrivateKey:
    """The log's private key."""
    return signing_key("log")


def verifier_key() -> Key:
    """The log's public key under its name, for everyone who verifies."""
    return Key.of(settings.COUNTERSIGN_ORIGIN, log_key().public_key())


def _make(path: Path) -> None:
    """Of two processes that make the key at once, one links its draft into place first and wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
