"""Rows to raw counts. What is here never leaves the host as it is: `release` merges small cells."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .attributions import count_attributions, no_attributions
from .batch import Batch, Counted, Reader
from .classes import count_classes
from .columns import count_columns
from .design import Design
from .errors import count_errors
from .frames import NO_TIME, Data, as_seconds
from .maps import count_maps
from .scores import count_scores
from .slices import count_slices
from .statement import Refused
from .subjects import Subjects

MOST_WINDOWS = 5_000

# Columns come last: what the others needed of one is then there already.
PARTS = (
    count_scores,
    count_errors,
    count_classes,
    count_slices,
    count_maps,
    count_columns,
    no_attributions,
)


class Counter:
    """Counts batches of rows as a design asks."""

    def __init__(self, design: Design, model: str, key: bytes) -> None:
        self.design = design
        self._reader = Reader(design, model, key)
        self.names, self.aliases = self._reader.names, self._reader.aliases

    def nothing(self) -> Counted:
        """The counts of no rows."""
        return self.count_columns(0, {})

    def count(self, batch: Any, subjects: Subjects | None = None) -> Counted:
        """The counts of a batch, or of the rows that `subjects` admit.

        A column that it lacks is missing in every row.
        """
        if subjects is None:
            return self.count_columns(*self._reader.read(batch))
        _, data = self._reader.read(batch, subjects.column)
        return self.count_columns(*subjects.limit(data))

    def count_attributions(self, frame: Any) -> Counted:
        """The attributions of some rows, which aren't counted themselves."""
        return count_attributions(self.aliases.rename(frame), self.design)

    def columns_of(self, rows: Sequence[Mapping[str, Any]], *more: str) -> dict[str, list[Any]]:
        """Single rows as a batch, with `more` than the design's columns.

        Under aliases the plan doesn't say which names they have.
        """
        own = chain.from_iterable(rows) if self.aliases.any else self.names
        names = dict.fromkeys([*own, *more])
        return {name: [row.get(name) for row in rows] for name in names}

    def count_columns(self, rows: int, data: dict[str, Data]) -> Counted:
        """The counts of columns that are already read."""
        batch, counted = Batch(rows, data, self._reader), Counted(rows)
        for part in PARTS:
            counted.tables |= part(batch, self.design)
        return counted

    def count_by_time(
        self,
        batches: Iterable[Any],
        time: str,
        origin: int,
        step: int,
        subjects: Subjects | None = None,
    ) -> dict[int, Counted]:
        """The counts of each window, by its first second: origin + i * step.

        Rows without a time are left out. `time` names the column with each row's moment. Of one of
        the `subjects`, each window has at most as many rows as they say.
        """
        counts: dict[int, Counted] = {}
        limits: dict[int, Subjects] = {}
        more = [time] if subjects is None else [time, subjects.column]
        for batch in batches:
            _, data = self._reader.read(batch, *more)
            if time not in data:
                raise Refused("window.time_column", "The data lack the time column that was named.")
            seconds = as_seconds(data.pop(time))
            start = np.where(seconds == NO_TIME, NO_TIME, seconds - (seconds - origin) % step)
            for first in np.unique(start[start != NO_TIME]).tolist():
                rows = np.flatnonzero(start == first)
                chosen = len(rows), {name: column[rows] for name, column in data.items()}
                if subjects is not None:
                    chosen = limits.setdefault(first, subjects.anew()).limit(chosen[1])
                counts.setdefault(first, self.nothing())
                counts[first] += self.count_columns(*chosen)
            if len(counts) > MOST_WINDOWS:
                raise Refused("window.too_many", f"At most {MOST_WINDOWS} windows at a time.")
        return dict(sorted(counts.items()))
