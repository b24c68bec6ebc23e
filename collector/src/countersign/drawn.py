"""Noise is drawn once for a baseline, a window's shard, or its labels, in each of their revisions.

A second draw over the same rows would let both be averaged. A retry sends the same bytes again; and
so that counting a file twice draws no second time either, the sender remembers, before a noised
statement goes into the spool:

    labels/drawn/<SHA-256 of what it is about>    the digest of the statement
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from .statement import Refused, digest_of

DRAWN = "noise.drawn_before"
ABOUT = ("model", "version", "deployment", "start", "end", "shard", "revision")


def is_noised(statement: dict[str, Any]) -> bool:
    """Whether a statement, as JSON, declares noise."""
    mechanism = statement["predicate"].get("privacy", {}).get("mechanism", "none")
    return bool(mechanism != "none")


def note_draw(folder: Path, payload: bytes) -> None:
    """Remember a noised statement; raises `Refused` if there is another one about the same."""
    statement = json.loads(payload)
    said = [statement["predicateType"], *(statement["predicate"].get(name) for name in ABOUT)]
    name = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with (folder / name).open("x") as file:
            file.write(digest_of(payload))
    except FileExistsError:
        if (folder / name).read_text() != digest_of(payload):
            raise Refused(
                DRAWN,
                "Noise was drawn for this before, and what came of it was kept for sending. A "
                "correction is a higher revision; it costs privacy again.",
            ) from None
