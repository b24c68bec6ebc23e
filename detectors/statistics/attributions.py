"""Does the model still lean on the same features? From mean absolute attributions (SHAP).

The reference's attributions are gains. Features are put in the order of their current attribution,
and the gains are added up with a discount for a late place, log2(place + 1). Divided by the sum in
the reference's own order, that is the NDCG of the ranking: 1 if the ranking is the same, less the
more weight slid down. It has no chance in it: compare windows of similar size.

Features whose current attributions are equal share their places. A negative attribution (noise)
counts as 0. A feature that is not known (NaN) on one side is left out.

Sources: Järvelin, Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques; Amazon
SageMaker Clarify, feature attribution drift, for this use of it and for the line at 0.90.
"""

import numpy as np

from detectors.statistics.counts import Array

CONVENTION = 0.90  # Clarify's line: below it the ranking is called changed


def ranking_agreement(current: Array, reference: Array) -> float:
    """NDCG of the ranking by `current` with gains `reference`, both (features,).

    NaN if no known feature has an attribution above 0 in the reference.

    >>> reference = np.array([0.4, 0.3, 0.2, 0.1])
    >>> ranking_agreement(2 * reference, reference)
    1.0
    >>> round(ranking_agreement(reference[::-1], reference), 3)
    0.749
    """
    known = ~np.isnan(current) & ~np.isnan(reference)
    gains, placed = np.maximum(reference[known], 0.0), np.maximum(current[known], 0.0)
    best = float(gains @ _discounts(gains))
    return min(float(gains @ _discounts(placed)) / best, 1.0) if best > 0 else float("nan")


def importance_weights(drift: Array, attribution: Array) -> Array:
    """Drift x importance of each feature, as shares that sum to 1: for the order of causes.

    `drift` (features,) is a size of change that is at least 0, such as total variation, not a
    p-value. A feature without an attribution counts as the middle (median) one; without any
    attribution all count alike. An unknown drift weighs 0. If nothing drifted, all weigh 0.

    >>> importance_weights(np.array([0.1, 0.2, 0.2]), np.array([4.0, 2.0, np.nan])).round(2)
    array([0.29, 0.29, 0.43])
    """
    told = ~np.isnan(attribution)
    middle = np.median(attribution[told]) if told.any() else 1.0
    importance = np.maximum(np.where(told, attribution, middle), 0.0)
    if not importance.any():
        importance = np.ones(len(drift))
    weight = np.maximum(np.nan_to_num(drift), 0.0) * importance
    whole = weight.sum()
    return np.asarray(weight / whole if whole > 0 else weight)


def _discounts(attribution: Array) -> Array:
    """Each feature's 1 / log2(place + 1), largest attribution first, equals averaged."""
    order = np.argsort(-attribution, kind="stable")
    _, group = np.unique(attribution, return_inverse=True)
    by_place = np.empty(len(attribution))
    by_place[order] = 1 / np.log2(np.arange(2, len(attribution) + 2))
    return np.asarray((np.bincount(group, by_place) / np.maximum(np.bincount(group), 1))[group])
