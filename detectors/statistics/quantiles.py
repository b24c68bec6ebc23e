"""Quantiles from a histogram: the median error, a service's p50, p95 and p99.

The cumulative share of rows at each edge is a share like any other and has Wilson's interval. The
quantile lies where the share crosses q, along the line within a bin; its interval reaches from
where the upper limits cross q to where the lower ones do.

The outermost cells are open: `below` the first edge, `above` the last. A quantile among those rows
is only known to be "at most" or "at least" that edge, and is told so.

Source: the interval inverts Wilson (1927) as order statistics do, e.g. Conover (1999), Practical
nonparametric statistics, section 3.2.
"""

from typing import NamedTuple

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.proportions import wilson


class Quantiles(NamedTuple):
    """Values with intervals, and where a value is only a bound, (..., quantiles).

    `beyond` is 1 where the quantile is at least the value given (the last edge), -1 where it is at
    most that (the first edge), else 0. An interval's end in an open cell is -inf or inf, or the
    limit of what a value can be.
    """

    estimate: Estimate
    beyond: Array


def quantiles(
    cells: Array,
    edges: Array,
    q: Array,
    noise: Noise = NO_NOISE,
    within: tuple[float, float] = (-np.inf, np.inf),
) -> Quantiles:
    """Quantiles `q` (quantiles,) of rows counted in `cells` (..., edges + 1) between `edges`.

    cells[..., 0] lies below the first edge, cells[..., -1] at or above the last. `within` are the
    limits of what a value can be, say (0, inf) for a duration. No rows: NaN.

    >>> found = quantiles(np.array([0.0, 50, 50, 0]), np.array([0.0, 1, 3]), np.array([0.5, 0.75]))
    >>> found.estimate.value
    array([1., 2.])
    """
    return crossings(cumulative(cells, noise), edges, q, within)


def cumulative(cells: Array, noise: Noise = NO_NOISE) -> Estimate:
    """Share of the rows below each edge with its interval, (..., edges), rising; 0 without rows."""
    total = cells.sum(axis=-1, keepdims=True)
    below = np.cumsum(cells, axis=-1)[..., :-1]
    p = np.clip(below / np.maximum(total, 1.0), 0.0, 1.0)
    summed = np.arange(1, cells.shape[-1])
    noisy = noise.variance * (summed * (1 - p) ** 2 + (cells.shape[-1] - summed) * p**2)
    found = wilson(below, np.where(total >= 1, total, 0.0), noisy)
    share, low, high = (np.maximum.accumulate(np.nan_to_num(part), axis=-1) for part in found)
    return Estimate(share, low, high, np.maximum(np.broadcast_to(total, p.shape), 0.0))


def crossings(
    below: Estimate,
    edges: Array,
    q: Array,
    within: tuple[float, float] = (-np.inf, np.inf),
) -> Quantiles:
    """Where the shares `below` each edge reach each of `q`; NaN where they rest on no row."""
    shape = (*below.value.shape[:-1], len(q))
    found, last, first = (
        np.array([_crossing(one, edges, q) for one in curve.reshape(-1, len(edges))]).reshape(shape)
        for curve in below[:3]
    )
    rows = np.broadcast_to(below.n[..., :1], shape)
    value = np.clip(found, edges[0], edges[-1])
    low, high = (
        np.minimum(np.clip(first, *within), value),
        np.maximum(np.clip(last, *within), value),
    )
    told = rows >= 1
    value, low, high = (np.where(told, part, np.nan) for part in (value, low, high))
    beyond = np.where(np.isinf(found) & told, np.sign(found), 0.0)
    return Quantiles(Estimate(value, low, high, rows), beyond)


def _crossing(curve: Array, edges: Array, q: Array) -> Array:
    """Where one rising curve (edges,) first reaches each q; -inf or inf if beyond the edges."""
    after = np.searchsorted(curve, q, side="left")
    right = np.clip(after, min(1, len(edges) - 1), len(edges) - 1)
    left = np.maximum(right - 1, 0)
    rise = np.where(curve[right] > curve[left], curve[right] - curve[left], 1.0)
    found = edges[left] + (edges[right] - edges[left]) * (q - curve[left]) / rise
    found = np.where((after == 0) & (curve[0] > q), -np.inf, found)
    return np.asarray(np.where(after == len(edges), np.inf, found))
