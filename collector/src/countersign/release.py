"""Raw counts to what may be told: every table is cut by the small-cell rule of `merging`.

Several parts of the same rows, such as the windows of a baseline, are released together and cut
alike. A table that is a part of another one is cut no finer: a group's than the score's, a label's
than the score's, a series' than the total's.

The groups of one column are cut one after the other, the largest first, each no finer than the one
before it and such that its own rows are safe, and those of all later groups and of nobody's group
together. So a small group makes the tables of small groups coarse, but not those of large ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .binning import FIRST_BIN
from .counting import NEGATIVE, POSITIVE, Counted
from .merging import Lines, Starts, is_safe, merge_small, runs, safe_groups
from .statement import Column, Counts, Labels, LabelTable, Tally

DECIMALS = 6
KNOWN = [NEGATIVE, POSITIVE]

GroupCuts = dict[int, Starts]  # by the group column's cell, in the order of cutting


@dataclass
class Cuts:
    """Where the tables of one release were cut."""

    columns: dict[str, Starts] = field(default_factory=dict)
    groups: dict[str, GroupCuts] = field(default_factory=dict)
    labels: Starts | None = None
    label_groups: dict[str, GroupCuts] = field(default_factory=dict)


class Release:
    """Cuts the tables of some parts of the same rows alike, nested in an earlier release's cuts.

    Each part has no rows or at least `min_count`. `labels` comes after `tallies`, whose cuts it
    respects. A cut at the decision threshold is kept wherever it can be.
    """

    def __init__(
        self,
        parts: Sequence[Counted],
        columns: Sequence[Column],
        min_count: int,
        *,
        threshold: float | None = None,
        within: Cuts | None = None,
    ) -> None:
        self.parts, self.min_count = parts, min_count
        self.within, self.cuts = within or Cuts(), Cuts()
        self.score = next((c for c in columns if c.role == "score"), None)
        self.group_columns = [
            c for c in columns if c.role == "group" and c.tokens and self.score is not None
        ]
        self.decision = _decision_cell(self.score, threshold)
        for name in parts[0].columns:
            lines = np.stack([part.columns[name] for part in parts])
            limit = self.within.columns.get(name)
            decision = self.decision if self.score and name == self.score.name else None
            self.cuts.columns[name] = merge_small(lines, min_count, limit, decision)

    def tallies(self) -> list[Tally]:
        """Each part's columns, and the score by group."""
        for column in self.group_columns:
            tables = np.stack([_by_group(p, column).sum(axis=-2) for p in self.parts], axis=1)
            told = self._safe_cells(column, self._cells_alone(column), tables)
            self.cuts.groups[column.name] = self._cut_groups(
                tables, told, self._score_cuts, [self.within.groups.get(column.name, {})]
            )
        return [self._tally(part) for part in self.parts]

    def labels(self) -> list[Labels]:
        """Each part's labels by score; without tables where one part has too few to tell."""
        assert self.score is not None
        tables = np.stack([_by_label(part)[KNOWN] for part in self.parts])
        lines = tables.reshape(-1, self.score.size)
        if not lines.any() or not is_safe(lines.sum(axis=1), self.min_count):
            return [Labels(overall=None) for _ in self.parts]
        limit = self._score_cuts
        if self.within.labels is not None:
            limit = np.intersect1d(limit, self.within.labels)
        self.cuts.labels = merge_small(lines, self.min_count, limit, self.decision)
        for column in self.group_columns:
            groups = np.concatenate([_by_group(p, column)[:, KNOWN] for p in self.parts], axis=1)
            limits = [
                self.cuts.groups[column.name],
                self.within.label_groups.get(column.name, {}),
            ]
            told = self._safe_cells(column, list(limits[0]), groups)
            self.cuts.label_groups[column.name] = self._cut_groups(
                groups, told, self.cuts.labels, limits
            )
        return [self._labels(part) for part in self.parts]

    @property
    def _score_cuts(self) -> Starts:
        assert self.score is not None
        return self.cuts.columns[self.score.name]

    def _cells_alone(self, column: Column) -> list[int]:
        """The group column's tokens that were not merged with a neighbour in that column.

        A merged token has no table: with the merged count, it would give the neighbour's count.
        """
        starts = {*self.cuts.columns[column.name].tolist(), column.size}
        return [cell for cell in range(FIRST_BIN, column.size) if {cell, cell + 1} <= starts]

    def _safe_cells(self, column: Column, cells: list[int], tables: Lines) -> list[int]:
        """The cells that may have a table, largest first. `tables` is (group, line, cell)."""
        totals = tables.sum(axis=-1)
        others = np.setdiff1d(np.arange(column.size), cells)
        told = safe_groups(totals[cells], totals[others].sum(axis=0), self.min_count)
        return [cells[i] for i in told]

    def _cut_groups(
        self, tables: Lines, told: list[int], starts: Starts, limits: Sequence[GroupCuts]
    ) -> GroupCuts:
        cuts: GroupCuts = {}
        rest = tables.sum(axis=0)
        for cell in told:
            rest = rest - tables[cell]
            for limit in limits:
                starts = np.intersect1d(starts, limit.get(cell, starts))
            lines = np.concatenate([tables[cell], rest])
            starts = cuts[cell] = merge_small(lines, self.min_count, starts, self.decision)
        return cuts

    def _tally(self, part: Counted) -> Tally:
        columns = {
            name: Counts(cells=runs(cells, self.cuts.columns[name]))
            for name, cells in part.columns.items()
        }
        if self.score is not None and part.score is not None:
            cells = part.columns[self.score.name]
            columns[self.score.name] = _score_counts(cells, part.score.sums, self._score_cuts)
        groups = {
            column.name: {
                column.tokens[cell - FIRST_BIN]: _score_counts(
                    _by_group(part, column)[cell].sum(axis=0),
                    part.groups[column.name].sums[:, cell],
                    starts,
                )
                for cell, starts in self.cuts.groups[column.name].items()
            }
            for column in self.group_columns
        }
        return Tally(rows=part.rows, columns=columns, groups=groups)

    def _labels(self, part: Counted) -> Labels:
        assert self.cuts.labels is not None
        groups = {
            column.name: {
                token: _label_table(
                    _by_group(part, column)[cell], self.cuts.label_groups[column.name].get(cell)
                )
                for cell, token in enumerate(column.tokens, start=FIRST_BIN)
            }
            for column in self.group_columns
        }
        return Labels(overall=_label_table(_by_label(part), self.cuts.labels), groups=groups)


def _decision_cell(score: Column | None, threshold: float | None) -> int | None:
    """The score's first cell at or above the threshold."""
    if score is None or threshold is None:
        return None
    return FIRST_BIN + score.edges.index(threshold)


def _by_label(part: Counted) -> Lines:
    assert part.score is not None
    return part.score.counts


def _by_group(part: Counted, column: Column) -> Lines:
    return part.groups[column.name].counts


def _score_counts(cells: Lines, sums: Any, starts: Starts) -> Counts:
    total, squares = ([_rounded(x) for x in runs(line, starts)] for line in sums)
    return Counts(cells=runs(cells, starts), sum=total, sum_squares=squares)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)


def _label_table(table: Lines, starts: Starts | None) -> LabelTable | None:
    if starts is None:
        return None
    return LabelTable(
        positives=runs(table[POSITIVE], starts), negatives=runs(table[NEGATIVE], starts)
    )
