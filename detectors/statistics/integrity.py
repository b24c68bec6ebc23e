"""Is the data whole? Rates of missing, invalid, out-of-range, other values; volume; gone columns.

Rates are compared with the reference as two shares. Volume is held against the reference windows'
own volumes, robustly: median and median absolute deviation, so that a few odd windows in the
reference do not blunt it. What needs no statistics is a plain yes or no.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from detectors.statistics.counts import Array, Mask, Sample
from detectors.statistics.estimate import Estimate
from detectors.statistics.proportions import newcombe, two_proportion_test, wilson

MAD_TO_SD = 1.4826
MAD_EFFICIENCY = 0.37
VOLUME_LEVEL = 0.001


class RateChange(NamedTuple):
    """A rate, its reference, what lies between them, and how surprising that is; one shape."""

    rate: Estimate
    reference: Estimate
    change: Estimate
    p_value: Array


def rate_change(current: Sample, reference: Sample) -> RateChange:
    """Compare rates; the samples' counts and totals have one shape, e.g. (columns,).

    Without rows on either side: NaN with the widest interval, p-value 1.
    """
    x, n, v_x = current.counts, current.totals, current.noise.variance
    r, m, v_r = reference.counts, reference.totals, reference.noise.variance
    return RateChange(
        Estimate(*wilson(x, n, v_x), n),
        Estimate(*wilson(r, m, v_r), m),
        Estimate(*newcombe(x, n, r, m, variance_x=v_x, variance_r=v_r), n),
        two_proportion_test(x, n, r, m, variance_x=v_x, variance_r=v_r),
    )


def volume_interval(volumes: Array, level: float = VOLUME_LEVEL) -> tuple[float, float]:
    """Where the next window's number of rows should fall, from past volumes (windows,).

    Overdispersed Poisson: the variance is the larger of the median and the squared robust spread.
    Student's t carries what a short reference does not know (a median deviation from w windows is
    worth a standard deviation from 0.37 w); it is taken on the root scale, which keeps the interval
    above 0. One window or none: (0, inf).

    >>> quiet_month = np.tile([980.0, 1010, 1000, 995, 1020, 990, 1005], 4)
    >>> [round(limit) for limit in volume_interval(quiet_month)]
    [858, 1153]
    """
    held = np.asarray(volumes, dtype=float)
    if len(held) < 2:
        return 0.0, float("inf")
    middle = float(np.median(held))
    robust = MAD_TO_SD * float(np.median(np.abs(held - middle)))
    if middle <= 0:
        return 0.0, float(held.max())
    # The root of a Poisson count has standard deviation 1/2, of an overdispersed one sd/(2 root).
    spread = max(1.0, robust / middle**0.5) / 2
    reach = (
        special.stdtrit(max(MAD_EFFICIENCY * (len(held) - 1), 1.0), 1 - level / 2)
        * spread
        * (1 + 1 / len(held)) ** 0.5
    )
    return float(max(middle**0.5 - reach, 0.0) ** 2), float((middle**0.5 + reach) ** 2)


def columns_gone(missing: Array, n: Array, ref_missing: Array, m: Array) -> Mask:
    """Columns with rows but not one value, that had values in the reference, (columns,).

    For counts without noise: with noise, "not one" cannot be known.
    """
    return np.asarray((n > 0) & (missing >= n) & (m > 0) & (ref_missing < m))


def volume_gone(rows: float) -> bool:
    """A window came and holds nothing."""
    return rows <= 0
