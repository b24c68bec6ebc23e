"""Why did the metric change: other rows, or the same rows done differently? (Kitagawa)

A metric that is a mean over rows is the sum over slices of share x slice mean, M = sum pi_s m_s, if
the slices part the rows. Between two periods, 0 and 1, it changes because the mix of slices changed
and because the means within slices did:

    mix    = sum (pi1 - pi0) (m0 + m1) / 2        within = sum (pi0 + pi1) / 2 (m1 - m0)

and mix + within = M1 - M0 exactly. A slice's own part of the mix is counted from c, the average of
both periods' M: (pi1 - pi0) ((m0 + m1) / 2 - c). That a slice grows matters only as far as it is
unlike the rest. The sum is the same, as shares sum to 1.

A slice that is empty in one period has no change within: all it contributes is mix. Under noise,
fewer rows than three times the noise count as none, and that slice is left out of the period.

Intervals are the delta method's: the shares of a period are multinomial, the means vary by
themselves, and noise moves both. Mix needs the means' variance too, for it is a product of two
uncertain things; without it intervals are much too narrow.

Source: Kitagawa (1955), Components of a difference between two rates.
"""

from dataclasses import dataclass

import numpy as np

from detectors.statistics.counts import Array, Mask
from detectors.statistics.estimate import Estimate, normal_interval
from detectors.statistics.slices import Losses, smoothed_variance


@dataclass(frozen=True)
class Decomposition:
    """Change of the mean, and its parts: of shape (), and by slice (slices,)."""

    total: Estimate
    mix: Estimate
    within: Estimate
    mix_by_slice: Estimate
    within_by_slice: Estimate


@dataclass(frozen=True)
class _Period:
    """Slices' shares and means, with the variance of a mean, and what else the noise needs."""

    losses: Losses
    there: Mask
    pi: Array
    mean: Array
    variance: Array

    @property
    def rows(self) -> Array:
        return np.asarray(np.maximum(self.losses.rows.sum(), 1.0))


def decompose(current: Losses, reference: Losses) -> Decomposition:
    """Parts of (current mean - reference mean); slices (slices,) in one order, parting the rows.

    NaN throughout where a period has no rows at all.

    >>> from detectors.statistics.slices import decisions
    >>> before = decisions(np.array([10.0, 40.0]), np.array([90.0, 60.0]))
    >>> now = decisions(np.array([5.0, 60.0]), np.array([45.0, 90.0]))
    >>> d = decompose(now, before)
    >>> d.total.value.round(3), d.mix.value.round(3), d.within.value.round(3)
    (np.float64(0.075), np.float64(0.075), np.float64(0.0))
    """
    now, before = _period(current), _period(reference)
    if not (now.there.any() and before.there.any()):
        return _unknown(len(now.pi))
    now, before = _filled(now, before), _filled(before, now)
    shift, middle = now.pi - before.pi, (now.pi + before.pi) / 2
    level, change = (now.mean + before.mean) / 2, now.mean - before.mean
    centre = float(now.pi @ now.mean + before.pi @ before.mean) / 2
    mix, within = shift * (level - centre), middle * change
    variances = _variances(now, before, centre)
    values = [mix, within, mix.sum(), within.sum(), now.pi @ now.mean - before.pi @ before.mean]
    by_slice, rows = now.losses.rows, now.losses.rows.sum()
    parts = [
        _interval(value, variance, n)
        for value, variance, n in zip(
            values, variances, (by_slice, by_slice, rows, rows, rows), strict=True
        )
    ]
    return Decomposition(parts[4], parts[2], parts[3], parts[0], parts[1])


def _period(losses: Losses) -> _Period:
    least = max(1.0, 3 * losses.noise.rows**0.5)
    there = np.asarray((losses.rows >= least) & ~np.isnan(losses.total))
    kept = losses.kept(there)
    rows = np.maximum(kept.rows.sum(), 1.0)
    pi, mean = kept.rows / rows, np.nan_to_num(kept.mean)
    typical = np.asarray(pi @ kept.variance + pi @ (mean - pi @ mean) ** 2)
    variance = smoothed_variance(kept, typical) / np.maximum(kept.rows, 1.0)
    return _Period(kept, there, pi, mean, np.where(there, variance, 0.0))


def _filled(one: _Period, other: _Period) -> _Period:
    """With the other period's mean where this one has no rows."""
    return _Period(
        one.losses, one.there, one.pi, np.where(one.there, one.mean, other.mean), one.variance
    )


def _variances(now: _Period, before: _Period, centre: float) -> list[Array]:
    """Of mix and within by slice, of their totals, and of the whole change."""
    shift, level = now.pi - before.pi, (now.mean + before.mean) / 2
    both = now.there & before.there
    gathered: list[Array] = []
    for one, sign in ((now, 1.0), (before, -1.0)):
        weight = np.where(
            both, 0.5, np.where(one.there, 1.0, 0.0)
        )  # of its mean in a slice's level
        mix = (
            np.diag(sign * (level - centre)) - np.outer(shift, one.mean) / 2,
            np.diag(shift * weight) - np.outer(shift, one.pi) / 2,
        )
        within = (
            np.diag((now.mean - before.mean) / 2),
            np.diag(sign * np.where(both, (now.pi + before.pi) / 2, 0.0)),
        )
        mixes, withins = [g.sum(axis=0) for g in mix], [g.sum(axis=0) for g in within]
        totals = [a + b for a, b in zip(mixes, withins, strict=True)]
        figures = (mix, within, mixes, withins, totals)
        parts = [_variance(one, by_pi, by_mean) for by_pi, by_mean in figures]
        gathered = [a + b for a, b in zip(gathered, parts, strict=True)] if gathered else parts
    return gathered


def _variance(period: _Period, by_pi: Array, by_mean: Array) -> Array:
    """Of figures with these gradients (..., slices) by one period's shares and means."""
    centred = by_pi - (by_pi @ period.pi)[..., None]
    sampling = centred**2 @ period.pi / period.rows + by_mean**2 @ period.variance
    noise = period.losses.noise
    by_total = by_mean / np.maximum(period.losses.rows, 1.0)
    by_rows = centred / period.rows - by_total * period.mean
    disturbed = by_rows**2 * noise.rows + by_total**2 * noise.total
    disturbed = disturbed + 2 * by_rows * by_total * noise.both
    return np.asarray(sampling + (disturbed * period.there).sum(axis=-1))


def _interval(value: Array, variance: Array, n: Array) -> Estimate:
    return normal_interval(
        np.asarray(value), np.sqrt(np.maximum(variance, 0.0)), n, (-np.inf, np.inf)
    )


def _unknown(slices: int) -> Decomposition:
    one, each = np.asarray(np.nan), np.full(slices, np.nan)
    whole = Estimate(one, one, one, np.asarray(0.0))
    by_slice = Estimate(each, each, each, np.zeros(slices))
    return Decomposition(whole, whole, whole, by_slice, by_slice)
