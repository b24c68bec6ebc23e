"""How far apart two distributions are: sizes to show beside a p-value, never tests by themselves.

Each takes current and reference counts (features, bins) and answers (features,). Negative noisy
counts are set to 0 here, and only here: a distance needs shares. NaN where either side has no rows.
All of them are biased upwards in small or noisy windows: `chance.chance_limits` says what nothing
but chance and noise would give, `total_variation_interval` where the true size lies.
"""

import numpy as np
from scipy import special

from detectors.statistics.counts import (
    Array,
    Sample,
    comparable,
    differences,
    inverse_rows,
    noise_between,
    pooled_proportions,
)
from detectors.statistics.estimate import Estimate

FLOOR = 0.5  # rows a bin is taken to hold at least, so that PSI's logarithm exists
PRIOR = 4.0  # rows shared out like both samples together, before a share's variance is taken
Z = 1.96


def shares(counts: Array) -> Array:
    """Counts as shares of their row; a row without counts is NaN."""
    held = np.maximum(counts, 0.0)
    return np.asarray(held / _rows(held))


def total_variation(x: Array, r: Array) -> Array:
    """The share of rows that would have to move to another bin, 0..1."""
    return np.asarray(0.5 * np.abs(shares(x) - shares(r)).sum(axis=1))


def hellinger(x: Array, r: Array) -> Array:
    """Hellinger distance, 0..1."""
    squares = np.square(np.sqrt(shares(x)) - np.sqrt(shares(r)))
    return np.asarray(np.sqrt(squares.sum(axis=1) / 2))


def jensen_shannon(x: Array, r: Array) -> Array:
    """Jensen-Shannon distance: the root of the divergence in bits, 0..1 (Lin 1991)."""
    p, q = shares(x), shares(r)
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum(axis=1) / 2
    return np.asarray(np.sqrt(np.maximum(divergence / np.log(2), 0.0)))


def wasserstein(x: Array, r: Array, steps: Array | None = None) -> Array:
    """How far rows moved on average, for ordered bins (earth mover's distance).

    In bins, or in the units of `steps` (features, bins - 1): the distances from each bin's centre
    to the next one's.
    """
    gap = np.abs(np.cumsum(shares(x) - shares(r), axis=1))[:, :-1]
    return np.asarray((gap if steps is None else gap * steps).sum(axis=1) + 0 * shares(x)[:, 0])


def psi(x: Array, r: Array) -> Array:
    """Population stability index; a bin counts as at least half a row."""
    p, q = _floored_shares(x), _floored_shares(r)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=1))


def psi_critical(current: Sample, reference: Sample, level: float = 0.05) -> Array:
    """The PSI that chance and noise alone exceed with probability `level`, (features,).

    PSI follows (1/n + 1/m) chi2 with bins - 1 degrees of freedom when nothing changed (Yurdakul
    2018), so the customary 0.1 and 0.25 mean different things at every sample size.

    >>> sample = Sample(np.full((1, 10), 5_000.0), np.array([50_000.0]))
    >>> round(float(psi_critical(sample, sample)[0]), 4)
    0.0007
    """
    bins = current.counts.shape[1]
    scale = inverse_rows(current, reference) + bins * noise_between(current, reference)
    return np.asarray(scale * special.chdtri(max(bins - 1, 1), level) * (bins > 1))


def total_variation_interval(current: Sample, reference: Sample) -> Estimate:
    """Total variation with a 95 % interval for the size that is really there, (features,).

    The size T of d + e, d the true differences and e their error, is convex in e. So it is never
    smaller than the true size plus a linear error of spread s, and T + 1.96 s is an upper limit.
    The lower limit takes out the upward bias, in squares, where a second error adds to the
    observed size what the first one added to the true one: 2 T^2 - E T'^2 - 1.96 sd(T'^2), with T'
    the size of the observed differences plus a further error. Errors are taken as normal, so that
    each |d + e| has a known mean (Leone, Nelson, Nottingham 1961, The folded normal distribution).

    >>> current = Sample(np.array([[60.0, 40.0]]), np.array([100.0]))
    >>> reference = Sample(np.array([[5000.0, 5000.0]]), np.array([10_000.0]))
    >>> [round(float(part[0]), 2) for part in total_variation_interval(current, reference)[:3]]
    [0.1, 0.0, 0.2]
    """
    value = total_variation(current.counts, reference.counts)
    told = comparable(current, reference) & ~np.isnan(value)
    p = pooled_proportions(current.counts, reference.counts)
    d = differences(current, reference, p)
    own = _share_variance(current, p) + _share_variance(reference, p)
    loose = own * (1 - 2 * p) + p**2 * own.sum(axis=1, keepdims=True)
    size = 0.5 * np.abs(d).sum(axis=1)
    again = 0.5 * _folded_mean(d, np.sqrt(np.maximum(loose, 0.0))).sum(axis=1)
    sign = np.sign(d)
    loading = sign - (sign * p).sum(axis=1, keepdims=True)
    spread = 0.5 * np.sqrt((own * loading**2).sum(axis=1))
    low = 2 * size**2 - (again**2 + spread**2) - Z * 2 * again * spread
    low = np.fmin(np.sqrt(np.maximum(low, 0.0)), value)
    high = np.fmax(np.minimum(size + Z * spread, 1.0), value)
    value, low, high = (np.where(told, part, np.nan) for part in (value, low, high))
    return Estimate(value, low, high, current.totals)


def _share_variance(sample: Sample, p: Array) -> Array:
    """Variance of each cell's share as if cells were independent: of sampling and of noise."""
    held = np.maximum(sample.counts, 0.0) + PRIOR * p
    share = held / held.sum(axis=1, keepdims=True)
    return np.asarray(share / sample.rows[:, None] + sample.noise_share[:, None])


def _folded_mean(mean: Array, spread: Array) -> Array:
    """E |z| of a normal z."""
    z = mean / np.maximum(spread, 1e-300)
    bulk = spread * np.sqrt(2 / np.pi) * np.exp(-np.square(np.minimum(np.abs(z), 40.0)) / 2)
    return np.asarray(bulk + mean * (1 - 2 * special.ndtr(-z)))


def _rows(held: Array) -> Array:
    """Each row's counts added up, (features, 1); NaN where there are none."""
    total = held.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, total, np.nan))


def _floored_shares(counts: Array) -> Array:
    return np.asarray(np.maximum(counts, FLOOR) / _rows(np.maximum(counts, 0.0)))
