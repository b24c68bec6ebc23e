"""The mean of a bounded figure metered per row: a judge's score, a cost, a rank's gain.

With the sum and the sum of squares over the rows, mean and spread are exact whatever the bins.
Without sums only the bins are known: the mean lies between "all rows at the lower edge" and "all at
the upper edge" of their bins, and the interval contains both, with chance added.
"""

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, normal_interval
from detectors.statistics.performance import share


def mean_of(
    counts: Array,
    sums: Array,
    squares: Array,
    noise: Noise = NO_NOISE,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Mean over all bins, (...,), from rows, sum and sum of squares per bin, (..., bins).

    `noise` is in every count and every sum (one row of at most 1 moves each by at most 1). Fewer
    than two rows have a mean, but an interval as wide as the bounds.

    >>> e = mean_of(np.array([50.0, 50.0]), np.array([0.0, 50.0]), np.array([0.0, 50.0]))
    >>> float(e.value), round(float(e.low), 2), round(float(e.high), 2)
    (0.5, 0.4, 0.6)
    """
    n, total, square = (part.sum(axis=-1) for part in (counts, sums, squares))
    told = n >= 1
    mean = np.clip(share(total, np.where(told, n, 0.0)), *bounds)
    safe = np.maximum(n, 1.0)
    spread = np.maximum(square / safe - mean**2, 0.0) / np.maximum(n - 1, 1.0)
    noisy = counts.shape[-1] * noise.variance * (1 + mean**2) / safe**2
    width = np.where(n >= 2, np.sqrt(spread + noisy), np.where(told, np.inf, np.nan))
    return normal_interval(mean, width, np.maximum(n, 0.0), bounds)


def mean_from_bins(counts: Array, edges: Array, noise: Noise = NO_NOISE) -> Estimate:
    """Mean, (...,), of values known only by their bin, counts (..., bins) between edges (bins + 1).

    The value puts every row at the middle of its bin. The interval reaches from all rows at their
    lower edge to all at their upper edge, and further by chance and noise.
    """
    n = counts.sum(axis=-1)
    told = np.where(n >= 1, n, 0.0)
    safe = np.maximum(n, 1.0)
    ends = [
        np.clip(share(counts @ at, told), edges[0], edges[-1]) for at in (edges[:-1], edges[1:])
    ]
    middle = (edges[:-1] + edges[1:]) / 2
    mean = np.clip(share(counts @ middle, told), edges[0], edges[-1])
    away = middle - mean[..., None]
    spread = np.maximum((counts * away**2).sum(axis=-1), 0.0) / safe**2
    noisy = noise.variance * (away**2).sum(axis=-1) / safe**2
    width = 1.96 * np.sqrt(spread + noisy)
    low, high = np.maximum(ends[0] - width, edges[0]), np.minimum(ends[1] + width, edges[-1])
    return Estimate(mean, np.fmin(low, mean), np.fmax(high, mean), np.maximum(n, 0.0))
