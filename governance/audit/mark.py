"""The high-water mark: how far the log had come, remembered outside PostgreSQL.

A restored database that grows again would be signed as a second history under the same name. The
mark notices. It is one small file per name of the log, in the data directory under log/: the text
of a checkpoint (origin, size, root). It only ever rises.
"""

import fcntl
import os
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from countersign.tlog.note import Checkpoint, parse_checkpoint


def read(origin: str) -> Checkpoint | None:
    """The mark of the log of that name, or None when it never had one."""
    path = _path(origin)
    return parse_checkpoint(path.read_text(encoding="utf-8")) if path.exists() else None


def raise_to(checkpoint: Checkpoint) -> None:
    """Remember the checkpoint, unless a later one is remembered already. On disk on return."""
    path = _path(checkpoint.origin)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        # Two sealers may arrive here in either order; the lock ends when the descriptor is closed.
        fcntl.flock(directory, fcntl.LOCK_EX)
        known = read(checkpoint.origin)
        if known is None or known.size < checkpoint.size:
            _replace(path, checkpoint.text)
            os.fsync(directory)
    finally:
        os.close(directory)


def _path(origin: str) -> Path:
    return Path(settings.COUNTERSIGN_DATA) / "log" / quote(origin, safe="")


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
