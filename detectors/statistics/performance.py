"""How well a binary classifier did, from labels counted per score bin.

`positives` and `negatives` have shape (..., bins), bins in order of the score; leading axes may be
windows, groups or slices. `cuts` (thresholds,) are bin numbers: rows in bin `cut` and above are
predicted positive, so every decision threshold must be an edge and nothing is lost by binning.
Answers at thresholds have shape (..., thresholds), the others (...,).

Figures that are plain shares get Wilson intervals, AUC DeLong's variance; the rest come from
redrawing the counts (parametric bootstrap). Noise of known variance widens all of them.

Sources: Wilson (1927); DeLong, DeLong, Clarke-Pearson (1988); Boyd, Eng, Page (2013) for the area
under precision and recall; Kumar, Liang, Ma (2019), Verified uncertainty calibration, for the
debiased calibration error.
"""

from typing import NamedTuple

import numpy as np

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, from_draws, normal_interval
from detectors.statistics.proportions import wilson

DRAWS = 200


class Confusion(NamedTuple):
    """Rows by decision and label, each (..., thresholds)."""

    tp: Array
    fp: Array
    tn: Array
    fn: Array


def confusion(positives: Array, negatives: Array, cuts: Array) -> Confusion:
    """The four counts at each threshold.

    >>> confusion(np.array([1.0, 4.0]), np.array([6.0, 2.0]), np.array([1]))
    Confusion(tp=array([4.]), fp=array([2.]), tn=array([6.]), fn=array([1.]))
    """
    tp, fp = _at_or_above(positives, cuts), _at_or_above(negatives, cuts)
    return Confusion(
        tp,
        fp,
        negatives.sum(axis=-1, keepdims=True) - fp,
        positives.sum(axis=-1, keepdims=True) - tp,
    )


def share(part: Array, whole: Array) -> Array:
    """part / whole, NaN where there is no whole."""
    told = whole > 0
    return np.asarray(np.where(told, part / np.where(told, whole, 1.0), np.nan))


def f1_of(c: Confusion) -> Array:
    """Harmonic mean of precision and recall."""
    return share(2 * c.tp, 2 * c.tp + c.fp + c.fn)


def mcc_of(c: Confusion) -> Array:
    """Matthews correlation of decision and label, -1..1."""
    product = (c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn)
    root = np.sqrt(np.maximum(product, 0.0))
    return share(c.tp * c.tn - c.fp * c.fn, root)


def auc_of(positives: Array, negatives: Array) -> Array:
    """P(score of a positive > score of a negative), ties within a bin counting half."""
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    pairs = np.maximum(positives.sum(axis=-1), 0.0) * np.maximum(negatives.sum(axis=-1), 0.0)
    return share((positives * below).sum(axis=-1), pairs)


def pr_auc_of(positives: Array, negatives: Array) -> Array:
    """Average precision: precision over recall, stepwise from the highest bin down."""
    tp = np.cumsum(positives[..., ::-1], axis=-1)
    rows = tp + np.cumsum(negatives[..., ::-1], axis=-1)
    precision = np.where(rows > 0, tp / np.where(rows > 0, rows, 1.0), 0.0)
    return share((positives[..., ::-1] * precision).sum(axis=-1), positives.sum(axis=-1))


def decision_metrics(
    positives: Array,
    negatives: Array,
    cuts: Array,
    rng: np.random.Generator,
    noise: Noise = NO_NOISE,
) -> dict[str, Estimate]:
    """accuracy, precision, recall, specificity, f1, mcc at each threshold."""
    c = confusion(positives, negatives, cuts)
    bins = positives.shape[-1]
    above = noise.variance * (bins - np.asarray(cuts))
    right = noise.variance * bins
    found = {
        "accuracy": share_estimate(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn, right),
        "precision": share_estimate(c.tp, c.tp + c.fp, above),
        "recall": share_estimate(c.tp, c.tp + c.fn, above),
        "specificity": share_estimate(c.tn, c.tn + c.fp, right - above),
    }
    drawn = confusion(*redraw(positives, negatives, rng, noise), cuts)
    rows = c.tp + c.fp + c.tn + c.fn
    found["f1"] = from_draws(f1_of(c), f1_of(drawn), rows)
    found["mcc"] = from_draws(mcc_of(c), mcc_of(drawn), rows)
    return found


def ranking_metrics(
    positives: Array, negatives: Array, rng: np.random.Generator, noise: Noise = NO_NOISE
) -> dict[str, Estimate]:
    """auc and pr_auc over all bins."""
    rows = (positives + negatives).sum(axis=-1)
    drawn = pr_auc_of(*redraw(positives, negatives, rng, noise))
    return {
        "auc": auc_estimate(positives, negatives, noise),
        "pr_auc": from_draws(pr_auc_of(positives, negatives), drawn, rows),
    }


def auc_estimate(positives: Array, negatives: Array, noise: Noise = NO_NOISE) -> Estimate:
    """AUC with DeLong's interval: the spread of each row's share of pairs won, bin by bin."""
    n1, n0 = positives.sum(axis=-1), negatives.sum(axis=-1)
    auc = auc_of(positives, negatives)
    won = share(np.cumsum(negatives, axis=-1) - negatives / 2, n0[..., None])
    lost = 1 - share(np.cumsum(positives, axis=-1) - positives / 2, n1[..., None])
    spread = _spread(positives, won, auc, noise) + _spread(negatives, lost, auc, noise)
    spread = np.where(np.isnan(spread), np.inf, spread)  # a class of one row: anything may be
    return normal_interval(auc, np.sqrt(spread), np.maximum(n1 + n0, 0.0), (0.0, 1.0))


def probability_metrics(
    positives: Array,
    negatives: Array,
    sums: Array,
    squares: Array,
    rng: np.random.Generator,
    *,
    noise: Noise = NO_NOISE,
    positive_sums: Array | None = None,
) -> dict[str, Estimate]:
    """brier, log_loss and calibration_error of scores that are probabilities.

    `sums`, `squares` (..., bins): sum of p and of p^2 over each bin's rows. With `positive_sums`,
    the sum of p over each bin's positives, the Brier score is exact; without, labels are taken not
    to go with the score within a bin, as they are for the log-loss. With 20 bins or more that
    hardly shows.
    """
    rows = positives + negatives
    mean = np.nan_to_num(np.clip(share(sums, rows), 0.0, 1.0), nan=0.5)
    square = np.nan_to_num(np.clip(share(squares, rows), mean**2, mean), nan=0.25)
    of_positives = mean
    if positive_sums is not None:
        of_positives = np.nan_to_num(np.clip(share(positive_sums, positives), 0.0, 1.0), nan=0.5)
    inner = np.clip(mean, 1e-6, 1 - 1e-6)
    drawn = redraw(positives, negatives, rng, noise)
    told, might = (
        {
            "brier": _brier(*counts, of_positives, square),
            "log_loss": _log_loss(
                *counts, inner, np.minimum(square - mean**2, inner * (1 - inner))
            ),
            "calibration_error": calibration_error(*counts, mean),
        }
        for counts in ((positives, negatives), drawn)
    )
    return {name: from_draws(told[name], might[name], rows.sum(axis=-1)) for name in told}


def calibration_error(positives: Array, negatives: Array, mean: Array) -> Array:
    """Root mean square of (share of positives - mean score) over bins, chance taken out.

    A perfectly calibrated model still shows differences in every bin; what chance contributes,
    c (1 - c) / (n - 1) per bin, is subtracted before the root. Below 0 counts as 0.
    """
    rows = positives + negatives
    told = rows > 1
    safe = np.where(told, rows, 2.0)
    rate = positives / safe
    gap = (rate - mean) ** 2 - rate * (1 - rate) / (safe - 1)
    held = np.where(told, rows, 0.0)
    mean_square = share((held * gap).sum(axis=-1), held.sum(axis=-1))
    return np.asarray(np.sqrt(np.maximum(mean_square, 0.0)))


def redraw(
    positives: Array, negatives: Array, rng: np.random.Generator, noise: Noise = NO_NOISE
) -> tuple[Array, Array]:
    """Counts as they might have come as well, each (DRAWS, ..., bins).

    Poisson counts in place of a multinomial: shares and rankings do not depend on the total.
    """
    shape = (DRAWS, *positives.shape)
    drawn = [
        rng.poisson(np.maximum(counts, 0.0), shape) + noise.draw(rng, shape)
        for counts in (positives, negatives)
    ]
    return np.maximum(drawn[0], 0.0), np.maximum(drawn[1], 0.0)


def _at_or_above(counts: Array, cuts: Array) -> Array:
    """Rows in bin `cut` and above, (..., thresholds)."""
    bins = counts.shape[-1]
    above = np.arange(bins)[:, None] >= np.asarray(cuts)[None, :]
    return np.asarray(counts @ above.astype(float))


def share_estimate(part: Array, whole: Array, variance: Array | float = 0.0) -> Estimate:
    """part / whole with Wilson's interval; `variance` is the noise's in `part`."""
    value, low, high = wilson(part, whole, variance)
    told = ~np.isnan(value)
    low, high = np.where(told, low, np.nan), np.where(told, high, np.nan)
    return Estimate(value, low, high, np.maximum(whole, 0.0))


def _spread(counts: Array, won: Array, auc: Array, noise: Noise) -> Array:
    """Variance of AUC from one class's rows, each worth `won` pairs."""
    total = counts.sum(axis=-1)
    square = (won - auc[..., None]) ** 2
    rows = np.maximum(counts, 0.0) + noise.variance
    return share((rows * square).sum(axis=-1), np.maximum(total - 1, 0.0) * total)


def _brier(positives: Array, negatives: Array, of_positives: Array, square: Array) -> Array:
    """Mean of (p - y)^2 = p^2 - 2 p y + y, from the mean p of the positives and the mean p^2."""
    lost = (positives + negatives) * square + positives * (1 - 2 * of_positives)
    return share(lost.sum(axis=-1), (positives + negatives).sum(axis=-1))


def _log_loss(positives: Array, negatives: Array, mean: Array, spread: Array) -> Array:
    """Mean of -ln P(y), to second order in the spread of the scores within a bin."""
    lost = positives * (spread / (2 * mean**2) - np.log(mean))
    lost = lost + negatives * (spread / (2 * (1 - mean) ** 2) - np.log1p(-mean))
    return share(lost.sum(axis=-1), (positives + negatives).sum(axis=-1))
