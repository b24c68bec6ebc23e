"""Has the mix of labels changed, when only predictions are seen? (BBSE)

Suppose the mix of labels changed, but each kind of row still looks as it did. Then the reference
says how often a positive and a negative row get a positive prediction (tpr and fpr). The current
share of positive predictions lies between the two, and its place there is the current share of
positives, q = (predicted - fpr) / (tpr - fpr). With many classes: the shares mu of each prediction
are A q, where A tells how each label's rows were predicted in the reference; solve for q.

Source: Lipton, Wang, Smola (2018), Detecting and correcting for label shift with black box
predictors.
"""

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, from_draws, normal_interval
from detectors.statistics.performance import Confusion, share
from detectors.statistics.proportions import equivalent_size

WEAKEST = 0.2  # a prediction that tells less about the label than this cannot carry the estimate
DRAWS = 400


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


def class_shares(
    reference: Array,
    predicted: Array,
    rng: np.random.Generator,
    noise: Noise = NO_NOISE,
    noise_r: Noise = NO_NOISE,
) -> Estimate:
    """Current share of each class, (classes,), from rows by predicted class, (classes,).

    `reference` (classes, classes) counts rows by label and by predicted class. Everything is NaN
    where a label or the window has no row, or where A nearly forgets some mix of labels (its least
    singular value is below WEAKEST). The interval comes from redrawing both tables.

    >>> reference = np.array([[90.0, 10, 0], [10, 80, 10], [0, 10, 90]])
    >>> e = class_shares(reference, np.array([47.0, 24, 29]), np.random.default_rng(0))
    >>> e.value.round(2)
    array([0.5, 0.2, 0.3])
    """
    classes = len(predicted)
    rows = float(predicted.sum())
    labels = reference.sum(axis=1)
    unknown = np.full(classes, np.nan)
    nothing = Estimate(unknown, unknown, unknown, np.full(classes, max(rows, 0.0)))
    if rows < 1 or classes < 2 or (labels < 1).any():
        return nothing
    seen_as = (reference / labels[:, None]).T
    if np.linalg.svd(seen_as, compute_uv=False)[-1] < WEAKEST:
        return nothing
    tables = _shares_drawn(reference, rng, noise_r).swapaxes(1, 2)
    mixes = _shares_drawn(predicted, rng, noise)[..., None]
    # A drawn table may be singular where the true one is not: no direction counts more than this.
    drawn = (np.linalg.pinv(tables, rcond=WEAKEST / 4) @ mixes)[..., 0]
    value = on_simplex(np.linalg.solve(seen_as, predicted / rows))
    return from_draws(value, on_simplex(drawn), np.full(classes, rows))


def _shares_drawn(counts: Array, rng: np.random.Generator, noise: Noise) -> Array:
    """Shares along the last axis as they might have come as well, (DRAWS, ...)."""
    shape = (DRAWS, *counts.shape)
    drawn = rng.poisson(np.maximum(counts, 0.0), shape) + noise.draw(rng, shape)
    return np.asarray(drawn / np.maximum(drawn.sum(axis=-1, keepdims=True), 1.0))


def on_simplex(points: Array) -> Array:
    """The nearest shares that are not negative and add up to 1, (..., classes).

    Source: Duchi et al. (2008), Efficient projections onto the l1-ball.

    >>> on_simplex(np.array([0.7, 0.5, -0.2]))
    array([0.6, 0.4, 0. ])
    """
    ordered = -np.sort(-points, axis=-1)
    over = np.cumsum(ordered, axis=-1) - 1
    kept = ordered - over / np.arange(1, points.shape[-1] + 1) > 0
    last = kept.sum(axis=-1, keepdims=True) - 1
    cut = np.take_along_axis(over, last, axis=-1) / (last + 1)
    return np.asarray(np.maximum(points - cut, 0.0))


def _share(part: Array, whole: Array, noise: Noise) -> tuple[Array, Array]:
    """A share and its variance; NaN without rows."""
    p = share(part, whole)
    size = equivalent_size(part, whole, noise.variance)
    safe = np.clip(p, 1 / (whole + 2), 1 - 1 / (whole + 2))
    return p, safe * (1 - safe) / np.where(size > 0, size, 1.0)
