"""One log file per program, in DATA/logs."""

from pathlib import Path
from typing import IO

LIMIT = 10_000_000  # bytes; a longer log is set aside when its program starts


def open_log(path: Path) -> IO[bytes]:
    """Open `path` to append to it, after setting aside what has grown too long."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
