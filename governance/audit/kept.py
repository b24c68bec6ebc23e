"""A checkpoint that somebody kept, held against the log of today."""

from dataclasses import dataclass

from countersign.statement import Refused
from countersign.tlog import note
from governance.models.audit import Checkpoint

from . import keys, log


@dataclass(frozen=True)
class Compared:
    """The kept checkpoint, today's, and whether the log of today begins with what was kept."""

    kept: note.Checkpoint
    now: Checkpoint
    continues: bool


def compare(text: str) -> Compared:
    """Hold a checkpoint, as it was signed, against the log. Raises `Refused` if it isn't one."""
    published = log.published_checkpoint()
    try:
        # Browsers send line feeds as CR LF.
        signed = text.replace("\r\n", "\n").strip("\n") + "\n"
        kept = note.open_checkpoint(signed.encode(), [keys.verifier_key()])
    except note.NoteError as error:
        raise Refused(
            "checkpoint.not_ours", f"This log's key has not signed that ({error})."
        ) from None
    if published is None:
        raise Refused("checkpoint.unpublished", "Nothing is published now to compare it with.")
    grown = 0 < kept.size <= published.size
    return Compared(
        kept, published, kept.size == 0 or (grown and log.root_at(kept.size) == kept.root)
    )
