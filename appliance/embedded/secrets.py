"""Where this installation keeps its state, and the secrets in it."""

import os
from pathlib import Path

from governance import secret_files

CHECKOUT = Path(__file__).resolve().parents[2]


def data_directory() -> Path:
    """Where this installation keeps its state: $COUNTERSIGN_DATA, or `data` in the checkout."""
    return Path(os.environ.get("COUNTERSIGN_DATA", CHECKOUT / "data")).resolve()


def secret(name: str, data: Path | None = None) -> str:
    """The secret called `name` of this installation, or of the one in `data`."""
    return secret_files.secret(name, data or data_directory())
