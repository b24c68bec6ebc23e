"""A uniform random sample of the rows of any number of batches, in constant memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .frames import NO_TIME, Array, Coded, Data, as_seconds, names_in, read_columns
from .joining import with_joined
from .statement import Refused

SIZE = 40_000


class Sample:
    """At most `size` rows: those with the smallest of random tags. `columns` holds them by name.

    Sampled are the columns whose name is `wanted`, with each of the `joined` in place of its parts.
    `names` are the names of all columns; `coded` names those that came as categories. With a time
    column, rows without a time are left out, and `first` and `last` are the earliest and latest
    second.
    """

    def __init__(
        self,
        wanted: Callable[[str], bool],
        time: str | None = None,
        joined: Mapping[str, Sequence[str]] | None = None,
        size: int | None = None,
    ) -> None:
        self.rows = 0
        self.names: set[str] = set()
        self.first, self.last = np.iinfo(np.int64).max, NO_TIME
        self.columns: dict[str, Array] = {}
        self.coded: set[str] = set()
        self._wanted, self._time, self._joined = wanted, time, joined or {}
        self._size = size or SIZE
        self._tags = np.empty(0)
        self._random = np.random.default_rng(0)

    def add(self, batch: Any) -> None:
        """Draw from one more batch."""
        self.names |= set(names_in(batch))
        names = [n for n in names_in(batch) if n == self._time or self._wanted(n)]
        rows, data = read_columns(batch, names)
        data = with_joined(data, self._joined)
        keep = np.arange(rows)
        if self._time is not None:
            keep = self._note_times(data)
        self.rows += len(keep)
        tags = self._random.random(len(keep))
        if len(self._tags) == self._size:
            near = tags < self._tags.max()
            keep, tags = keep[near], tags[near]
        self.coded |= {name for name, column in data.items() if isinstance(column, Coded)}
        drawn = {n: _plain(column[keep]) for n, column in data.items() if n != self._time}
        if self.columns and set(drawn) != set(self.columns):
            raise Refused("baseline.columns_differ", "All parts of a file have the same columns.")
        self._merge(tags, drawn)

    def _note_times(self, data: dict[str, Data]) -> Array:
        """The rows that have a time."""
        if self._time not in data:
            raise Refused("window.time_column", "The data lack the time column that was named.")
        seconds = as_seconds(data[self._time])
        keep = np.flatnonzero(seconds != NO_TIME)
        if keep.size:
            self.first = min(self.first, int(seconds[keep].min()))
            self.last = max(self.last, int(seconds[keep].max()))
        return keep

    def _merge(self, tags: Array, drawn: dict[str, Array]) -> None:
        self._tags = np.concatenate([self._tags, tags])
        smallest = np.argsort(self._tags)[: self._size]
        self._tags = self._tags[smallest]
        for name, column in drawn.items():
            before = self.columns.get(name)
            both = column if before is None else np.concatenate([before, column])
            self.columns[name] = both[smallest]


def _plain(data: Data) -> Array:
    """The rows' values themselves; few, so they may be Python objects."""
    if not isinstance(data, Coded):
        return data
    values = np.empty(len(data.values) + 1, object)
    values[:-1] = data.values
    plain: Array = values[np.maximum(data.codes, -1)]
    return plain
