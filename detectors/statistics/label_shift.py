"""Has the share of positives changed, when only predictions are seen? (BBSE)

Suppose the mix of labels changed, but each kind of row still looks as it did. Then the reference
says how often a positive and a negative row get a positive prediction (tpr and fpr). The current
share of positive predictions lies between the two, and its place there is the current share of
positives, q = (predicted - fpr) / (tpr - fpr).

Source: Lipton, Wang, Smola (2018), Detecting and correcting for label shift with black box
predictors.
"""

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, normal_interval
from detectors.statistics.performance import Confusion, share
from detectors.statistics.proportions import equivalent_size

WEAKEST = 0.2  # a prediction that tells less about the label than this cannot carry the estimate


def positive_share(
    reference: Confusion,
    predicted: Array,
    rows: Array,
    noise: Noise = NO_NOISE,
    noise_r: Noise = NO_NOISE,
) -> Estimate:
    """Current share of positives, from `predicted` positive among `rows`; all of one shape.

    NaN where |tpr - fpr| < WEAKEST in the reference, or where a sample is empty. The interval is
    the delta method's over all three shares, noise included.

    >>> reference = Confusion(*(np.array([v]) for v in (80.0, 90.0, 810.0, 20.0)))
    >>> e = positive_share(reference, np.array([240.0]), np.array([1000.0]))
    >>> round(float(e.value[0]), 2)
    0.2
    """
    tpr, tpr_spread = _share(reference.tp, reference.tp + reference.fn, noise_r)
    fpr, fpr_spread = _share(reference.fp, reference.fp + reference.tn, noise_r)
    seen, seen_spread = _share(predicted, rows, noise)
    told = np.abs(tpr - fpr) >= WEAKEST
    lever = np.where(told, tpr - fpr, np.nan)
    q = (seen - fpr) / lever
    spread = np.sqrt(seen_spread + q**2 * tpr_spread + (1 - q) ** 2 * fpr_spread) / np.abs(lever)
    value, low, high, n = normal_interval(q, spread, rows, (0.0, 1.0))
    return Estimate(np.clip(value, 0.0, 1.0), np.minimum(low, 1.0), np.maximum(high, 0.0), n)


def _share(part: Array, whole: Array, noise: Noise) -> tuple[Array, Array]:
    """A share and its variance; NaN without rows."""
    p = share(part, whole)
    size = equivalent_size(part, whole, noise.variance)
    safe = np.clip(p, 1 / (whole + 2), 1 - 1 / (whole + 2))
    return p, safe * (1 - safe) / np.where(size > 0, size, 1.0)
