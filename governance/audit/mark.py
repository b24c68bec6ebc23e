"""The high-water mark: how far the log had come, remembered outside PostgreSQL.

A restored database that grows again would be signed as a second history under the same name. The
mark notices. It lies in the data directory under log/, and only ever rises.
"""

from pathlib import Path

from django.conf import settings

from countersign.tlog import mark
from countersign.tlog.note import Checkpoint


def read(origin: str) -> Checkpoint | None:
    """The mark of the log of that name, or None when it never had one."""
    return mark.read(_directory(), origin)


def raise_to(checkpoint: Checkpoint) -> None:
    """Remember the checkpoint, unless a later one is remembered already. On disk on return."""
    mark.raise_to(_directory(), checkpoint)


def _directory() -> Path:
    return Path(settings.COUNTERSIGN_DATA) / "log"
