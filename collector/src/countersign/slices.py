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
from typing import NamedTuple

import numpy as np

from .batch import Batch, Key, Tables, tabulate
from .binning import Cells
from .cell_checks import largest_of
from .columns import room_of, rounded
from .crossing import crossed_runs, cut_product, uncross
from .cutting import Cutting
from .design import Design
from .errors import errors_of
from .frames import Array
from .merging import Starts
from .scores import POSITIVE, UNKNOWN, labels_of
from .steps import Since, starts_of
from .tables import Labels, Slice, SliceTable


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
        loss = batch.summands(loss, largest_of(design.error))
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
    room: tuple[float, ...] = ()
    if design.error is not None and own is LABELLED:
        room = room_of(largest_of(design.error))
    for name in _sliced(design):
        limit = cutting.cuts.get(("column" if whole is None else whole.columns, name))
        lines = cutting.lines_and_steps(own.columns, name)[:, measures]
        if limit is not None and cutting.has_some(lines):
            cutting.cut((own.columns, name), lines, limit, _starts_on(design, name))
    for i, one in enumerate(design.slices):
        key = (own.slices, str(i))
        limits = [_crossed(one, [cutting.cuts.get((own.columns, name)) for name in one.columns])]
        if whole is not None:
            limits.append(cutting.cuts.get((whole.slices, str(i))))
        told = [limit for limit in limits if limit is not None]
        within = cutting.limit(key, *told)
        if within is not None and len(told) == len(limits) and cutting.may_tell(key):
            lines = np.moveaxis(cutting.lines_and_steps(*key)[..., measures], -1, 1)
            if room:
                loss = cutting.lines_and_steps("slice loss", str(i))[:, None]
                lines = np.concatenate([lines, loss], axis=1)
            parts, since = cutting.divide(key, lines)
            cutting.cuts[key] = cut_product(parts, within, cutting.min_count, since, room)


def _crossed(one: Slice, cuts: Sequence[Starts | None]) -> Starts | None:
    """The crossed bands that start at the cuts of their columns, one row after the other."""
    at = [np.isin(one.starts[i], cut) for i, cut in enumerate(cuts) if cut is not None]
    if len(at) < len(cuts):
        return None
    return np.flatnonzero(np.logical_and.outer(at[0], at[1] if len(at) > 1 else [True]))


def label_slices_since(tables: Tables, told: Labels, design: Design) -> Since:
    """The step since the labels' slices were told."""
    steps: Tables = {}
    cuts: dict[Key, Starts] = {}
    for i, table in enumerate(told.slices):
        if table is None:
            continue
        number, starts = str(i), starts_of(table.rows)
        now = tables[LABELLED.slices, number]
        hits = [0] * len(table.rows) if table.hits is None else table.hits
        step = _came(now.sum(axis=-1), table.rows, starts)
        wrong = _came(now[..., 1], hits, starts)
        steps[LABELLED.slices, number] = np.stack([step - wrong, wrong], axis=-1)
        cuts[LABELLED.slices, number] = starts
        if table.loss is not None:
            steps["slice loss", number] = _came(tables["slice loss", number], table.loss, starts)
    for name in _sliced(design):
        found = _column_since(design, name, steps, cuts)
        if found is not None:
            steps[LABELLED.columns, name], cuts[LABELLED.columns, name] = found
    return Since(steps, cuts)


def _came(now: Array, told: Sequence[float | None], starts: Starts) -> Array:
    """The step of a table of crossed bands, each run's in its first one."""
    before, after = (
        np.nan_to_num(np.array(x, np.float64)) for x in (told, crossed_runs(now, starts))
    )
    step: Array = (after - before).reshape(now.shape)
    return step


def _column_since(
    design: Design, name: str, steps: Tables, cuts: dict[Key, Starts]
) -> tuple[Array, Starts] | None:
    """A column's step, (2, cells), and its cuts, from all told slices on it.

    Each tells what came before each of its bands; together, what came between any two of those.
    """
    before: dict[int, Array] = {}
    for i, one in enumerate(design.slices):
        key = (LABELLED.slices, str(i))
        if name not in one.columns or key not in cuts:
            continue
        axis = one.columns.index(name)
        bands = steps[key].sum(axis=1 - axis)
        sums = np.concatenate([np.zeros((1, 2)), np.cumsum(bands, axis=0)])
        for band in uncross(cuts[key], steps[key].shape[1])[axis].tolist():
            before[one.starts[axis][band]] = sums[band]
        total = sums[-1]
    if not before:
        return None
    starts = np.array(sorted(before))
    step = np.zeros((2, design.by_name[name].size))
    step[:, starts] = np.diff([*(before[start] for start in starts), total], axis=0).T
    return step, starts


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
        sums = crossed_runs(tables["slice loss", str(number)], starts)
        loss = rounded(sums, largest_of(design.error))
    return SliceTable(
        rows=crossed_runs(counts.sum(axis=-1), starts),
        hits=crossed_runs(counts[..., 1], starts) if design.decides else None,
        loss=loss,
    )


def _sliced(design: Design) -> list[str]:
    return sorted({name for one in design.slices for name in one.columns})


def _starts_on(design: Design, name: str) -> Starts:
    """Where some slice's band of the column starts."""
    pairs = [pair for one in design.slices for pair in zip(one.columns, one.starts, strict=True)]
    return np.unique([start for column, starts in pairs if column == name for start in starts])
