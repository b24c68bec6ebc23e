"""How far a regression's predictions are off: by its labels, and before they arrive.

An error is prediction - outcome. The collector meters, per bin of the prediction, rows and sums of
the error, of its size and of its square; mean error (ME), mean absolute error (MAE) and root mean
square error (RMSE) are therefore exact. A histogram of the errors gives quantiles, and the fourth
moment that the interval of the RMSE needs.

Without labels: the reference says how large errors are in each bin of the prediction. If that has
not changed, the current predictions say how large errors are now ("direct loss estimation"). It
assumes that the error's distribution, given the prediction, is as it was in the reference, and
can't notice when it is not.

The sums are taken to be free of noise: an error has no bound that would tell how much is needed.

Source: NannyML, Direct loss estimation; here the loss is learned by bins of the prediction, not by
a model on the features.
"""

from typing import NamedTuple

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, normal_interval
from detectors.statistics.means import mean_of
from detectors.statistics.performance import share
from detectors.statistics.quantiles import Quantiles, crossings, cumulative, quantiles

POOLED = 30.0  # rows behind a bin's losses: with fewer, its neighbours are asked as well


class Losses(NamedTuple):
    """Sums over the rows of each prediction bin, (..., bins)."""

    rows: Array
    errors: Array
    absolutes: Array
    squares: Array


class Expected(NamedTuple):
    """What the reference says of losses given the prediction bin, (bins,) but for `kurtosis`.

    `absolute` and `square` are means; `pool` (bins, bins) says which bins' rows stand behind them.
    """

    rows: Array
    absolute: Array
    square: Array
    kurtosis: float
    pool: Array


def realised_errors(losses: Losses, cells: Array, edges: Array) -> dict[str, Estimate]:
    """me, mae and rmse, (...,), from the sums and the error's histogram cells (..., edges + 1).

    >>> one = Losses(*(np.array([v]) for v in (4.0, 2.0, 6.0, 10.0)))
    >>> found = realised_errors(one, np.array([0.0, 1, 3, 0]), np.array([-2.0, 0, 2]))
    >>> [round(float(found[name].value), 3) for name in ("me", "mae", "rmse")]
    [0.5, 1.5, 1.581]
    """
    rows, errors, absolutes, squares = losses
    fourths = fourth_powers(squares.sum(axis=-1), cells, edges)
    mse = mean_of(rows, squares, fourths[..., None], bounds=(0.0, np.inf))
    return {
        "me": mean_of(rows, errors, squares),
        "mae": mean_of(rows, absolutes, squares, bounds=(0.0, np.inf)),
        "rmse": _root(mse),
    }


def error_quantiles(
    cells: Array, edges: Array, noise: Noise = NO_NOISE
) -> tuple[Quantiles, Quantiles]:
    """Median of the error, and the size that 90 % of errors don't exceed, (..., 1) each.

    The size is known as far as the histogram's edges reach on both sides of 0: symmetric edges
    lose nothing, and edges on one side tell only "at least 0".
    """
    sizes = np.abs(edges)
    sizes = np.union1d([0.0], sizes[sizes <= min(-edges[0], edges[-1])])
    below = cumulative(cells, noise)
    n = below.n[..., :1]
    within = n * np.diff(_share_within(below.value, edges, sizes), axis=-1)
    folded = np.concatenate([0 * n, within, n - within.sum(axis=-1, keepdims=True)], axis=-1)
    return (
        crossings(below, edges, np.array([0.5])),
        quantiles(folded, sizes, np.array([0.9]), noise, (0.0, np.inf)),
    )


def learn_losses(losses: Losses, cells: Array, edges: Array) -> Expected:
    """What errors to expect in each prediction bin, (bins,), from a labelled reference.

    A bin of fewer than POOLED rows is read together with as many neighbours on both sides as it
    takes. A reference without rows expects NaN.
    """
    rows = np.maximum(losses.rows, 0.0)
    pool = _neighbours(rows)
    behind = pool @ rows
    absolute, square = (share(pool @ part, behind) for part in (losses.absolutes, losses.squares))
    fourths = fourth_powers(losses.squares.sum(), cells, edges)
    alike = float(np.nansum(rows * square**2))
    kurtosis = max(float(fourths) / alike, 1.0) if alike > 0 else 1.0
    return Expected(rows, absolute, square, kurtosis, pool)


def estimate_errors(
    expected: Expected, counts: Array, noise: Noise = NO_NOISE
) -> dict[str, Estimate]:
    """mae and rmse, (), of a window without labels, from its rows per prediction bin (bins,).

    The band covers the chance in the window's errors and in the reference's, and the noise; it does
    not cover a changed error given the prediction.
    """
    n = counts.sum()
    if n < 1 or expected.rows.sum() < 1:
        nothing = Estimate(*(np.array(v) for v in (np.nan, np.nan, np.nan, max(n, 0.0))))
        return {"mae": nothing, "rmse": nothing}
    absolute, square = expected.absolute, expected.square
    found = {
        "mae": (absolute, square - absolute**2),
        "mse": (square, (expected.kurtosis - 1) * square**2),
    }
    told = {name: _expected_mean(expected, counts, *parts, noise) for name, parts in found.items()}
    return {"mae": told["mae"], "rmse": _root(told["mse"])}


def _expected_mean(
    expected: Expected, counts: Array, mean: Array, variance: Array, noise: Noise
) -> Estimate:
    """Mean loss if each bin's has this mean and variance, (bins,) each."""
    n = counts.sum()
    weight = counts / n
    value = weight @ mean
    lever = (weight / (expected.pool @ expected.rows)) @ expected.pool  # of each reference row
    spread = (np.maximum(weight, 0.0) @ variance) / n + (lever**2 * expected.rows) @ variance
    spread = spread + noise.variance * ((mean - value) ** 2).sum() / n**2
    return normal_interval(np.maximum(value, 0.0), np.sqrt(spread), n, (0.0, np.inf))


def fourth_powers(squares: Array, cells: Array, edges: Array) -> Array:
    """About the sum of error^4, (...,), from the sum of squares and the histogram of errors.

    Inside a cell rows are taken to lie evenly; the open cells share out what the inner ones leave
    of the squares.
    """
    a, b = edges[:-1], edges[1:]
    held = np.maximum(cells, 0.0)
    inner = held[..., 1:-1]
    outer = held[..., 0] + held[..., -1]
    left = squares - inner @ ((a**2 + a * b + b**2) / 3)
    left = np.maximum(left, held[..., 0] * edges[0] ** 2 + held[..., -1] * edges[-1] ** 2)
    fourths = inner @ ((a**4 + a**3 * b + a**2 * b**2 + a * b**3 + b**4) / 5)
    return np.asarray(fourths + left**2 / np.maximum(outer, 1.0) * (outer > 0))


def _neighbours(rows: Array) -> Array:
    """Which bins to read with each, (bins, bins) of 0 and 1: the nearest until POOLED rows."""
    bins = len(rows)
    apart = np.abs(np.subtract.outer(np.arange(bins), np.arange(bins)))
    reach = np.arange(bins)[:, None, None]
    behind = ((apart <= reach) * rows).sum(axis=-1)  # (reach, bins)
    enough = np.minimum((behind < POOLED).sum(axis=0), bins - 1)
    return np.asarray(apart <= enough[:, None], float)


def _share_within(below: Array, edges: Array, sizes: Array) -> Array:
    """Share of the errors within each of +-sizes, (..., sizes), along the line between edges."""
    flat = below.reshape(-1, len(edges))
    within = [np.interp(sizes, edges, one) - np.interp(-sizes, edges, one) for one in flat]
    return np.reshape(within, (*below.shape[:-1], len(sizes)))


def _root(mean: Estimate) -> Estimate:
    return Estimate(np.sqrt(mean.value), np.sqrt(mean.low), np.sqrt(mean.high), mean.n)
