"""What the revisions of one window's labels tell together.

Labels are cumulative: an earlier revision subtracted from a later one gives the labels that became
known in between, and if that was one person's, that label. So every revision that went into the
spool is remembered on the host:

    labels/<SHA-256 of model, version, deployment, plan, start, end>.jsonl    one revision a line
    labels/<digest of the plan>.bands            bands of the second column of each slice

A later one is made beside these: `release` merges its tables until no difference holds 1 to
`min_count` - 1 rows. It is refused where a table of all rows differs by too few as a whole.

What goes into the spool is compared once more, however it was made: all tables of counts; a whole
table less its parts too, such as the rows outside a group or outside all groups; each at the cuts
that its tables share. Also refused are sums that changed where their rows did not: a value was
corrected, and the difference would tell by how much. Only this host's own revisions are known here.
"""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from .batch import Floats
from .merging import Lines, Starts, is_safe
from .statement import Outcomes, Refused, decode
from .tables import Cell, ErrorTable, Labels, LabelTable, Slice, SliceTable

SMALL_STEP = "labels.small_step"
ROUNDING = 1e-6  # of a sum: less is no change

_LABELS = msgspec.json.Decoder(Labels)


class About(NamedTuple):
    """Which window a revision of labels is about."""

    model: str
    version: str
    deployment: str
    plan: str
    start: datetime
    end: datetime


class Table(NamedTuple):
    """What is told of some rows: (lines, cells) each, NaN where a cell is merged into another."""

    counts: Floats
    sums: Floats


Step = tuple[Table, Table]  # before, after
Key = tuple[str, ...]  # a kind of table; then, for a part of it, the group and the token


def earlier_labels(folder: Path, about: About) -> list[Labels]:
    """What was told of a window, from the first revision to the last."""
    path = _path(folder, about)
    return _LABELS.decode_lines(path.read_bytes()) if path.exists() else []


def note_bands(folder: Path, plan: str, slices: Sequence[Slice]) -> None:
    """Remember how the plan's slices are crossed, which their tables don't say."""
    path = folder / f"{plan}.bands"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        part.write_bytes(msgspec.json.encode(widths_of(slices)))
        part.rename(path)


def widths_of(slices: Sequence[Slice]) -> list[int]:
    """How many bands each slice's second column has."""
    return [len(one.starts[1]) if len(one.starts) > 1 else 1 for one in slices]


def note_revision(folder: Path, payload: bytes) -> None:
    """Remember an outcomes statement; raises `Refused` if it tells too much beside earlier ones."""
    told = decode(payload, Outcomes)[1]
    about = About(told.model, told.version, told.deployment, told.plan, told.start, told.end)
    earlier = earlier_labels(folder, about)
    bands = folder / f"{told.plan}.bands"
    widths = msgspec.json.decode(bands.read_bytes(), type=list[int]) if bands.exists() else None
    least = told.privacy.min_count
    if not all(is_safe_step(labels, told.labels, least, widths) for labels in earlier):
        raise _small_step()
    if told.labels not in earlier:
        with _path(folder, about).open("ab") as file:
            file.write(msgspec.json.encode(told.labels) + b"\n")


def refuse_less(labels: Labels, earlier: Sequence[Labels]) -> None:
    """Raises `Refused` if a kind of table of all rows was told earlier, and now can't be."""
    told = [_wholes(one) for one in earlier]
    if not set().union(*told) <= _wholes(labels):
        raise _small_step()


def _wholes(labels: Labels) -> set[str]:
    """What is told of all rows. Of a quality all of whose cells are merged, nothing is."""
    kinds = {"labels": labels.overall, "errors": labels.errors, "classes": labels.classes}
    told = {kind for kind, tables in kinds.items() if tables}
    return told | {
        f"quality {name}"
        for name, counts in labels.quality.items()
        if sum(cell is not None for cell in counts.cells) > 1
    }


def _small_step() -> Refused:
    return Refused(
        SMALL_STEP,
        "Since an earlier revision, too few labels became known or were corrected to tell them: "
        "count this window's labels again when more are.",
    )


def _path(folder: Path, about: About) -> Path:
    return folder / f"{hashlib.sha256(msgspec.json.encode(list(about))).hexdigest()}.jsonl"


def is_safe_step(
    before: Labels, after: Labels, min_count: int, widths: Sequence[int] | None = None
) -> bool:
    """No difference of the two, nor what parts leave of a whole's, holds 1 to min_count - 1.

    `widths` says how many bands each slice's second column has; otherwise every number is tried.
    """
    steps = chain(_steps(_tables(before), _tables(after)), _slice_steps(before, after, widths))
    return all(_is_safe(taken, min_count) for taken in steps)


def _tables(labels: Labels) -> dict[Key, Table]:
    """All tables but those of slices, whose cells have no order."""
    tables: dict[Key, Table] = {}

    def add_labels(table: LabelTable | None, *key: str) -> None:
        if table is not None:
            tables[key] = _table(table.positives, table.negatives)

    def add_errors(table: ErrorTable | None, *about: str) -> None:
        if table is not None:
            sums = [table.sum, table.sum_absolute, table.sum_squares]
            tables["rows by score", *about] = _table(table.rows, sums=sums)
            tables["rows by error", *about] = _table(table.errors)

    add_labels(labels.overall, "labels")
    add_errors(labels.errors)
    for name, groups in labels.groups.items():
        for token, table in groups.items():
            add_labels(table, "labels", name, token)
    for name, error_groups in labels.error_groups.items():
        for token, errors in error_groups.items():
            add_errors(errors, name, token)
    for name, classes in labels.classes.items():
        add_labels(classes.overall, f"class {name}")
        add_labels(classes.chosen, f"class {name}", "chosen", "")
    for name, counts in labels.quality.items():
        known = [line for line in (counts.sum, counts.sum_squares) if line is not None]
        tables[(f"quality {name}",)] = _table(counts.cells, sums=known)
    return tables


def _table(*counts: Sequence[Cell], sums: Sequence[Sequence[float | None]] = ()) -> Table:
    size = len(counts[0])
    return Table(*(np.array(x, np.float64).reshape(len(x), size) for x in (counts, sums)))


def _steps(before: dict[Key, Table], after: dict[Key, Table]) -> Iterator[list[Step]]:
    """Each table; each whole less a part; each whole less all parts of one group."""
    steps = {key: (before[key], after[key]) for key in after if key in before}
    for key, step in steps.items():
        yield [step]
        if key[:1] != key and key[:1] in steps:
            yield [steps[key[:1]], step]
    for whole, group in {key[:2] for key in steps if len(key) > 2 and key[:1] in steps}:
        parts = [step for key, step in steps.items() if key[:2] == (whole, group)]
        yield [steps[(whole,)], *parts]


def _is_safe(steps: list[Step], min_count: int) -> bool:
    """Nothing small came to the first table and to none of the others, in the runs all share."""
    tables = [table for step in steps for table in step]
    merged = np.isnan(np.concatenate([table.counts for table in tables])).any(axis=0)
    starts = np.flatnonzero(~merged)
    counts = [np.add.reduceat(np.nan_to_num(t.counts), starts, axis=-1) for t in tables]
    sums = [np.add.reduceat(np.nan_to_num(t.sums), starts, axis=-1) for t in tables]
    before, after = _left(counts[::2]), _left(counts[1::2])
    same_people = (before == after).all(axis=0) & before.any(axis=0)
    changed = np.abs(_left(sums[1::2]) - _left(sums[::2])) > ROUNDING * _size(counts[1], sums[1])
    came: Lines = np.abs(after - before).astype(np.int64)
    return is_safe(came, min_count) and not (changed & same_people).any()


def _left(tables: list[Floats]) -> Floats:
    """What the others leave of the first."""
    first, *others = tables
    left: Floats = first - sum(others)
    return left


def _size(counts: Floats, sums: Floats) -> Floats:
    """How large the sums can be; what is rounded off them is far less.

    Sums that cancel say little of that: if the last ones are of squares, they bound the others.
    """
    sizes = np.abs(sums)
    sizes[:-1] = np.sqrt(counts.sum(axis=0) * sizes[-1:])
    return sizes


def _slice_steps(
    before: Labels, after: Labels, widths: Sequence[int] | None
) -> Iterator[list[Step]]:
    """Slices, summed to the crossed bands that both have."""
    for i, (one, other) in enumerate(zip(before.slices, after.slices, strict=False)):
        if one is None or other is None:
            continue
        for width in range(1, len(one.rows) + 1) if widths is None else [widths[i]]:
            first, second = _bands(one, width), _bands(other, width)
            if first is not None and second is not None:
                across, down = (np.intersect1d(*axis) for axis in zip(first, second, strict=True))
                yield [(_crossed(one, width, across, down), _crossed(other, width, across, down))]


def _bands(table: SliceTable, width: int) -> tuple[Starts, Starts] | None:
    """The bands of both columns in which cells are told; None if these aren't all crossed."""
    kept = np.flatnonzero([cell is not None for cell in table.rows])
    across, down = np.unique(kept // width), np.unique(kept % width)
    fits = len(table.rows) % width == 0 and len(across) * len(down) == len(kept)
    return (across, down) if fits else None


def _crossed(table: SliceTable, width: int, across: Starts, down: Starts) -> Table:
    """The table's rows, hits, other rows and loss in the runs of bands."""
    rows = np.nan_to_num(np.array(table.rows, np.float64))
    counts = [rows]
    if table.hits is not None:
        hits = np.nan_to_num(np.array(table.hits, np.float64))
        counts += [hits, rows - hits]
    loss = [] if table.loss is None else [np.nan_to_num(np.array(table.loss, np.float64))]

    def runs(lines: list[Floats]) -> Floats:
        crossed = np.array(lines).reshape(len(lines), len(rows) // width, width)
        totals = np.add.reduceat(np.add.reduceat(crossed, across, axis=1), down, axis=2)
        return totals.reshape(len(lines), len(across) * len(down))

    return Table(runs(counts), runs(loss))
