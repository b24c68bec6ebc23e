"""Rows to raw counts. What is here never leaves the host as it is: `release` merges small cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .binning import Bins, Cells, Ints, count_cells
from .frames import (
    NO_TIME,
    Data,
    as_numbers,
    as_seconds,
    boolean_cells,
    categorical_cells,
    read_columns,
)
from .hashing import Vocabulary
from .statement import Column, Refused

NEGATIVE, POSITIVE, UNKNOWN = 0, 1, 2
_LABEL = np.array([UNKNOWN, UNKNOWN, NEGATIVE, POSITIVE], np.uint8)  # by a boolean column's cell

MOST_WINDOWS = 5_000

Floats = npt.NDArray[np.float64]


@dataclass
class Table:
    """The score's cells, by label. `counts` is (..., 3 labels, cells).

    `sums` is (2, ..., cells): the sum of the scores and of their squares, 0 outside the bins.
    """

    counts: Ints
    sums: Floats

    def __iadd__(self, other: "Table") -> "Table":
        self.counts += other.counts
        self.sums += other.sums
        return self


@dataclass
class Counted:
    """Raw counts of some rows. Adding two gives the counts of both."""

    rows: int = 0
    columns: dict[str, Ints] = field(default_factory=dict)
    score: Table | None = None
    groups: dict[str, Table] = field(default_factory=dict)  # first axis: the group column's cells

    def __iadd__(self, other: "Counted") -> "Counted":
        self.rows += other.rows
        for name, counts in other.columns.items():
            self.columns[name] += counts
        if self.score is not None and other.score is not None:
            self.score += other.score
        for name, table in other.groups.items():
            self.groups[name] += table
        return self


class Counter:
    """Counts batches of rows as the columns of a plan ask."""

    def __init__(self, columns: Sequence[Column], model: str, key: bytes) -> None:
        self.columns = [c for c in columns if c.role != "outcome"]
        self.score = next((c for c in columns if c.role == "score"), None)
        self.outcome = next((c for c in columns if c.role == "outcome"), None)
        self.group_columns = [c for c in columns if c.role == "group"]
        self.names = [c.name for c in columns]
        self._bins = {c.name: Bins(c.edges) for c in columns if c.kind == "numeric"}
        self._vocabularies = {
            c.name: Vocabulary(key, model, c.name, c.tokens)
            for c in columns
            if c.kind == "categorical"
        }

    def nothing(self) -> Counted:
        """The counts of no rows."""
        counted = Counted(columns={c.name: np.zeros(c.size, np.int64) for c in self.columns})
        if self.score is not None:
            counted.score = _empty_table(self.score.size)
            counted.groups = {
                c.name: _empty_table(self.score.size, c.size) for c in self.group_columns
            }
        return counted

    def count(self, batch: Any) -> Counted:
        """The counts of a batch. A column that it lacks is missing in every row."""
        return self.count_columns(*read_columns(batch, self.names))

    def count_columns(self, rows: int, data: dict[str, Data]) -> Counted:
        """The counts of columns that are already read."""
        counted = self.nothing()
        counted.rows = rows
        kept: dict[str, Cells] = {}
        for column in self.columns:
            if column.name not in data:
                counted.columns[column.name][0] = rows
            elif column.role in ("score", "group"):
                kept[column.name] = self._cells(column, data[column.name])
                counted.columns[column.name] = count_cells(kept[column.name], column.size)
            elif column.kind == "numeric":
                numbers = as_numbers(data[column.name])
                counted.columns[column.name] = self._bins[column.name].count(numbers)
            else:
                cells = self._cells(column, data[column.name])
                counted.columns[column.name] = count_cells(cells, column.size)
        if self.score is not None:
            self._count_by_score(counted, data, kept)
        return counted

    def count_by_time(
        self, batches: Iterable[Any], time: str, origin: int, step: int
    ) -> dict[int, Counted]:
        """The counts of each window, by its first second: origin + i * step.

        Rows without a time are left out. `time` names the column with each row's moment.
        """
        counts: dict[int, Counted] = {}
        for batch in batches:
            data = read_columns(batch, [*self.names, time])[1]
            if time not in data:
                raise Refused("window.time_column", "The data lack the time column that was named.")
            seconds = as_seconds(data[time])
            start = np.where(seconds == NO_TIME, NO_TIME, seconds - (seconds - origin) % step)
            for first in np.unique(start[start != NO_TIME]).tolist():
                rows = np.flatnonzero(start == first)
                chosen = {name: data[name][rows] for name in self.names if name in data}
                counts.setdefault(first, self.nothing())
                counts[first] += self.count_columns(len(rows), chosen)
            if len(counts) > MOST_WINDOWS:
                raise Refused("window.too_many", f"At most {MOST_WINDOWS} windows at a time.")
        return dict(sorted(counts.items()))

    def _cells(self, column: Column, data: Data) -> Cells:
        if column.kind == "numeric":
            return self._bins[column.name].cells(as_numbers(data))
        if column.kind == "categorical":
            return categorical_cells(data, self._vocabularies[column.name])
        return boolean_cells(data)

    def _count_by_score(
        self, counted: Counted, data: dict[str, Data], kept: dict[str, Cells]
    ) -> None:
        """Score by label, and by group and label."""
        assert self.score is not None
        missing = np.zeros(counted.rows, np.uint8)
        cells = kept.get(self.score.name, missing)
        label = np.full(counted.rows, UNKNOWN, np.uint8)
        if self.outcome is not None and self.outcome.name in data:
            label = _LABEL[boolean_cells(data[self.outcome.name])]
        scores = np.zeros(counted.rows)
        if self.score.name in data:
            inside = (cells >= 3) & (cells < self.score.size - 1)
            scores = np.where(inside, as_numbers(data[self.score.name]), 0.0).astype(np.float64)
        counted.score = _cross(cells, label, scores, self.score.size)
        for column in self.group_columns:
            group = kept.get(column.name, missing)
            counted.groups[column.name] = _cross(
                cells, label, scores, self.score.size, (group, column.size)
            )


def _empty_table(cells: int, *groups: int) -> Table:
    return Table(np.zeros((*groups, 3, cells), np.int64), np.zeros((2, *groups, cells)))


def _cross(
    cells: Cells, label: Cells, scores: Floats, size: int, group: tuple[Cells, int] | None = None
) -> Table:
    """Count rows by (group, label, cell), and sum scores by (group, cell)."""
    outer, shape = (np.zeros_like(cells), ()) if group is None else (group[0], (group[1],))
    n = 1 if group is None else group[1]
    place = outer.astype(np.int64) * size + cells
    by_label = (outer.astype(np.int64) * 3 + label) * size + cells
    counts = np.bincount(by_label, minlength=n * 3 * size)
    sums = [np.bincount(place, weights=w, minlength=n * size) for w in (scores, scores**2)]
    return Table(counts.reshape(*shape, 3, size), np.reshape(sums, (2, *shape, size)))
