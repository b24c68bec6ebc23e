"""How far apart two distributions are: sizes to show beside a p-value, never tests by themselves.

Each takes current and reference counts (features, bins) and answers (features,). Negative noisy
counts are set to 0 here, and only here: a distance needs shares. NaN where either side has no rows.
All of them are biased upwards in small or noisy windows; `psi_critical` says by how much for PSI.
"""

import numpy as np
from scipy import special

from detectors.statistics.counts import Array, Sample, inverse_rows, noise_between

FLOOR = 0.5  # rows a bin is taken to hold at least, so that PSI's logarithm exists


def shares(counts: Array) -> Array:
    """Counts as shares of their row; a row without counts is NaN."""
    held = np.maximum(counts, 0.0)
    total = held.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, held / np.where(total > 0, total, 1.0), np.nan))


def total_variation(x: Array, r: Array) -> Array:
    """The share of rows that would have to move to another bin, 0..1."""
    return np.asarray(0.5 * np.abs(shares(x) - shares(r)).sum(axis=1))


def hellinger(x: Array, r: Array) -> Array:
    """Hellinger distance, 0..1."""
    overlap = np.sqrt(shares(x) * shares(r)).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(1 - overlap, 0.0)))


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


def _floored_shares(counts: Array) -> Array:
    told = np.maximum(counts, 0.0).sum(axis=1, keepdims=True) > 0
    return shares(np.where(told, np.maximum(counts, FLOOR), 0.0))
