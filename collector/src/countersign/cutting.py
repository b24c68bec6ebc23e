"""Where the tables of some parts of the same rows are cut, so that no small count is told.

Several parts, such as the windows of a baseline, are cut alike. Under an earlier cutting, such as
the total's, every table is cut no finer than there, and none is told that is withheld there: so
subtracting the parts from the whole tells nothing that they don't. Beside earlier releases of fewer
of the rows, what came since is cut like one more part, at the cuts that such a release has too.

What `merging` does keeps every *conjunction* of conditions safe: rows with this and that in common.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from .batch import Counted, Key
from .binning import FIRST_BIN
from .frames import Array
from .merging import Lines, Starts, Step, is_safe, merge_steps, safe_groups
from .steps import Since, count_lines
from .tables import Column


class Cutting:
    """`cuts` has the first cells of each table's runs, or None for a table that isn't told.

    With a `min_count` of 0, as under noise, all tables are told whole, whatever the rows are.
    """

    def __init__(
        self,
        parts: Sequence[Counted],
        min_count: int,
        within: "Cutting | None" = None,
        since: Sequence[Since] = (),
    ) -> None:
        self.parts, self.min_count = parts, min_count
        self.cuts: dict[Key, Starts | None] = {}
        self._within, self._since = within, since

    def lines(self, *key: str) -> Array:
        """The raw tables under a key: the first axis is the parts."""
        return np.stack([part.tables[key] for part in self.parts])

    def lines_and_steps(self, *key: str) -> Array:
        """The same, and after the parts the steps since each earlier release."""
        own = self.lines(*key)
        steps = [since.tables.get(key, np.zeros_like(own[0])) for since in self._since]
        return np.stack([*own, *steps])

    def cut(
        self,
        key: Key,
        lines: Array,
        *limits: Starts,
        prefer: int | None = None,
        room: Sequence[float] = (),
    ) -> Starts | None:
        """Where the runs start, in the last axis of `lines` and within all of the limits.

        The axes of `lines` are parts and steps, (blocks of the same rows,) lines, and cells. The
        last lines are no counts if there is `room`, see `steps.count_lines`. None if a line as a
        whole is too small to tell.
        """
        self.cuts[key] = None
        if self.may_tell(key):
            *_, kinds, cells = lines.shape
            own, since = self.divide(key, lines.reshape(len(lines), -1, kinds, cells))
            counts = own[:, :, : kinds - len(room)].reshape(-1, cells)
            steps = [Step(count_lines(step, at, room), at) for step, at in since]
            limit = self.limit(key, *limits)
            self.cuts[key] = merge_steps(counts, steps, self.min_count, limit, prefer)
        return self.cuts[key]

    def divide(self, key: Key, lines: Array) -> tuple[Array, list[tuple[Array, Starts]]]:
        """The lines of the parts; and the steps since releases that told the table, with its cuts.

        The first axis of `lines` is the parts and steps.
        """
        steps = zip(lines[len(self.parts) :], self._since, strict=False)
        return lines[: len(self.parts)], [
            (step, since.cuts[key]) for step, since in steps if key in since.cuts
        ]

    def may_tell(self, key: Key) -> bool:
        """Whether the earlier cutting, if there is one, tells this table."""
        return self._within is None or self._within.cuts.get(key) is not None

    def limit(self, key: Key, *limits: Starts) -> Starts | None:
        """Where runs may start: where all limits have a start, and the earlier cutting too."""
        earlier = None if self._within is None else self._within.cuts.get(key)
        given = [*limits, *([] if earlier is None else [earlier])]
        return reduce(np.intersect1d, given) if given else None

    def has_some(self, lines: Array) -> bool:
        """Whether there are rows to tell of. Without a floor that isn't asked: it tells of rows."""
        return self.min_count == 0 or bool(lines.any())

    def is_safe(self, counts: Lines) -> bool:
        """Every count is 0 or at least `min_count`."""
        return is_safe(counts, self.min_count)

    def starts(self, *key: str) -> Starts:
        """Where the runs of a table start that is told for certain."""
        starts = self.cuts[key]
        assert starts is not None
        return starts

    def cells_alone(self, column: Column) -> list[int]:
        """A categorical column's tokens that were not merged with a neighbour.

        A merged token has no table of its own: with the merged count it would give the
        neighbour's count.
        """
        starts = {*self.starts("column", column.name).tolist(), column.size}
        return [cell for cell in range(FIRST_BIN, column.size) if {cell, cell + 1} <= starts]

    def cut_groups(
        self,
        key: Key,
        tables: Array,
        cells: Sequence[int],
        starts: Starts,
        *,
        inner: Key | None = None,
        prefer: int | None = None,
        room: Sequence[float] = (),
    ) -> None:
        """Cut the tables of a group column's cells: (parts and steps, group, lines, cells).

        One after the other, in the vocabulary's order, which is that of their size in the
        reference: each no finer than the one before it and such that its own rows are safe, and
        those of all later groups and of nobody's group together. So a small group makes the tables
        of small groups coarse, but not those of large ones. The order is the same in every release,
        so that also a step's rest is right wherever the group itself was cut. `inner` are the keys
        of the same groups' tables that these are a part of.
        """
        rest = tables.sum(axis=1)
        for cell in self._safe_cells(key, tables[:, :, : tables.shape[2] - len(room)], cells):
            own, left = tables[:, cell], rest - tables[:, cell]
            limits = [starts] if inner is None else [starts, self.starts(*inner, str(cell))]
            lines = np.stack([own, left], axis=1)
            told = self.cut((*key, str(cell)), lines, *limits, prefer=prefer, room=room)
            if told is not None:
                starts, rest = told, left

    def told_groups(self, *key: str) -> list[int]:
        """The cells of a group column whose tables are told, in the order of cutting."""
        return [int(k[-1]) for k, cut in self.cuts.items() if k[:-1] == key and cut is not None]

    def _safe_cells(self, key: Key, tables: Array, cells: Sequence[int]) -> list[int]:
        """The cells that may have a table, in their order."""
        cells = [cell for cell in cells if self.may_tell((*key, str(cell)))]
        totals = np.moveaxis(tables.sum(axis=-1), 1, 0).reshape(tables.shape[1], -1)
        others = np.setdiff1d(np.arange(len(totals)), cells)
        told = safe_groups(totals[cells], totals[others].sum(axis=0), self.min_count)
        return sorted(cells[i] for i in told)
