"""What the revisions of one window's labels tell together.

Labels are cumulative: an earlier revision subtracted from a later one gives the labels that became
known in between, and if that was one person's, that label. So every revision that went into the
spool is remembered on the host, and a later one whose difference from any of them holds 1 to
`min_count` - 1 rows somewhere is held back, until more labels are known.

    labels/<SHA-256 of model, version, deployment, plan, start, end>.jsonl    one revision a line

Compared are the tables over all rows, those by group, and the rows outside a group or outside all
groups; each at the cuts that its tables share. Only this host's own revisions are known here.
"""

import hashlib
from pathlib import Path

import msgspec
import numpy as np

from .merging import Lines, is_safe
from .statement import Labels, LabelTable, Outcomes, Refused, decode

SMALL_STEP = "labels.small_step"

Step = tuple[LabelTable, LabelTable]  # before, after

_LABELS = msgspec.json.Decoder(Labels)


def note_revision(folder: Path, payload: bytes) -> None:
    """Remember an outcomes statement; raises `Refused` if it tells too much beside earlier ones."""
    told = decode(payload, Outcomes)[1]
    about = [told.model, told.version, told.deployment, told.plan, told.start, told.end]
    path = folder / f"{hashlib.sha256(msgspec.json.encode(about)).hexdigest()}.jsonl"
    earlier = _LABELS.decode_lines(path.read_bytes()) if path.exists() else []
    if not all(is_safe_step(labels, told.labels, told.privacy.min_count) for labels in earlier):
        raise Refused(
            SMALL_STEP,
            "Since an earlier revision, too few labels became known to tell them: "
            "count this window's labels again when more are.",
        )
    if told.labels not in earlier:
        with path.open("ab") as file:
            file.write(msgspec.json.encode(told.labels) + b"\n")


def is_safe_step(before: Labels, after: Labels, min_count: int) -> bool:
    """No difference of the two, nor what their groups leave of it, holds 1 to min_count - 1."""
    if before.overall is None or after.overall is None:
        return True
    overall = before.overall, after.overall
    parts: list[list[Step]] = [[overall]]
    for name, tables in after.groups.items():
        known = before.groups.get(name, {})
        groups = [(b, a) for token, a in tables.items() if a and (b := known.get(token))]
        parts += [[group] for group in groups]
        parts += [[overall, group] for group in groups]
        parts.append([overall, *groups])
    return all(is_safe(_difference(steps), min_count) for steps in parts)


def _difference(steps: list[Step]) -> Lines:
    """Rows in the first step and in none of the others, up or down: (labels, shared runs)."""
    tables = np.array([[t.positives, t.negatives] for step in steps for t in step], np.float64)
    starts = np.flatnonzero(~np.isnan(tables).any(axis=(0, 1)))
    totals = np.add.reduceat(np.nan_to_num(tables), starts, axis=-1)
    first, *others = totals[1::2] - totals[::2]
    difference: Lines = np.abs(first - sum(others)).astype(np.int64)
    return difference
