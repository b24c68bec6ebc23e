"""What came to raw tables since an earlier release told them.

What was told is known by its runs only, so a step is as well: each run's total stands in its first
cell, which makes the sum over any whole runs right.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from .batch import Floats, Key, Tables
from .frames import Array
from .merging import Lines, Starts
from .tables import Column

CHANGED = 1e-3  # of a row: unsafe unless others came

Told = Sequence[float | None]
Table = TypeVar("Table")


class Since(NamedTuple):
    """The step of each raw table since an earlier release, and where that one was cut.

    A table that it didn't tell has no cuts, and nothing came to it. What came to the groups that it
    didn't tell stands with the first of them, missing.
    """

    tables: Tables
    cuts: dict[Key, Starts]

    def __or__(self, other: "Since") -> "Since":
        return Since(self.tables | other.tables, self.cuts | other.cuts)


def starts_of(told: Told) -> Starts:
    """Where the told runs start."""
    return np.flatnonzero([cell is not None for cell in told])


def came(now: Array, *told: Told, starts: Starts | None = None) -> Floats:
    """The step of (lines, cells) since these lines were told, cut alike; 0 where one wasn't."""
    before = np.array(told, np.float64)
    starts = starts_of(told[0]) if starts is None else starts
    step = np.zeros(before.shape)
    step[:, starts] = np.nan_to_num(np.add.reduceat(now, starts, axis=-1) - before[:, starts])
    return step


def told_cells(column: Column, told: Mapping[str, Mapping[str, Table | None]]) -> dict[int, Table]:
    """The tables of a group column that were told, by the column's cell."""
    tables = told.get(column.name, {})
    cells = enumerate(column.tokens, start=column.first_value)
    return {cell: table for cell, token in cells if (table := tables.get(token)) is not None}


def with_rest(whole: Array, groups: Mapping[int, Array], size: int) -> Array:
    """The table by group, (size, ...), of the steps of the whole and of the told groups."""
    table = np.zeros((size, *whole.shape))
    for cell, step in groups.items():
        table[cell] = step
    table[0] = whole - table.sum(axis=0)
    return table


def count_lines(step: Array, starts: Starts, room: Sequence[float]) -> Lines:
    """The lines of counts, (lines, cells), of a step's (blocks, lines, cells).

    The last lines of a block are sums if there is `room`: how far each may be off by rounding. Such
    a block has one line of counts more: where its sums changed but its rows did not, a value was
    corrected, and the difference would tell by how much; so there that line has a part of a row,
    which is unsafe until more rows come.
    """
    kinds, cells = step.shape[1] - len(room), step.shape[2]
    counts = step[:, :kinds].reshape(-1, cells)
    if not room:
        return counts
    total = np.abs(np.add.reduceat(step, starts, axis=-1))
    moved = total[:, :kinds].sum(axis=1)
    changed = (total[:, kinds:] > np.array(room)[:, None]).any(axis=1)
    line = np.zeros((len(step), cells))
    line[:, starts] = moved + CHANGED * (changed & (moved == 0))
    return np.concatenate([counts, line])
