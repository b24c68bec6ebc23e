"""A numeric column's mean and standard deviation from its bins, and their change.

Bins don't tell where in them their rows lie. Here the reference does: within a bin, density is
taken to rise or fall exponentially, as fast as it does from the bin's left neighbour to its right
one, so rows lean towards the denser neighbour. For bins of equal width this is Sheppard's
correction to first order; unlike that, it also holds for unequal widths and for columns that end
abruptly. Rows below and above all bins count as lying on the outermost edges.

The window's rows are laid into their bins like the reference's. What that leaves uncertain cancels
in a change; `binning_doubt` says how much of it is in each figure by itself.

With this the mean and the mean square are linear in the counts. So noise does not bias them, and
its share of their variance is known.

Sources: Sheppard (1898), On the calculation of the most probable values of frequency constants;
Kendall, Stuart, The Advanced Theory of Statistics, chapter 3.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from detectors.statistics.counts import Array, Sample
from detectors.statistics.estimate import Estimate

ENOUGH = 2.0  # rows from which on a spread can be told
HALF_ROW = 0.5  # what a bin of the reference holds at least, so that its density has a logarithm
ROUNDING = 1e-12  # of the range
Z = 1.96


@dataclass(frozen=True)
class Places:
    """Where the rows of each cell lie: mean, mean square, lowest and highest, (features, cells).

    In units of `scale` from `origin`, (features,): the range of the edges is 0 to 1.
    """

    mean: Array
    square: Array
    low: Array
    high: Array
    origin: Array
    scale: Array


class Moments(NamedTuple):
    """Of one sample; all arrays (features,). NaN below ENOUGH rows."""

    mean: Estimate
    sd: Estimate


class Changes(NamedTuple):
    """Current minus reference, with the p-value of no change; all arrays (features,)."""

    mean: Estimate
    sd: Estimate
    mean_p: Array
    sd_p: Array


def lay_out(edges: Array, reference: Array) -> Places:
    """Places for columns with these edges (features, e), ascending, and reference counts
    (features, e + 1): below, the e - 1 bins, above.

    >>> places = lay_out(np.array([[0.0, 10.0, 20.0]]), np.array([[0.0, 300.0, 100.0, 0.0]]))
    >>> (places.scale * places.mean).round(2)  # all lean to the left, where the bin is fuller
    array([[ 0. ,  4.1, 14.1, 20. ]])
    """
    origin, scale = edges[:, 0], edges[:, -1] - edges[:, 0]
    ends = (edges - origin[:, None]) / scale[:, None]
    width = np.diff(ends, axis=1)
    middle = (ends[:, 1:] + ends[:, :-1]) / 2
    lean, spread = _within(middle, width, np.maximum(reference[:, 1:-1], HALF_ROW) / width)
    mean, square = middle + lean, middle * (middle + 2 * lean) + spread
    first, last = ends[:, :1], ends[:, -1:]
    return Places(
        np.hstack([first, mean, last]),
        np.hstack([first**2, square, last**2]),
        np.hstack([first, ends[:, :-1], last]),
        np.hstack([first, ends[:, 1:], last]),
        origin,
        scale,
    )


def moments(sample: Sample, places: Places) -> Moments:
    """Mean and standard deviation, with 95 % intervals for sampling and noise."""
    at = _Measured(sample, places)
    z = special.stdtrit(np.maximum(at.rows - 1, 1.0), 0.975)
    half = z * at.mean_error
    mean = at.estimate(at.mean, at.mean - half, at.mean + half, places.origin)
    low, high = (at.variance + sign * z * at.variance_error for sign in (-1, 1))
    return Moments(mean, at.estimate(at.sd, _root(low), _root(high), 0.0))


def changes(current: Sample, reference: Sample, places: Places) -> Changes:
    """Change of mean and standard deviation, with 95 % intervals and p-values, noise included.

    The p-values are of score tests: variances are those of both samples together, as they are if
    nothing changed. Where either side has fewer than ENOUGH rows: NaN, and p is 1.
    """
    now, then = _Measured(current, places), _Measured(reference, places)
    both = _Measured(_together(current, reference), places)
    return Changes(
        _difference(now, then, now.mean - then.mean, np.hypot(now.mean_error, then.mean_error)),
        _difference(now, then, now.sd - then.sd, np.hypot(now.sd_error, then.sd_error)),
        _p_value(now, then, now.mean - then.mean, both.shares, both.mean_influence),
        _p_value(now, then, now.variance - then.variance, both.shares, both.variance_influence),
    )


def binning_doubt(sample: Sample, places: Places) -> tuple[Array, Array]:
    """How far mean and standard deviation could be off if rows lie elsewhere in their bins.

    (features,) each. No arrangement goes beyond them, for a standard deviation changes by no more
    than the root mean square of all moves.
    """
    at = _Measured(sample, places)
    above, below = places.high - places.mean, places.mean - places.low
    mean = np.maximum((at.shares * above).sum(axis=1), (at.shares * below).sum(axis=1))
    farthest = np.sqrt((at.shares * np.maximum(above, below) ** 2).sum(axis=1))
    heaped = np.sqrt((at.shares * at.mean_influence**2).sum(axis=1))
    return places.scale * mean, places.scale * (farthest + np.abs(at.sd - heaped))


class _Measured:
    """A sample's moments in units of the range, and what each cell contributes to their errors."""

    def __init__(self, sample: Sample, places: Places) -> None:
        self.sample, self.places = sample, places
        counted = sample.counts.sum(axis=1)
        self.told = np.asarray((sample.totals >= ENOUGH) & (counted >= 1))
        self.rows = np.where(self.told, sample.totals, ENOUGH)
        share = sample.counts / np.where(self.told, counted, np.nan)[:, None]
        held = np.maximum(share, 0.0)
        self.shares = held / held.sum(axis=1, keepdims=True)
        self.mean = (share * places.mean).sum(axis=1)
        self.mean_influence = places.mean - self.mean[:, None]
        raw = (share * places.square).sum(axis=1) - self.mean**2
        spread = _variance(sample, self.shares, self.mean_influence)
        self.mean_error = np.sqrt(spread)
        self.variance = np.maximum(raw + spread, 0.0)  # the squared mean is too large by its error
        self.sd = np.sqrt(self.variance)
        square = (share * places.square).sum(axis=1, keepdims=True)
        lever = 2 * self.mean[:, None] * self.mean_influence
        self.variance_influence = places.square - square - lever
        self.variance_error = np.sqrt(_variance(sample, self.shares, self.variance_influence))

    @property
    def sd_error(self) -> Array:
        """Standard error of the standard deviation; of one that may be 0, at most its own size."""
        least = np.maximum(self.sd, np.sqrt(self.variance_error) / 2)
        return np.asarray(self.variance_error / np.maximum(2 * least, 1e-300))

    def estimate(self, value: Array, low: Array, high: Array, origin: Array | float) -> Estimate:
        """In the column's own units."""
        value, low, high = (origin + self.places.scale * part for part in (value, low, high))
        return Estimate(value, low, high, self.sample.totals)


def _difference(now: _Measured, then: _Measured, value: Array, error: Array) -> Estimate:
    value = np.where(now.told & then.told, value, np.nan)
    return now.estimate(value, value - Z * error, value + Z * error, 0.0)


def _p_value(
    now: _Measured, then: _Measured, difference: Array, shares: Array, influence: Array
) -> Array:
    """Score test that a difference is chance; what rounding alone could do is none."""
    error = np.hypot(*(np.sqrt(_variance(s.sample, shares, influence)) for s in (now, then)))
    z = np.abs(difference) / np.maximum(error, 1e-300)
    told = now.told & then.told & (np.abs(difference) > ROUNDING)
    return np.asarray(np.where(told, 2 * special.ndtr(-z), 1.0))


def _within(middle: Array, width: Array, density: Array) -> tuple[Array, Array]:
    """Mean and mean square of y, a row's place seen from its bin's middle, (features, bins) each.

    With density exp(b y) for |y| <= h: E y = h L(z) and E y^2 = h^2 (1 - 2 L(z) / z), where z = b h
    and L(z) = coth z - 1 / z, Langevin's function.
    """
    bins = middle.shape[1]
    after, before = np.minimum(np.arange(bins) + 1, bins - 1), np.maximum(np.arange(bins) - 1, 0)
    between = np.maximum(middle[:, after] - middle[:, before], 1e-300)
    half = width / 2
    z = np.log(density[:, after] / density[:, before]) / between * half
    straight = np.abs(z) < 1e-3
    safe = np.where(straight, 1.0, z)
    ratio = np.where(straight, 1 / 3, (1 / np.tanh(safe) - 1 / safe) / safe)
    return half * z * ratio, half**2 * (1 - 2 * ratio)


def _variance(sample: Sample, shares: Array, influence: Array) -> Array:
    """Variance of sum(counts * influence) / rows, by sampling and noise; `influence` averages 0."""
    rows = np.maximum(sample.totals, ENOUGH)
    squares = influence**2
    sampling = (shares * squares).sum(axis=1) / (rows - 1)
    return np.asarray(sampling + sample.noise.variance * squares.sum(axis=1) / rows**2)


def _together(current: Sample, reference: Sample) -> Sample:
    counts = np.maximum(current.counts, 0.0) + np.maximum(reference.counts, 0.0)
    return Sample(counts, counts.sum(axis=1))


def _root(variance: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))
