"""What does the change cost? From what right and wrong decisions are worth to the owner.

A decision is worth `Worth.tp` if it was a true positive, and so on, in the owner's own unit (gains
positive, losses negative). The mean worth of a decision at the reference's rates, less the current
one, times the window's decisions, is what a window like this costs for as long as the change lasts.
Negative means that the change pays. It includes whatever made the rates change, a different mix of
rows too; decomposition.py tells these apart. For a regression, a unit of loss has a cost instead.

Without any value, the change in wrong decisions per 10,000 decisions is told.

Intervals cover sampling error in both periods and noise. Current rates may be estimated (cbpe.py)
instead of counted; `doubt` then holds the same confusion under other calibrations that might as
well be the true one, and widens the interval by how they differ.

Source: Elkan (2001), The foundations of cost-sensitive learning.
"""

from typing import NamedTuple

import numpy as np

from detectors.statistics.counts import Array
from detectors.statistics.estimate import Estimate, normal_interval
from detectors.statistics.performance import Confusion, share
from detectors.statistics.proportions import newcombe
from detectors.statistics.slices import Losses, smoothed_variance

DECISIONS = 10_000


class Worth(NamedTuple):
    """What one decision is worth, by what it turned out to be."""

    tp: float
    fp: float
    tn: float
    fn: float


class CountNoise(NamedTuple):
    """Variance of the noise in a count of selected rows (tp, fp) and of rejected ones (tn, fn)."""

    selected: float = 0.0
    rejected: float = 0.0


QUIET = CountNoise()


def cost_of_change(
    current: Confusion,
    reference: Confusion,
    worth: Worth,
    *,
    noise: CountNoise = QUIET,
    reference_noise: CountNoise = QUIET,
    doubt: Confusion | None = None,
) -> Estimate:
    """Cost per window, shape of the counts (thresholds,); `doubt` (draws, thresholds).

    n is the window's decisions. NaN where a side has no rows.

    >>> before = Confusion(*(np.array([v]) for v in (800.0, 200.0, 8900.0, 100.0)))
    >>> now = Confusion(*(np.array([v]) for v in (70.0, 25.0, 885.0, 20.0)))
    >>> cost = cost_of_change(now, before, Worth(tp=10.0, fp=-2.0, tn=0.0, fn=-30.0))
    >>> cost.value.round(6)
    array([410.])
    """
    now, variance_now, rows = _mean_worth(current, worth, noise)
    before, variance_before, _ = _mean_worth(reference, worth, reference_noise)
    variance = variance_now + variance_before
    if doubt is not None:
        variance = variance + _mean_worth(doubt, worth, QUIET)[0].var(axis=0)
    return _cost(before - now, variance, rows)


def cost_of_loss(current: Losses, reference: Losses, unit: float) -> Estimate:
    """Cost per window where a unit of loss costs `unit`; Losses of any one shape."""
    seen = [np.maximum(losses.rows, 0.0) for losses in (current, reference)]
    typical = share(seen[0] * current.variance + seen[1] * reference.variance, seen[0] + seen[1])
    variance = _variance_of_mean(current, typical) + _variance_of_mean(reference, typical)
    gap = unit * (current.mean - reference.mean)
    return _cost(gap, unit**2 * variance, np.nan_to_num(current.rows))


def wrong_decisions(
    current: Confusion,
    reference: Confusion,
    *,
    noise: CountNoise = QUIET,
    reference_noise: CountNoise = QUIET,
    doubt: Confusion | None = None,
) -> Estimate:
    """More (or fewer) wrong decisions among 10,000 than in the reference, (thresholds,).

    >>> before = Confusion(*(np.array([v]) for v in (800.0, 200.0, 8900.0, 100.0)))
    >>> now = Confusion(*(np.array([v]) for v in (70.0, 25.0, 885.0, 20.0)))
    >>> [float(v[0].round()) for v in wrong_decisions(now, before)]
    [150.0, 33.0, 300.0, 1000.0]
    """
    wrong, rows = current.fp + current.fn, _rows(current)
    wrong_before, rows_before = reference.fp + reference.fn, _rows(reference)
    variance = _noise_in_wrong(wrong, rows, noise)
    if doubt is not None:
        variance = variance + (doubt.fp + doubt.fn).var(axis=0)
    value, low, high = newcombe(
        wrong,
        rows,
        wrong_before,
        rows_before,
        variance_x=variance,
        variance_r=_noise_in_wrong(wrong_before, rows_before, reference_noise),
    )
    told = ~np.isnan(value)
    value, low, high = (DECISIONS * np.where(told, part, np.nan) for part in (value, low, high))
    return Estimate(value, low, high, np.where(told, rows, 0.0))


def _mean_worth(c: Confusion, worth: Worth, noise: CountNoise) -> tuple[Array, Array, Array]:
    """Mean worth of a decision, the variance of that mean, and the decisions."""
    counts, rows = np.stack(c), _rows(c)
    told = rows >= 1
    safe = np.where(told, rows, 1.0)
    values = np.array(worth, dtype=float).reshape(-1, *[1] * (counts.ndim - 1))
    mean = (values * counts).sum(axis=0) / safe
    shares = np.maximum(counts + 0.5, 0.5)  # half a row more, or an unseen outcome looks impossible
    shares = shares / shares.sum(axis=0)
    sampling = (values**2 * shares).sum(axis=0) - (values * shares).sum(axis=0) ** 2
    cells = (noise.selected, noise.selected, noise.rejected, noise.rejected)
    disturbed = sum(v * (values[k] - mean) ** 2 for k, v in enumerate(cells))
    variance = np.maximum(sampling, 0.0) / safe + disturbed / safe**2
    return np.where(told, mean, np.nan), variance, np.where(told, rows, 0.0)


def _variance_of_mean(losses: Losses, typical: Array) -> Array:
    rows = np.maximum(losses.rows, 1.0)
    noise = losses.noise_at(np.nan_to_num(losses.mean))
    return np.asarray(smoothed_variance(losses, typical) / rows + noise / rows**2)


def _cost(gap: Array, variance: Array, rows: Array) -> Estimate:
    return normal_interval(rows * gap, rows * np.sqrt(variance), rows, (-np.inf, np.inf))


def _rows(c: Confusion) -> Array:
    return np.asarray(c.tp + c.fp + c.tn + c.fn)


def _noise_in_wrong(wrong: Array, rows: Array, noise: CountNoise) -> Array:
    """Noise in the wrong ones that would disturb their share as much as all the noise does."""
    p = np.clip(wrong / np.maximum(rows, 1.0), 0.0, 1.0)
    return np.asarray(((1 - p) ** 2 + p**2) * (noise.selected + noise.rejected))
