"""How good a ranking was: NDCG@k, reciprocal rank or hit rate, one value in [0, 1] per query.

The collector meters each query's value: a histogram, the sum and the sum of squares. Which figure
it is makes no difference here: the mean over queries, the share of queries that got nothing, and
how bad the worst queries are.

Sources: Järvelin, Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques; Voorhees
(1999), The TREC-8 question answering track report, for the reciprocal rank.
"""

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.means import mean_of
from detectors.statistics.performance import share_estimate
from detectors.statistics.quantiles import quantiles

LEVELS = {"tenth": 0.1, "median": 0.5}


def ranking_figures(
    cells: Array, edges: Array, sums: Array, squares: Array, noise: Noise = NO_NOISE
) -> dict[str, Estimate]:
    """mean, at_zero, tenth and median, (...,) each, of values counted in cells (..., edges + 1).

    The first cell holds the queries whose value is 0 (lies below the first edge, which is above 0).
    sums and squares have the cells' shape. No query: every figure NaN.
    """
    n = cells.sum(axis=-1)
    rows = np.where(n >= 1, n, 0.0)
    found = {
        "mean": mean_of(cells, sums, squares, noise, (0.0, 1.0)),
        "at_zero": share_estimate(cells[..., 0], rows, noise.variance),
    }
    across = quantiles(cells, edges, np.array(list(LEVELS.values())), noise, (0.0, 1.0))
    told = _all_known(across.estimate, across.beyond)
    return found | {name: Estimate(*(p[..., i] for p in told)) for i, name in enumerate(LEVELS)}


def _all_known(e: Estimate, beyond: Array) -> Estimate:
    """Values beyond the outer edges are known here: 0 below the first, at most 1 above the last."""
    value = np.where(beyond < 0, 0.0, e.value)
    return Estimate(value, np.fmin(e.low, value), np.fmax(e.high, value), e.n)
