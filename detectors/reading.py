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

from countersign.statement import Season
from countersign.tables import LATER, Column, Counts, LabelTable, Privacy, Tally
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
    """Stack the columns that windows count by kind and number of cells."""
    groups: dict[tuple[str, int], list[Column]] = {}
    for column in columns:
        if column.role not in LATER:
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
class MeteredBins:
    """A metered column in one window: rows, sum of values, sum of squared values per bin.

    The outermost bins are `below` and `above`. The wire has no sums for them: their rows count as
    lying on the edge.
    """

    counts: Array
    sums: Array
    squares: Array


def metered_bins(parts: Iterable[Counts], column: Column, reference: Array) -> MeteredBins:
    """Add shards up. Runs are split like the reference (cells,); where a sum was withheld, rows
    count as lying in the middle of their bins."""
    middles = middles_of(column)
    total = np.zeros((3, column.size - VALUES))
    for part in parts:
        cells = np.array(part.cells, float)
        counts = split_runs(cells[None], reference[None])[0]
        total[0] += counts[VALUES:]
        for power, told in ((1, part.sum), (2, part.sum_squares)):
            total[power] += _split_sums(
                np.array(told, float), cells, counts * middles**power, reference
            )[VALUES:]
    for outer in (0, -1):
        edge = column.edges[outer]
        total[1:, outer] = total[0, outer] * edge, total[0, outer] * edge**2
    return MeteredBins(*total)


def middles_of(column: Column) -> Array:
    """A numeric column's cells as numbers, (cells,): each bin's middle, the edges outside them."""
    edges = np.array(column.edges)
    inner = (edges[:-1] + edges[1:]) / 2
    return np.concatenate([np.zeros(VALUES), edges[:1], inner, edges[-1:]])


def _split_sums(told: Array, cells: Array, guess: Array, reference: Array) -> Array:
    """Sums split like the reference, and the guess in runs whose sum was withheld; all (cells,)."""
    starts = ~np.isnan(cells)
    withheld = (starts & np.isnan(told))[starts][np.cumsum(starts) - 1]
    known = np.where(starts, np.nan_to_num(told), np.nan)
    return np.where(withheld, guess, split_runs(known[None], reference[None])[0])


def decision_bin(score: Column, threshold: float) -> int:
    """The number of the score's first bin at or above the threshold; `below` is number 0."""
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
