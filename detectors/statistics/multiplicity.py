"""Many tests at once: how many of the features shown as changed may be chance.

Benjamini, Hochberg (1995). For display only: it says nothing about repeated looks over time, so
paging goes by the e-detectors.
"""

import numpy as np

from detectors.statistics.counts import Array


def benjamini_hochberg(p: Array) -> Array:
    """q-values, same shape as p (1-d): showing all with q <= 0.05 keeps false ones at 5 %.

    NaN (a test that could not be made) stays NaN and is not counted as a test.

    >>> benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.04,  nan, 0.04])
    """
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    ratio = p[order] * len(order) / np.arange(1, len(order) + 1)
    q = np.full(p.shape, np.nan)
    q[order] = np.minimum(np.minimum.accumulate(ratio[::-1])[::-1], 1.0)
    return q
