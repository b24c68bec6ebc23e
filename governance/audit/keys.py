"""The log's key: the secret called `log`. Losing it, like restoring an old database, ends the log's
name: see `log.py`.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from countersign.tlog.note import Key
from governance import secret_files


def log_key() -> Ed25519PrivateKey:
    """The log's private key."""
    return secret_files.signing_key("log", Path(settings.COUNTERSIGN_DATA))


def verifier_key() -> Key:
    """The log's public key under its name, for everyone who verifies."""
    return Key.of(settings.COUNTERSIGN_ORIGIN, log_key().public_key())
