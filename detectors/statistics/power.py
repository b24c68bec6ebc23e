"""What a window could have shown: the smallest change that it would have found.

"No drift found" means little without it. A change is taken as found if the test at LEVEL finds it
with probability POWER. Normal approximations of the tests of this package; noise included.
"""

import numpy as np
from scipy import special

from detectors.statistics.counts import (
    Array,
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
    bins = current.counts.shape[1]
    noise = bins * noise_between(current, reference)
    gap = KS_REACH * np.sqrt(inverse_rows(current, reference) + noise)
    return np.asarray(np.where(comparable(current, reference), np.minimum(gap, 1.0), 1.0))


def detectable_mean_shift(gap: Array) -> Array:
    """The gap as a shift of a normal feature's mean, in its standard deviations; inf at gap 1.

    A mean shift of d sd opens a gap of 2 Phi(d/2) - 1.
    """
    return np.asarray(2 * special.ndtri((1 + gap) / 2))
