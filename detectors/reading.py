"""From statements to arrays: the last place that knows the wire, the first that knows numpy.

Columns with the same layout of cells are stacked into one `Block`, so that a detector is one call
however many columns there are. A merged run of cells tells only its total; it is split here the
way the reference splits it, which leans toward "nothing changed", never toward an alarm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from countersign.statement import Column, LabelTable, Privacy, Season, Tally
from detectors.statistics.counts import Noise

Array = npt.NDArray[np.float64]

MISSING, INVALID = 0, 1
# From here on the cells form the column's distribution; `below`, `above` and `other` belong to it.
VALUES = 2
ALMOST_NONE = 1e-9  # a share for cells that the reference never saw


@dataclass(frozen=True)
class Block:
    """Columns of one kind and size. Their counts are arrays of (columns, cells)."""

    kind: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]


def blocks_of(columns: Iterable[Column]) -> list[Block]:
    """Stack the counted columns (all but the outcome) by kind and number of cells."""
    groups: dict[tuple[str, int], list[Column]] = {}
    for column in columns:
        if column.role != "outcome":
            groups.setdefault((column.kind, column.size), []).append(column)
    return [Block(kind, tuple(members)) for (kind, _), members in groups.items()]


def cells_of(tally: Tally, block: Block) -> Array:
    """A block's cells as they came: (columns, cells), NaN for a cell merged into one before it."""
    if tally.rows is None:
        return np.zeros((len(block.columns), block.columns[0].size))
    return np.array([tally.columns[name].cells for name in block.names], dtype=float)


def split_runs(cells: Array, reference: Array) -> Array:
    """Share each merged run's total among its cells as `reference` (same shape) does.

    >>> split_runs(np.array([[30.0, np.nan, 5.0]]), np.array([[10.0, 20.0, 7.0]]))
    array([[10., 20.,  5.]])
    """
    absent = np.isnan(cells)
    if not absent.any():
        return cells
    columns, width = cells.shape
    run = np.cumsum(~absent, axis=1) - 1 + width * np.arange(columns)[:, None]
    totals = np.bincount(run.ravel(), np.nan_to_num(cells).ravel(), columns * width)
    shares = np.maximum(reference, 0) + ALMOST_NONE
    weights = np.bincount(run.ravel(), shares.ravel(), columns * width)
    split: Array = totals[run] * shares / weights[run]
    return split


def sum_of(tallies: Iterable[Tally], block: Block, reference: Array) -> Array:
    """Shards of one window add up: (columns, cells)."""
    total = np.zeros_like(reference)
    for tally in tallies:
        total += split_runs(cells_of(tally, block), reference)
    return total


@dataclass(frozen=True)
class ScoreBins:
    """A score's distribution in one window: rows, sum of scores, sum of squared scores per bin.

    The outermost bins are `below` and `above`. The wire has no sums for them: their rows count as
    lying on the edge.
    """

    counts: Array
    sums: Array
    squares: Array


def score_bins(tallies: Iterable[Tally], score: Column, reference: Array) -> ScoreBins:
    """Sum the score over shards; runs are split like the reference."""
    parts = []
    for tally in tallies:
        if tally.rows is None:
            continue
        counts = tally.columns[score.name]
        lists = (counts.cells, counts.sum, counts.sum_squares)
        parts.append([split_runs(np.array([v], dtype=float), reference[None])[0] for v in lists])
    bins = np.sum(parts, axis=0) if parts else np.zeros((3, score.size))
    counts, sums, squares = bins[:, VALUES:]
    for outer, edge in ((0, score.edges[0]), (-1, score.edges[-1])):
        sums[outer], squares[outer] = counts[outer] * edge, counts[outer] * edge**2
    return ScoreBins(counts, sums, squares)


def decision_bin(score: Column, threshold: float) -> int:
    """The number of the first of `ScoreBins` at or above the threshold."""
    return score.edges.index(threshold) + 1


def label_bins(table: LabelTable | None, score: Column, reference: Array) -> tuple[Array, Array]:
    """Positives and negatives per score bin, (bins,) each; runs are split like the reference."""
    if table is None:
        return np.zeros(score.size - VALUES), np.zeros(score.size - VALUES)
    lines = np.array([table.positives, table.negatives], dtype=float)
    positives, negatives = split_runs(lines, np.stack([reference, reference]))
    return positives[VALUES:], negatives[VALUES:]


def season_of(start: datetime, season: Season) -> int:
    """Which season a window belongs to: its hour or weekday in UTC, or always 0."""
    start = start.astimezone(UTC)
    return {"none": 0, "hour": start.hour, "weekday": start.weekday()}[season]


def noise_of(privacies: Sequence[Privacy]) -> Noise:
    """The noise in every cell of a window: its shards' draws are added up."""
    scale = max(p.scale for p in privacies)
    return Noise(privacies[0].mechanism, scale, draws=len(privacies))
