"""What is metered about the service and its answers: response times, errors, cost, grades.

meter      "latency": its mean; rows outside the edges count as lying on the edge
           "latency:p50", ":p95", ":p99", from the bins; beyond the edges only a bound is told
flag       share of rows in which a yes-or-no column is true: an error, a refusal
quality    as `meter`, with ":p10" and ":p50", of columns that come with the labels

`limit` is the reference's figure. `p_value` is a q-value: how likely chance alone sets the two
apart as far, given the rows on both sides and how many figures are looked at (all meters and flags
of the window together, all qualities together). Means are held against each other by Welch's test;
quantiles by the share of rows below the reference's quantile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from countersign.tables import Column, Counts, Labels, Tally
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.learning.known import Known
from detectors.reading import VALUES, Array, MeteredBins, metered_bins, split_runs
from detectors.statistics.counts import Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.means import mean_of
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.proportions import two_proportion_test, wilson
from detectors.statistics.quantiles import quantiles

METERED = {"operational", "judge", "outlier"}
LEVELS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
QUALITY_LEVELS = {"p10": 0.1, "p50": 0.5}


class Meter(NamedTuple):
    """One figure now, the reference's, and how likely chance alone sets them apart as far.

    `p_value` is NaN where a side has too few rows to be compared.
    """

    name: str
    now: Estimate
    usual: float
    p_value: float


class Side(NamedTuple):
    """A metered column's bins, now or in the reference, and the noise in each of them."""

    bins: MeteredBins
    noise: Noise

    @property
    def rows(self) -> float:
        return float(self.bins.counts.sum())


def meters(known: Known, counted: Counted) -> list[Figures]:
    """Means and quantiles of the metered columns, shares of the flags."""
    columns = [c for c in known.statement.columns if c.role in METERED]
    total = known.statement.total
    found: dict[str, list[Meter]] = {"meter": [], "flag": []}
    for column in columns:
        if column.kind == "numeric":
            parts = [t.columns[column.name] for t in counted.told]
            usual = [total.columns[column.name]]
            now, then = (parts, counted.noise), (usual, known.noise)
            found["meter"] += _against(column, now, then, LEVELS)
        elif column.kind == "boolean":
            now_rows, then_rows = _rows_of(column, counted.told), _rows_of(column, [total])
            found["flag"].append(_flag(column, now_rows, then_rows, (counted.noise, known.noise)))
    return _figures(found)


def quality(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """What came with the labels; the mean's name is the column's, a quantile's has a colon."""
    usual = known.statement.labels
    found: list[Meter] = []
    for column in known.statement.columns:
        parts = [one.quality[column.name] for one in labels if column.name in one.quality]
        if column.role == "quality" and parts and usual and column.name in usual.quality:
            then = [usual.quality[column.name]]
            found += _against(column, (parts, counted.noise), (then, known.noise), QUALITY_LEVELS)
    return _figures({"quality": found})


def _against(
    column: Column,
    now: tuple[Sequence[Counts], Noise],
    then: tuple[Sequence[Counts], Noise],
    levels: dict[str, float],
) -> list[Meter]:
    """Mean and quantiles now and in the reference."""
    reference = _even(then[0][0])
    sides = [Side(metered_bins(parts, column, reference), noise) for parts, noise in (now, then)]
    mean, usual = (_mean(column, side) for side in sides)
    found = [Meter(column.name, mean, float(usual.value), _welch(*sides))]
    edges = np.array(column.edges)
    for name, level in levels.items():
        quantile, usual = (_quantile(side, edges, level) for side in sides)
        at = float(usual.value)
        p_value = _share_below_test(sides, edges, at)
        found.append(Meter(f"{column.name}:{name}", quantile, at, p_value))
    return found


def _even(counts: Counts) -> Array:
    """The reference's cells (cells,), its own merged runs split evenly."""
    cells = np.array([counts.cells], float)
    split: Array = split_runs(cells, np.ones_like(cells))[0]
    return split


def _mean(column: Column, side: Side) -> Estimate:
    bounds = (column.edges[0], column.edges[-1])
    return mean_of(side.bins.counts, side.bins.sums, side.bins.squares, side.noise, bounds)


def _quantile(side: Side, edges: Array, level: float) -> Estimate:
    """Beyond the edges the value is only a bound: the open side has no limit."""
    told = quantiles(side.bins.counts, edges, np.array([level]), side.noise)
    value, low, high, n = (part[0] for part in told.estimate)
    beyond = told.beyond[0]
    low, high = np.where(beyond < 0, -np.inf, low), np.where(beyond > 0, np.inf, high)
    return Estimate(value, low, high, n)


def _welch(now: Side, then: Side) -> float:
    """Two-sided p-value of "both have the same mean"; noise is added to both variances.

    One row's worth of both sides' spread is mixed into each: a few rows that happen to be equal are
    no proof that all of them are.
    """
    sides = (now, then)
    n = np.array([side.rows for side in sides])
    if n.min() < 2:
        return np.nan
    sums, squares = (
        np.array([float(part.sum()) for part in parts])
        for parts in ((s.bins.sums for s in sides), (s.bins.squares for s in sides))
    )
    mean = sums / n
    if np.isclose(mean[0], mean[1], rtol=1e-9):
        return 1.0
    spread = np.maximum(squares / n - mean**2, 0.0)
    typical = (n @ spread) / n.sum()
    sampling = (n * spread + typical) / (n + 1) / (n - 1)
    cells = np.array([len(s.bins.counts) * s.noise.variance for s in sides])
    variance = sampling + cells * (1 + mean**2) / n**2
    if variance.sum() <= 0:
        return 0.0
    freedom = variance.sum() ** 2 / (variance**2 / (n - 1)).sum()
    return float(2 * special.stdtr(freedom, -abs(np.diff(mean)[0]) / np.sqrt(variance.sum())))


def _share_below_test(sides: Sequence[Side], edges: Array, at: float) -> float:
    """Two-sided p-value of "the same share of rows lies below `at`", a value between the edges.

    Within its bin, rows are taken to lie evenly, on both sides alike.
    """
    if min(side.rows for side in sides) < 1:
        return np.nan
    last = len(edges) - 2
    bin_ = int(np.clip(np.searchsorted(edges, at, side="right") - 1, 0, last))
    part = (at - edges[bin_]) / (edges[bin_ + 1] - edges[bin_])
    below = [float(s.bins.counts[: bin_ + 1].sum() + part * s.bins.counts[bin_ + 1]) for s in sides]
    now, then = ((hits, side.rows) for hits, side in zip(below, sides, strict=True))
    return _shares_test(now, then, [s.noise.variance * len(s.bins.counts) for s in sides])


def _shares_test(
    now: tuple[float, float], then: tuple[float, float], variances: Sequence[float]
) -> float:
    """Two-sided p-value of "both have the same share", from (hits, rows) and noise variances."""
    if min(now[1], then[1]) < 1:
        return np.nan
    x, n, r, m = (np.array(v) for v in (*now, *then))
    return float(two_proportion_test(x, n, r, m, variance_x=variances[0], variance_r=variances[1]))


def _rows_of(column: Column, tallies: Sequence[Tally]) -> tuple[float, float]:
    """Rows that are true, and those that are either; rows merged across both are not known."""
    hits = rows = 0.0
    for tally in tallies:
        false, true = (tally.columns[column.name].cells[i] for i in (VALUES, VALUES + 1))
        if false is not None and true is not None:
            hits, rows = hits + true, rows + true + false
    return hits, rows


def _flag(
    column: Column,
    now: tuple[float, float],
    then: tuple[float, float],
    noises: tuple[Noise, Noise],
) -> Meter:
    """Share of true among true and false."""
    variances = [noise.variance for noise in noises]
    value, low, high = wilson(np.array(now[0]), np.array(now[1]), variances[0])
    usual = wilson(np.array(then[0]), np.array(then[1]), variances[1])[0]
    p_value = _shares_test(now, then, variances)
    return Meter(column.name, Estimate(value, low, high, np.array(now[1])), float(usual), p_value)


def _figures(found: dict[str, list[Meter]]) -> list[Figures]:
    """By detector; the q-values are over all of them together."""
    q = benjamini_hochberg(np.array([m.p_value for rows in found.values() for m in rows]))
    figures = []
    for slug, rows in found.items():
        own, q = q[: len(rows)], q[len(rows) :]
        if rows:
            value, low, high = (np.array([float(m.now[i]) for m in rows]) for i in range(3))
            usual = np.array([m.usual for m in rows])
            figures.append(Figures(slug, [m.name for m in rows], value, low, high, own, usual))
    return figures
