"""Did a vector of means move, judged by how much it moves between the reference's windows anyway?

Shared by the second moments and the random features. A window is one vector of means over its rows.
Windows are weighed by their effective rows: n without noise, n / (1 + t/n) with it, where t is the
noise's variance in a sum over the variance of one row. Means then vary as 1/weight.

With at least ENOUGH_WINDOWS each reference window is compared with all the others exactly as the
current one is with the reference, and the current one takes its place among them. Whatever makes
windows differ (season, jitter, heavy tails) is in that null without having to be known.
"""

import numpy as np

from detectors.statistics.counts import Array

ENOUGH_WINDOWS = 75
TAIL = 10  # the largest windows, among which a rank is too coarse


def weights_of(rows: Array, noise_ratio: float) -> Array:
    """Effective rows; 0 where there are none."""
    return np.asarray(np.where(rows >= 1, rows / (1 + noise_ratio / np.maximum(rows, 1.0)), 0.0))


def pooled_mean(means: Array, weights: Array) -> Array:
    """Mean over all reference rows, (entries,), of windows (windows, entries)."""
    return np.asarray(weights @ means / weights.sum())


def departures(current: Array, weight: float, means: Array, weights: Array) -> Array:
    """Squared distance of each entry from the reference, in variances of one row, (entries,)."""
    gap = current - pooled_mean(means, weights)
    return np.asarray(gap**2 / (1 / weight + 1 / weights.sum()))


def left_out_departures(means: Array, weights: Array) -> Array:
    """The same for each reference window from all others, (windows, entries)."""
    gap = means - pooled_mean(means, weights)
    whole = weights.sum()
    return np.asarray((weights * whole / (whole - weights))[:, None] * gap**2)


def between_windows(means: Array, weights: Array) -> Array:
    """Variance of one row in each entry, (entries,), as windows differ; at least two windows."""
    gap = means - pooled_mean(means, weights)
    return np.asarray(weights @ gap**2 / (len(means) - 1))


def left_out_squares(means: Array, weights: Array, least: float) -> Array:
    """z^2 of each window against all others, whose variance is theirs alone, (windows, entries).

    Were the window in its own yardstick, it would seem nearer than a new window as far away.
    `least` is a variance below which no entry is taken to lie.
    """
    windows, apart = len(means), left_out_departures(means, weights)
    others = (between_windows(means, weights) * (windows - 1) - apart) / (windows - 2)
    return np.asarray(apart / np.maximum(others, least))


def directions(means: Array, weights: Array, scale: Array) -> float:
    """In how many independent directions windows vary: (tr S)^2 / tr(S^2), its bias taken out.

    `scale` (entries,) is the variance that counts as one. Bai, Saranadasa (1996).
    """
    gap = (means - pooled_mean(means, weights)) * np.sqrt(weights[:, None] / scale)
    free = len(means) - 1
    products = gap @ gap.T / free
    trace = np.trace(products)
    square = free**2 / ((free - 1) * (free + 2)) * (np.sum(products**2) - trace**2 / free)
    most = float(means.shape[1])
    return float(np.clip(trace**2 / square, 1.0, most)) if square > 0 else most


def standing(value: float, null: Array) -> float:
    """p-value of `value` among the reference windows' own values (windows,), windows > TAIL.

    Among the largest ten, where ranks are too coarse, p falls as it would if these were draws of an
    exponential law whose scale only they tell: the tail of a chi-square, and heavier than a normal.

    >>> null = np.arange(1.0, 100.0)
    >>> standing(40.0, null), round(standing(99.5, null), 3), round(standing(150.0, null), 4)
    (0.61, 0.019, 0.0001)
    """
    rank = float(1 + (null >= value).sum()) / (len(null) + 1)
    largest = np.sort(null)[-TAIL - 1 :]
    excess = float((largest - largest[0]).sum())
    if value <= largest[0] or excess == 0:
        return rank
    beyond = (1 + (value - largest[0]) / excess) ** -TAIL
    return float((TAIL + 1) / (len(null) + 1) * beyond)
