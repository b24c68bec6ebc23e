"""Slices: rows of the bands of one column, or of two crossed, and how many of them are hits.

A hit is a positive decision; among labels, a wrong one. Hits and the rows that are none are both
safe in every cell that is told, so rows are too.

Tables on the same column must not be cut into each other: subtracting two that are cut at other
places would tell what lies between. So each sliced column gets one cut, at which hits and other
rows are safe, within the column's own; every slice on it is cut only there. And the score must be
cut at the decision, or the hits of all slices less those of the whole runs would tell a part of
the run that the decision lies in.

Raw tables: ("hits", name) is (2, cells), other rows and hits by a column's cells; ("slice", number)
is (first bands, second bands, 2). ("wrong", name) and ("wrong slice", number) are the same among
labels, and ("slice loss", number), (first bands, second bands), a regression's absolute errors.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .batch import Batch, Tables, tabulate
from .binning import Cells
from .columns import rounded
from .cutting import Cutting
from .design import Design
from .errors import errors_of
from .frames import Array
from .merging import Lines, Starts, is_safe, merge_small
from .scores import POSITIVE, UNKNOWN, labels_of
from .tables import Slice, SliceTable

FLOORS = (1, 2, 4, 8, 16)


class Family(NamedTuple):
    """The kinds of raw tables: by one column's cells, and by a slice's bands."""

    columns: str
    slices: str


ALL, LABELLED = Family("hits", "slice"), Family("wrong", "wrong slice")


def count_slices(batch: Batch, design: Design) -> Tables:
    """Rows and hits by band; wrong decisions and loss among the rows with a known outcome."""
    if not design.slices:
        return {}
    decided = np.zeros(batch.rows, np.uint8)
    if design.decision is not None and design.score is not None:
        decided = (batch.cells(design.score) >= design.decision).astype(np.uint8)
    tables = _count(batch, design, ALL, decided, np.arange(batch.rows))
    if design.outcome is None:
        return tables
    if design.error is not None:
        errors = errors_of(batch, design)
        known = np.flatnonzero(~np.isnan(errors))
        loss = np.abs(np.clip(errors, design.error.edges[0], design.error.edges[-1]))[known]
        for i, one in enumerate(design.slices):
            axes = _axes(batch, design, one, known)
            tables["slice loss", str(i)] = tabulate(axes, [loss])[..., 0, :]
        return tables | _count(batch, design, LABELLED, decided * 0, known)
    label = labels_of(batch, design)
    known = np.flatnonzero(label != UNKNOWN)
    wrong = (decided != (label == POSITIVE)) & (design.decision is not None)
    return tables | _count(batch, design, LABELLED, wrong.astype(np.uint8), known)


def _count(batch: Batch, design: Design, family: Family, hits: Cells, rows: Array) -> Tables:
    tables: Tables = {}
    for name in _sliced(design):
        column = design.by_name[name]
        axes = [(hits[rows], 2), (batch.cells(column)[rows], column.size)]
        tables[family.columns, name] = tabulate(axes)
    for i, one in enumerate(design.slices):
        axes = [*_axes(batch, design, one, rows), (hits[rows], 2)]
        tables[family.slices, str(i)] = tabulate(axes)
    return tables


def _axes(batch: Batch, design: Design, one: Slice, rows: Array) -> list[tuple[Array, int]]:
    """Each row's band in the first and in the second column; in one band, if there is none."""
    axes: list[tuple[Array, int]] = []
    for name, starts in zip(one.columns, one.starts, strict=True):
        column = design.by_name[name]
        band = np.searchsorted(starts, np.arange(column.size), side="right") - 1
        axes.append((band[batch.cells(column)[rows]], len(starts)))
    return axes if len(axes) > 1 else [*axes, (np.zeros(len(rows), np.int64), 1)]


def cut_slices(cutting: Cutting, design: Design) -> None:
    """Cut all rows' slices within the cuts of their columns."""
    score = ("column", design.score.name if design.score else "")
    if _is_cut_at_decision(cutting, design, score):
        _cut(cutting, design, ALL)


def cut_label_slices(cutting: Cutting, design: Design) -> None:
    """Cut the labels' slices within those of all rows."""
    if design.outcome is not None and _is_cut_at_decision(cutting, design, ("labels",)):
        _cut(cutting, design, LABELLED, whole=ALL)


def _is_cut_at_decision(cutting: Cutting, design: Design, key: tuple[str, ...]) -> bool:
    starts = cutting.cuts.get(key)
    return design.decision is None or (starts is not None and design.decision in starts)


def _cut(cutting: Cutting, design: Design, own: Family, whole: Family | None = None) -> None:
    """Cut the sliced columns first, then every slice within them; parts within the `whole`."""
    measures = slice(None) if design.decides else slice(1)
    for name in _sliced(design):
        limit = cutting.cuts.get(("column" if whole is None else whole.columns, name))
        lines = cutting.lines(own.columns, name)[:, measures]
        if limit is not None and lines.any():
            cutting.cut((own.columns, name), lines, limit, _starts_on(design, name))
    for i, one in enumerate(design.slices):
        key = (own.slices, str(i))
        limits = [_crossed(one, [cutting.cuts.get((own.columns, name)) for name in one.columns])]
        if whole is not None:
            limits.append(cutting.cuts.get((whole.slices, str(i))))
        told = [limit for limit in limits if limit is not None]
        within = cutting.limit(key, *told)
        if within is not None and len(told) == len(limits) and cutting.may_tell(key):
            lines = np.moveaxis(cutting.lines(*key)[..., measures], -1, 1)
            lines = lines.reshape(-1, *lines.shape[2:])
            cutting.cuts[key] = cut_product(lines, within, cutting.min_count)


def _crossed(one: Slice, cuts: Sequence[Starts | None]) -> Starts | None:
    """The crossed bands that start at the cuts of their columns, one row after the other."""
    at = [np.isin(one.starts[i], cut) for i, cut in enumerate(cuts) if cut is not None]
    if len(at) < len(cuts):
        return None
    return np.flatnonzero(np.logical_and.outer(at[0], at[1] if len(at) > 1 else [True]))


def cut_product(lines: Lines, within: Starts, min_count: int) -> Starts:
    """Where the crossed bands' runs start, as places in the table's rows one after the other.

    `lines` is (lines, first bands, second bands); `within` crosses the bands at which runs may
    start. The second bands are merged first, in the sums over the first; the larger they are made,
    the fewer of the first need merging: the floor that leaves most cells is the best.
    """
    width = lines.shape[2]
    first, second = np.unique(within // width), np.unique(within % width)
    pieces = np.add.reduceat(np.add.reduceat(lines, first, axis=1), second, axis=2)
    sums = pieces.sum(axis=1)
    best = np.zeros(1, np.intp)
    for floor in FLOORS:
        if not is_safe(sums.sum(axis=1), floor * min_count):
            break
        down = merge_small(sums, floor * min_count)
        columns = np.moveaxis(np.add.reduceat(pieces, down, axis=2), 2, 1)
        across = merge_small(columns.reshape(-1, len(first)), min_count)
        if len(across) * len(down) > len(best):
            best = np.add.outer(first[across] * width, second[down]).ravel()
    return best


def tell_slices(cutting: Cutting, part: int, design: Design) -> list[SliceTable | None]:
    """One part's slices."""
    return [_tell(cutting, part, design, ALL, i) for i in range(len(design.slices))]


def tell_label_slices(cutting: Cutting, part: int, design: Design) -> list[SliceTable | None]:
    """One part's slices among the rows with a known outcome; none at all where none is told."""
    told = [_tell(cutting, part, design, LABELLED, i) for i in range(len(design.slices))]
    return told if any(told) else []


def _tell(
    cutting: Cutting, part: int, design: Design, family: Family, number: int
) -> SliceTable | None:
    starts = cutting.cuts.get((family.slices, str(number)))
    if starts is None:
        return None
    tables = cutting.parts[part].tables
    counts, loss = tables[family.slices, str(number)], None
    if design.error is not None and family is LABELLED:
        largest = max(abs(design.error.edges[0]), abs(design.error.edges[-1]))
        loss = rounded(_runs(tables["slice loss", str(number)], starts), largest)
    return SliceTable(
        rows=_runs(counts.sum(axis=-1), starts),
        hits=_runs(counts[..., 1], starts) if design.decides else None,
        loss=loss,
    )


def _runs(table: Array, starts: Starts) -> list[Any]:
    """The crossed bands as they are told: a run's total in its first one, None in the others."""
    width = table.shape[1]
    across, down = np.unique(starts // width), np.unique(starts % width)
    totals = np.add.reduceat(np.add.reduceat(table, across, axis=0), down, axis=1)
    told: list[Any] = [None] * table.size
    for start, total in zip(starts.tolist(), totals.ravel().tolist(), strict=True):
        told[start] = total
    return told


def _sliced(design: Design) -> list[str]:
    return sorted({name for one in design.slices for name in one.columns})


def _starts_on(design: Design, name: str) -> Starts:
    """Where some slice's band of the column starts."""
    pairs = [pair for one in design.slices for pair in zip(one.columns, one.starts, strict=True)]
    return np.unique([start for column, starts in pairs if column == name for start in starts])
