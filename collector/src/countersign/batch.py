"""Some rows, and what the tables that are counted over them have in common."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .aliases import Aliases
from .binning import FIRST_BIN, Bins, Cells
from .cell_checks import largest_of
from .design import Design
from .frames import (
    Array,
    Data,
    as_numbers,
    boolean_cells,
    categorical_cells,
    read_columns,
)
from .hashing import Vocabulary
from .joining import names_to_read, with_joined
from .tables import Column

Floats = npt.NDArray[np.float64]

Key = tuple[str, ...]  # a table's kind, then the column that it is about
Tables = dict[Key, Array]


@dataclass
class Counted:
    """Raw tables of some rows. Adding two gives those of both. They never leave the host."""

    rows: int = 0
    tables: Tables = field(default_factory=dict)

    def __iadd__(self, other: "Counted") -> "Counted":
        self.rows += other.rows
        for key, table in other.tables.items():
            self.tables[key] = self.tables[key] + table if key in self.tables else table
        return self


class Reader:
    """Reads a design's columns out of batches and puts their values into cells."""

    def __init__(self, design: Design, model: str, key: bytes) -> None:
        self.noised = design.noised
        self._joined = {c.name: c.of for c in design.columns if c.of}
        vectors = {name for one in design.maps for name in one.columns}
        columns = [c.name for c in design.columns]
        self._columns = list(dict.fromkeys([*columns, *vectors]))
        self.names = names_to_read(self._columns, self._joined)
        self.aliases = Aliases(key, model, {*self._columns, *self.names})
        self.bins = {c.name: Bins(c.edges) for c in design.columns if c.kind == "numeric"}
        self.vocabularies = {
            c.name: Vocabulary(key, model, c.name, c.tokens)
            for c in design.columns
            if c.kind == "categorical"
        }

    def read(self, batch: Any, *more: str) -> tuple[int, dict[str, Data]]:
        """The number of rows, and those of the design's columns, and of `more`, that there are."""
        rows, data = read_columns(self.aliases.rename(batch), [*self.names, *more])
        return rows, with_joined(data, self._joined)

    def put(self, column: Column, data: Data) -> Cells:
        """The cell of each value."""
        if column.kind == "numeric":
            return self.bins[column.name].cells(as_numbers(data))
        if column.kind == "categorical":
            return categorical_cells(data, self.vocabularies[column.name])
        return boolean_cells(data)


class Batch:
    """Columns that were read. What several tables need of one is worked out once."""

    def __init__(self, rows: int, data: dict[str, Data], reader: Reader) -> None:
        self.rows, self.data, self.reader = rows, data, reader
        self._cells: dict[str, Cells] = {}
        self._numbers: dict[str, Floats] = {}

    def cells(self, column: Column) -> Cells:
        """Each row's cell; the first one, missing, in a column that the batch lacks."""
        if column.name not in self._cells:
            if column.name in self.data:
                found = self.reader.put(column, self.data[column.name])
            else:
                found = np.zeros(self.rows, np.uint8)
            self._cells[column.name] = found
        return self._cells[column.name]

    def has_cells(self, column: Column) -> bool:
        """Whether some table already needed the column's cells."""
        return column.name in self._cells

    def numbers(self, name: str) -> Floats:
        """Each row's number: NaN where missing, infinite where there is something else."""
        if name not in self._numbers:
            found = as_numbers(self.data[name]) if name in self.data else np.full(self.rows, np.nan)
            self._numbers[name] = found.astype(np.float64, copy=False)
        return self._numbers[name]

    def powers(self, column: Column) -> list[Floats]:
        """Each row's number and its square; 0 outside the bins."""
        inside = is_inside(self.cells(column), column)
        values = np.where(inside, self.numbers(column.name), 0.0)
        largest = largest_of(column)
        return [self.summands(values, largest), self.summands(values**2, largest**2)]

    def summands(self, values: Floats, bound: float) -> Floats:
        """What is summed of values between -bound and bound: with noise, in whole steps."""
        return on_grid(values, bound) if self.reader.noised else values


def on_grid(values: Floats, bound: float) -> Floats:
    """The values rounded to steps: a sum of them is exact, whatever the order of its rows.

    Else a row could change a sum by more than itself, by how all others are rounded (Casacuberta
    and others, 2022, Widespread underestimation of sensitivity).
    """
    step = step_of(bound)
    return np.asarray(np.rint(values / step) * step)


def step_of(bound: float) -> float:
    """The power of two of which `bound` has between 2^16 and 2^17."""
    return math.ldexp(1.0, math.frexp(bound)[1] - 17)


def is_inside(cells: Array, column: Column) -> npt.NDArray[np.bool_]:
    """Whether a cell of a numeric column is one of its bins."""
    return (cells >= FIRST_BIN) & (cells < column.size - 1)


def tabulate(axes: Sequence[tuple[Array, int]], weights: Iterable[Floats] = ()) -> Array:
    """How many rows have each combination of places; or the sums of weights there, one by one.

    An axis is each row's place on it, and how many places there are. The table has the axes'
    lengths; with weights, theirs comes before the last one.
    """
    *outer, (last, size) = axes
    place = np.zeros(len(last), np.int64)
    for values, length in axes:
        place = place * length + values
    shape = [length for _, length in outer]
    cells = int(np.prod(shape, dtype=np.int64)) * size
    sums = [np.bincount(place, weight, cells).reshape(*shape, size) for weight in weights]
    if sums:
        return np.stack(sums, axis=-2).astype(np.float64, copy=False)  # of no rows, they are whole
    return np.bincount(place, minlength=cells).reshape(*shape, size)
