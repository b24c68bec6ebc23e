"""What a window could have shown: the smallest change that it would have found, and vice versa.

"No drift found" means little without it. A change is taken as found if the test at LEVEL finds it
with probability POWER. Normal approximations of the tests of this package; noise included.

A change of a whole column is given as the share of rows that lie elsewhere than in the reference:
total variation, which for a shift of an ordered column is the gap that KS looks for. Both tests
find one of size reach * sqrt(1/n + 1/m + bins * noise), each with a reach of its own.
"""

import numpy as np
from scipy import special

from detectors.statistics.counts import (
    NO_NOISE,
    Array,
    Noise,
    Sample,
    comparable,
    inverse_rows,
    noise_between,
)

LEVEL, POWER = 0.05, 0.8
KS_REACH = 1.3  # gap found with that power, in units of sqrt(1/n + 1/m + noise)


def detectable_share_change(p: Array, current: Sample, reference: Sample) -> Array:
    """Smallest change of a share p that `current` would show, (features,); 1 where it is empty."""
    sampling = p * (1 - p) * inverse_rows(current, reference)
    spread = np.sqrt(sampling + noise_between(current, reference))
    reach = special.ndtri(1 - LEVEL / 2) + special.ndtri(POWER)
    told = comparable(current, reference)
    return np.asarray(np.where(told, np.minimum(reach * spread, 1.0), 1.0))


def detectable_gap(current: Sample, reference: Sample) -> Array:
    """Smallest gap between cumulative shares that KS would show, (features,); 1 where empty.

    For a shift of a bell-shaped feature, whose gap is widest in the middle. KS_REACH was found by
    simulation: it holds for 10 to 50 bins, with and without noise.
    """
    return _detectable(KS_REACH, current, reference)


def detectable_change(current: Sample, reference: Sample) -> Array:
    """Smallest share of rows in other cells that Q would show, (features,); 1 where empty.

    For rows that leave half of the cells and join the others, each cell in proportion to its size.
    """
    return _detectable(quadratic_reach(current.counts.shape[1]), current, reference)


def detectable_mean_shift(gap: Array) -> Array:
    """The gap as a shift of a normal feature's mean, in its standard deviations; inf at gap 1.

    A mean shift of d sd opens a gap of 2 Phi(d/2) - 1.
    """
    return np.asarray(2 * special.ndtri((1 + gap) / 2))


def rows_for_gap(gap: float, reference: Sample, noise: Noise = NO_NOISE) -> Array:
    """Rows a window needs so that KS would show this gap, (features,).

    `noise` is the window's. Infinite where the reference itself has too few rows for it.

    >>> reference = Sample(np.full((1, 10), 500.0), np.array([5000.0]))
    >>> rows_for_gap(0.1, reference)
    array([175.])
    """
    return _rows_needed(gap / KS_REACH, reference, noise)


def rows_for_change(share: float, reference: Sample, noise: Noise = NO_NOISE) -> Array:
    """Rows a window needs so that Q would show this share of rows in other cells, (features,)."""
    return _rows_needed(share / quadratic_reach(reference.counts.shape[1]), reference, noise)


def quadratic_reach(bins: int) -> float:
    """Half the root of how far chi-square must be off centre to be found.

    Q's is 4 T^2 / (1/n + 1/m) for a share T of rows in other cells.
    """
    freedom = max(bins - 1, 1)
    return float(np.sqrt(special.chndtrinc(special.chdtri(freedom, LEVEL), freedom, 1 - POWER)) / 2)


def _detectable(reach: float, current: Sample, reference: Sample) -> Array:
    noise = current.counts.shape[1] * noise_between(current, reference)
    change = reach * np.sqrt(inverse_rows(current, reference) + noise)
    return np.asarray(np.where(comparable(current, reference), np.minimum(change, 1.0), 1.0))


def _rows_needed(spread: float, reference: Sample, noise: Noise) -> Array:
    """n, rounded up, at which sqrt(1/n + 1/m + bins * noise) has come down to `spread`."""
    bins = reference.counts.shape[1]
    left = spread**2 - 1 / reference.rows - bins * reference.noise_share
    enough = np.where(left > 0, left, np.nan)
    rows = (1 + np.sqrt(1 + 4 * enough * bins * noise.variance)) / (2 * enough)
    return np.asarray(np.where(left > 0, np.ceil(rows), np.inf))
