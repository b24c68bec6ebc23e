"""A figure with its uncertainty: the one shape in which this package answers."""

from typing import NamedTuple

import numpy as np

from detectors.statistics.counts import Array


class Estimate(NamedTuple):
    """A value, its 95 % interval and the number of rows it rests on; arrays of one shape.

    value, low and high are NaN where the figure does not exist (precision without any predicted
    positive, say). n is never NaN.
    """

    value: Array
    low: Array
    high: Array
    n: Array


def from_draws(value: Array, draws: Array, n: Array, level: float = 0.05) -> Estimate:
    """The value with the percentiles of `draws` (draws, ...), always including the value itself.

    A draw in which the figure does not exist is left out.
    """
    told = ~np.isnan(value)
    ordered = np.sort(draws, axis=0)  # NaN goes last
    counted = (~np.isnan(draws)).sum(axis=0)
    last = np.maximum(counted - 1, 0)
    # Of N draws, a further one lies below the k-th smallest with probability k / (N + 1).
    places = (np.rint(q * (counted + 1)) - 1 for q in (level / 2, 1 - level / 2))
    low, high = (
        np.take_along_axis(ordered, np.clip(place, 0, last).astype(int)[None], axis=0)[0]
        for place in places
    )
    low = np.where(told & (counted > 0), np.fmin(low, value), np.nan)
    high = np.where(told & (counted > 0), np.fmax(high, value), np.nan)
    return Estimate(value, low, high, np.broadcast_to(n, np.shape(value)).astype(float))


def normal_interval(
    value: Array, spread: Array, n: Array, bounds: tuple[float, float], z: float = 1.96
) -> Estimate:
    """value +- z spread, cut at the bounds of what the figure can be."""
    low, high = np.maximum(value - z * spread, bounds[0]), np.minimum(value + z * spread, bounds[1])
    return Estimate(value, low, high, np.broadcast_to(n, np.shape(value)).astype(float))
