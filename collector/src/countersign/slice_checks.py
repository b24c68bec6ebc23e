"""What the tables of slices must fulfil: merged in whole lines, and not cut into each other.

All tables on a column tell how many rows, and hits among them, lie before each of their bands.
Subtracting two that are cut at different places tells what lies between.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .cell_checks import check_cell, refuse_impossible_sums, refuse_small_rest, starts_of, total
from .scheme import Scheme
from .statement import Refused
from .tables import Column, Counts, Privacy, Slice, SliceTable

Told = list[tuple[Slice, SliceTable]]
Before = dict[int, tuple[int, int]]  # a cell that a band starts at -> rows and hits before it


class Whole(NamedTuple):
    """What else is told of the rows of the slices, where it is told: held against all of them."""

    rows: int | None
    hits: int | None
    columns: Mapping[str, Counts] = {}
    largest_loss: float | None = None  # of one row, where loss is told


def check_slices(
    tables: Sequence[SliceTable | None], scheme: Scheme, whole: Whole, privacy: Privacy, path: str
) -> None:
    """One table per declared slice, or none at all; they agree with each other and the whole."""
    if tables and len(tables) != len(scheme.slices):
        raise Refused("slices.number", "There is one table, or null, for each slice.", path)
    measures = scheme.decides, whole.largest_loss is not None
    told: Told = []
    for i, (table, one) in enumerate(zip(tables, scheme.slices, strict=bool(tables))):
        if table is None:
            continue
        where = f"{path}[{i}]"
        if (table.hits is not None, table.loss is not None) != measures:
            raise Refused(
                "slices.measure",
                "Hits are told where there are decisions, loss with a regression's outcomes.",
                where,
            )
        _refuse_other_lines(table, one, where)
        _refuse_finer(table, one, whole, where)
        _check_cells(table, whole, privacy, where)
        told.append((one, table))
    if told and scheme.decision is not None and whole.hits is None:
        raise Refused(
            "privacy.differencing",
            "Hits are told only where the score is cut at the decision.",
            path,
        )
    if privacy.mechanism == "none":
        _check_totals(told, whole, path)
        for name in sorted({name for one, _ in told for name in one.columns}):
            _check_column(scheme.by_name[name], told, whole, privacy, path)


def _refuse_other_lines(table: SliceTable, one: Slice, path: str) -> None:
    """Every line is as long as the slice, and merged like the others."""
    kept = starts_of(table.rows)
    across, down = ({_band(one, i)[axis] for i in kept} for axis in (0, 1))
    others = [line for line in (table.hits, table.loss) if line is not None]
    if (
        len(table.rows) != math.prod(len(starts) for starts in one.starts)
        or 0 not in kept
        or len(kept) != len(across) * len(down)
        or any(len(line) != len(table.rows) or starts_of(line) != kept for line in others)
    ):
        raise Refused(
            "slices.cells", "A slice tells its crossed bands, merged in whole lines.", path
        )


def _refuse_finer(table: SliceTable, one: Slice, whole: Whole, path: str) -> None:
    """A slice is cut only where its columns are."""
    for axis, (name, starts) in enumerate(zip(one.columns, one.starts, strict=True)):
        cuts = {starts[_band(one, i)[axis]] for i in starts_of(table.rows)}
        if name in whole.columns and not cuts <= starts_of(whole.columns[name].cells):
            raise Refused("privacy.differencing", "A slice is cut where its column is.", path)


def _check_cells(table: SliceTable, whole: Whole, privacy: Privacy, path: str) -> None:
    hits = table.hits or [0] * len(table.rows)
    for rows, hit in zip(table.rows, hits, strict=True):
        for count in (rows or 0, hit or 0, (rows or 0) - (hit or 0)):
            check_cell(count, privacy, path)
    if table.loss is not None and whole.largest_loss is not None:
        bounds = 0.0, whole.largest_loss
        refuse_impossible_sums(table.loss, table.rows, bounds, privacy, path)


def _check_totals(told: Told, whole: Whole, path: str) -> None:
    """All tables are of the same rows, and have the same hits."""
    rows = {total(table.rows) for _, table in told}
    hits = {total(table.hits or ()) for _, table in told}
    for found, known in ((rows, whole.rows), (hits, whole.hits)):
        if len(found) > 1 or (found and known is not None and found != {known}):
            raise Refused(
                "tally.partition",
                "The bands of every slice add up to the same rows and hits, and to those that "
                "are told elsewhere.",
                path,
            )


def _check_column(column: Column, told: Told, whole: Whole, privacy: Privacy, path: str) -> None:
    """What all tables on a column tell of it: the same, and nothing small between two bands."""
    known: Before = {}
    for one, table in told:
        if column.name in one.columns:
            before = _before(one, table, column)
            if any(known.setdefault(start, count) != count for start, count in before.items()):
                raise Refused(
                    "tally.partition", "Slices on one column tell the same of the same rows.", path
                )
    if column.name in whole.columns:
        cells = whole.columns[column.name].cells
        if any(total(cells[:start]) != rows for start, (rows, _) in known.items()):
            raise Refused("tally.partition", "A band has the rows of its column's cells.", path)
    for (_, (rows_to, hits_to)), (_, (rows_on, hits_on)) in pairwise(sorted(known.items())):
        hits = hits_on - hits_to
        refuse_small_rest((hits, rows_on - rows_to - hits), privacy, path)


def _before(one: Slice, table: SliceTable, column: Column) -> Before:
    """How many rows and hits the table tells before each of its bands of one column, and in all."""
    axis = one.columns.index(column.name)
    starts, bands = one.starts[axis], [_band(one, i)[axis] for i in range(len(table.rows))]
    rows, hits = table.rows, table.hits or [0] * len(table.rows)
    at = sorted({starts[bands[i]] for i in starts_of(rows)} | {column.size})
    earlier = {start: [i for i, band in enumerate(bands) if starts[band] < start] for start in at}
    return {
        start: (total(rows[i] for i in cells), total(hits[i] for i in cells))
        for start, cells in earlier.items()
    }


def _band(one: Slice, place: int) -> tuple[int, int]:
    """The bands of the first and of the second column that a place of the table crosses."""
    return divmod(place, len(one.starts[1]) if len(one.starts) > 1 else 1)
