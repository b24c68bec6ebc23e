"""How far a log had come, remembered in a directory: one small file per log, on disk on return.

A file holds the text of a checkpoint (origin, size, root) under the quoted name of its log. Whoever
decides by what is remembered holds the lock meanwhile, so that two processes never both decide.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from .note import Checkpoint, parse_checkpoint


def read(directory: Path, origin: str) -> Checkpoint | None:
    """What is remembered of the log of that name; None if nothing ever was."""
    path = _path(directory, origin)
    return parse_checkpoint(path.read_text(encoding="utf-8")) if path.exists() else None


def raise_to(directory: Path, checkpoint: Checkpoint) -> None:
    """Remember the checkpoint, unless a later one is remembered already."""
    with locked(directory):
        known = read(directory, checkpoint.origin)
        if known is None or known.size < checkpoint.size:
            replace(directory, checkpoint)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Nobody else is in here; the directory is made if there is none."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # ends when the descriptor is closed
        yield
    finally:
        os.close(descriptor)


def replace(directory: Path, checkpoint: Checkpoint) -> None:
    """Remember this checkpoint instead. The caller holds the lock and has compared the two."""
    path = _path(directory, checkpoint.origin)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(checkpoint.text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _path(directory: Path, origin: str) -> Path:
    return directory / quote(origin, safe="")
