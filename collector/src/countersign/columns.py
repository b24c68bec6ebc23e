"""Columns: how many rows fall into each cell, and in metered ones the sums of their values.

A run's sum is told where its rows inside the bins are none or `min_count` and more: otherwise it
would be those few rows' sum. So a metered column's rows inside the bins are one more line of the
table that is cut. If they are too few as a whole, no run has a sum.

Raw tables: ("column", name) is (cells,); ("sums", name) is (2, cells), of values and squares.
"""

import math
from collections.abc import Sequence

import numpy as np

from .batch import Batch, Floats, Tables, is_inside, tabulate
from .binning import count_cells
from .cell_checks import largest_of
from .cutting import Cutting
from .design import Design
from .frames import Array, as_numbers
from .merging import Lines, Starts, runs
from .steps import Since, came, starts_of
from .tables import Column, Counts

DIGITS = 7  # of the largest value that a row can have
ROUNDINGS = 20  # units of the last digit that the sums of some tables' runs may be off


def count_columns(batch: Batch, design: Design) -> Tables:
    """The cells of every column but the outcome, and the metered ones' sums."""
    tables: Tables = {}
    for column in design.columns:
        if column.role == "outcome":
            continue
        if column.metered:
            axes = [(batch.cells(column), column.size)]
            tables["sums", column.name] = tabulate(axes, batch.powers(column))
        tables["column", column.name] = _cells_of(batch, column)
    return tables


def _cells_of(batch: Batch, column: Column) -> Array:
    if column.name not in batch.data:
        return np.array([batch.rows, *[0] * (column.size - 1)])
    if column.kind == "numeric" and not batch.has_cells(column):
        numbers = as_numbers(batch.data[column.name])
        return batch.reader.bins[column.name].count(numbers)
    return count_cells(batch.cells(column), column.size)


def cut_column(cutting: Cutting, column: Column, prefer: int | None = None) -> None:
    """Cut a column's cells; a score preferably at the decision."""
    cells = cutting.lines_and_steps("column", column.name)
    lines = metered_lines(cells, column, has_sums(cutting, column))
    if lines.shape[1] == 1:
        cutting.cut(("column", column.name), lines, prefer=prefer)
        return
    # Sums are of the rows inside, so they stand in one block with these.
    with_sums = np.zeros((*lines.shape[:2], 3, column.size))
    with_sums[:, :, 0] = lines
    with_sums[:, 1, 1:] = cutting.lines_and_steps("sums", column.name)
    room = room_of(*_bounds(column))
    cutting.cut(("column", column.name), with_sums, prefer=prefer, room=room)


def column_since(tables: Tables, column: Column, told: Counts | None) -> Since:
    """The step since a column was told.

    A run with cells both inside the bins and outside may have got its rows on either side: they
    stand outside, so that a change of its sums counts as one without rows.
    """
    if told is None:
        return Since({}, {})
    key, starts = ("column", column.name), starts_of(told.cells)
    [cells] = came(tables[key][None], told.cells)
    for run in np.split(np.arange(column.size), starts[1:]):
        outside = run[~is_inside(run, column)]
        if outside.size:
            cells[[run[0], outside[0]]] = cells[[outside[0], run[0]]]
    steps: Tables = {key: cells}
    if told.sum is not None and told.sum_squares is not None:
        now, key = tables["sums", column.name], ("sums", column.name)
        steps[key] = came(now, told.sum, told.sum_squares, starts=starts)
    return Since(steps, {("column", column.name): starts})


def has_sums(cutting: Cutting, column: Column) -> bool:
    """Whether enough rows, or none, lie inside the column's bins to tell sums."""
    if not column.metered:
        return False
    return cutting.is_safe(_inside(cutting.lines("column", column.name), column).sum(axis=-1))


def metered_lines(cells: Lines, column: Column, summed: bool) -> Lines:
    """The lines of a table of a column's cells: (..., lines, cells)."""
    return np.stack([cells, _inside(cells, column)] if summed else [cells], axis=-2)


def _inside(cells: Lines, column: Column) -> Lines:
    inside: Lines = cells * is_inside(np.arange(column.size), column)
    return inside


def tell_column(cutting: Cutting, part: int, column: Column) -> Counts:
    """What is told of one part's column."""
    tables, starts = cutting.parts[part].tables, cutting.starts("column", column.name)
    cells = tables["column", column.name]
    if not column.metered:
        return Counts(cells=runs(cells, starts))
    sums = tables["sums", column.name] if has_sums(cutting, column) else None
    return tell_metered(cells, sums, starts, column)


def tell_metered(cells: Lines, sums: Floats | None, starts: Starts, column: Column) -> Counts:
    """A metered column's cells over some rows, with their sums where they may be told."""
    nothing: list[float | None] = [None] * column.size
    told = (
        [nothing, nothing]
        if sums is None
        else [
            rounded(runs(line, starts), bound)
            for line, bound in zip(sums, _bounds(column), strict=True)
        ]
    )
    return Counts(cells=runs(cells, starts), sum=told[0], sum_squares=told[1])


def _bounds(column: Column) -> tuple[float, float]:
    """The largest value inside the bins, and its square."""
    largest = largest_of(column)
    return largest, largest**2


def rounded(sums: Sequence[float | None], largest: float) -> list[float | None]:
    """The sums to DIGITS digits of the largest summand: then their order doesn't matter."""
    return [None if value is None else round(value, _decimals(largest)) for value in sums]


def room_of(*largest: float) -> tuple[float, ...]:
    """What rounding may leave of a difference of such sums, if nothing changed."""
    return tuple(ROUNDINGS * 10.0 ** -_decimals(bound) for bound in largest)


def _decimals(largest: float) -> int:
    return DIGITS - math.ceil(math.log10(largest)) if largest else 0
