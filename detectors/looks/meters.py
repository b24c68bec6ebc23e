"""What is metered about the service and its answers: response times, errors, cost, grades.

meter      "latency": its mean; rows outside the edges count as lying on the edge
           "latency:p50", ":p95", ":p99", from the bins; beyond the edges only a bound is told
flag       share of rows in which a yes-or-no column is true: an error, a refusal
quality    as `meter`, with ":p10" and ":p50", of columns that come with the labels

`limit` is the reference's figure.
"""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Column, Counts, Labels, Tally
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.learning.known import Known
from detectors.reading import VALUES, Array, metered_bins, split_runs
from detectors.statistics.counts import Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.means import mean_of
from detectors.statistics.proportions import wilson
from detectors.statistics.quantiles import quantiles

METERED = {"operational", "judge", "outlier"}
LEVELS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
QUALITY_LEVELS = {"p10": 0.1, "p50": 0.5}

Named = dict[str, Estimate]


def meters(known: Known, counted: Counted) -> list[Figures]:
    """Means and quantiles of the metered columns, shares of the flags."""
    columns = [c for c in known.statement.columns if c.role in METERED]
    total = known.statement.total
    metered: list[tuple[Named, Named]] = []
    flags: list[tuple[Named, Named]] = []
    for column in columns:
        if column.kind == "numeric":
            parts = [t.columns[column.name] for t in counted.told]
            usual = [total.columns[column.name]]
            metered.append(_against(column, (parts, counted.noise), (usual, known.noise), LEVELS))
        elif column.kind == "boolean":
            now = _flag(column, counted.told, counted.noise)
            flags.append((now, _flag(column, [total], known.noise)))
    return [*_figures("meter", metered), *_figures("flag", flags)]


def quality(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """What came with the labels; the mean's name is the column's, a quantile's has a colon."""
    usual = known.statement.labels
    found = []
    for column in known.statement.columns:
        parts = [one.quality[column.name] for one in labels if column.name in one.quality]
        if column.role == "quality" and parts and usual and column.name in usual.quality:
            then = [usual.quality[column.name]]
            found.append(
                _against(column, (parts, counted.noise), (then, known.noise), QUALITY_LEVELS)
            )
    return _figures("quality", found)


def _against(
    column: Column,
    now: tuple[Sequence[Counts], Noise],
    then: tuple[Sequence[Counts], Noise],
    levels: dict[str, float],
) -> tuple[Named, Named]:
    """Mean and quantiles now and in the reference."""
    reference = _even(then[0][0])
    return (
        _metered(column, *now, reference, levels),
        _metered(column, *then, reference, levels),
    )


def _even(counts: Counts) -> Array:
    """The reference's cells (cells,), its own merged runs split evenly."""
    cells = np.array([counts.cells], float)
    split: Array = split_runs(cells, np.ones_like(cells))[0]
    return split


def _metered(
    column: Column,
    parts: Sequence[Counts],
    noise: Noise,
    reference: Array,
    levels: dict[str, float],
) -> Named:
    bins = metered_bins(parts, column, reference)
    edges = np.array(column.edges)
    found = {
        column.name: mean_of(bins.counts, bins.sums, bins.squares, noise, (edges[0], edges[-1]))
    }
    told = quantiles(bins.counts, edges, np.array(list(levels.values())), noise)
    for i, level in enumerate(levels):
        value, low, high, n = (part[..., i] for part in told.estimate)
        # Beyond the edges the value is only a bound: the open side has no limit.
        low = np.where(told.beyond[..., i] < 0, -np.inf, low)
        high = np.where(told.beyond[..., i] > 0, np.inf, high)
        found[f"{column.name}:{level}"] = Estimate(value, low, high, n)
    return found


def _flag(column: Column, tallies: Sequence[Tally], noise: Noise) -> Named:
    """Share of true among true and false; rows merged across the two are not known apart."""
    hits = rows = 0.0
    for tally in tallies:
        false, true = (tally.columns[column.name].cells[i] for i in (VALUES, VALUES + 1))
        if false is not None and true is not None:
            hits, rows = hits + true, rows + true + false
    value, low, high = wilson(np.array(hits), np.array(rows), noise.variance)
    return {column.name: Estimate(value, low, high, np.array(rows))}


def _figures(detector: str, pairs: Sequence[tuple[Named, Named]]) -> list[Figures]:
    names = [name for now, _ in pairs for name in now]
    if not names:
        return []
    now = [e for one, _ in pairs for e in one.values()]
    usual = np.array([float(e.value) for _, then in pairs for e in then.values()])
    value, low, high = (np.array([float(e[i]) for e in now]) for i in range(3))
    return [Figures(detector, names, value, low, high, limit=usual)]
