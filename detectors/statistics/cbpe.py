"""Performance without labels: what a classifier's own scores promise (CBPE), from score bins.

If a score of 0.8 means "right four times in five", then the scores of new rows say how many of the
decisions will turn out right. The reference, which has labels, says what each score bin really
means: its share of positives, made to rise with the score (isotonic). Spread the current rows of
each bin into expected positives and negatives and every metric follows.

The band answers: in worlds like this one, how far do the labels end up from what is told here? Each
draw makes a reference, learns from it, tells, then lets the labels fall; the misses, laid about the
figure told, are the band. It thereby also corrects what learning from few rows gets wrong on
average. The worlds' own curve is smoother than what is told: redrawing from a fit of steps
would understate how much the steps vary.

It assumes that P(label | score) has not changed, and cannot notice when it has. Decision thresholds
must be edges of the bins; then accuracy, precision, recall and F1 carry no binning error.

Sources: NannyML, Confidence-based performance estimation; Kivimäki et al. (2024), Confidence-based
estimators for predictive performance in model monitoring; here on counts rather than rows. Sen,
Banerjee, Woodroofe (2010), Inconsistency of bootstrap: the Grenander estimator, for the smoothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, from_draws
from detectors.statistics.performance import (
    Confusion,
    auc_of,
    confusion,
    f1_of,
    share,
)

DRAWS = 200
LENT, SMOOTH = 0.1, 5.0  # rows of the smooth curve lent to each bin: for what is told, for a world
RIDGE = 0.1


@dataclass(frozen=True)
class Calibration:
    """What a score bin means: P(positive) at the bin's mean reference score, each (bins,).

    `draws` (DRAWS, bins) are what would have been learned from references of a world in which the
    bins mean `world` (bins,). The distance from there to the draws is the distance at which the
    truth may lie from what was learned.
    """

    probability: Array
    mean_score: Array
    world: Array
    draws: Array


def calibrate(
    positives: Array,
    negatives: Array,
    sums: Array,
    rng: np.random.Generator,
    noise: Noise = NO_NOISE,
) -> Calibration:
    """Learn from reference labels: positives, negatives and sum of scores per bin, each (bins,).

    Bins without rows take their meaning from the others. Without any label at all: ValueError.
    """
    rows = np.maximum(positives + negatives, 0.0)
    if rows.sum() < 1 or not 0 <= positives.sum() <= rows.sum() + 1e-9:
        raise ValueError("cbpe.reference: expected labelled reference rows per score bin")
    mean_score = np.maximum.accumulate(_fill(share(sums, rows)))  # noise may have disordered them
    probability = _rising_share(positives, negatives, mean_score)
    world = _rising_share(positives, negatives, mean_score, SMOOTH)
    shape = (DRAWS, len(rows))
    whole = np.rint(rows).astype(int)
    drawn = rng.binomial(whole, world, shape)
    apart = drawn + noise.draw(rng, shape), whole - drawn + noise.draw(rng, shape)
    return Calibration(probability, mean_score, world, _rising_share(*apart, mean_score))


def expected_positives(calibration: Calibration, counts: Array, sums: Array) -> Array:
    """Positives to be expected in each bin, (..., bins), of current `counts` and score sums.

    If a bin's mean score has moved since the reference, so has its meaning: along the line to the
    neighbouring bins.
    """
    return counts * _meaning(calibration.probability, calibration.mean_score, counts, sums)


def expected_confusion(
    calibration: Calibration, counts: Array, sums: Array, cuts: Array
) -> Confusion:
    """Expected TP, FP, TN, FN at each threshold, (..., thresholds)."""
    positives = expected_positives(calibration, counts, sums)
    return confusion(positives, counts - positives, cuts)


def estimate_performance(
    calibration: Calibration,
    counts: Array,
    sums: Array,
    cuts: Array,
    rng: np.random.Generator,
    *,
    noise: Noise = NO_NOISE,
) -> dict[str, Estimate]:
    """accuracy, precision, recall, f1 (thresholds,), auc and positive_rate (1,), of one window.

    counts, sums: (bins,). The band covers the labels' own chance, the calibration's and the
    noise's; it does not cover a changed P(label | score). No rows: every figure NaN.
    """
    positives = expected_positives(calibration, counts, sums)
    rows = counts.sum()
    value = _metrics(positives, counts - positives, cuts)
    told, true = draw_worlds(calibration, counts, sums, rng, noise)
    told_value, true_value = _metrics(*told, cuts), _metrics(*true, cuts)
    return {
        name: around(value[name], true_value[name] - told_value[name], np.maximum(rows, 0.0))
        for name in value
    }


def around(value: Array, missed: Array, n: Array) -> Estimate:
    """A share as told, with the band in which `missed` (draws, ...) says that the truth lies."""
    told = np.where(n >= 1, np.clip(value, 0.0, 1.0), np.nan)
    return from_draws(told, np.clip(value + missed, 0.0, 1.0), n)


def draw_worlds(
    calibration: Calibration, counts: Array, sums: Array, rng: np.random.Generator, noise: Noise
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Positives and negatives as told and as true, (DRAWS, bins) each, in worlds like this one."""
    held = np.maximum(counts, 0.0)
    meaning, *learned = (
        _meaning(one, calibration.mean_score, held, sums)
        for one in (calibration.world, *calibration.draws)
    )
    seen = held + noise.draw(rng, calibration.draws.shape)
    rows = np.rint(held).astype(int)
    positives = rng.binomial(rows, meaning, seen.shape).astype(float)
    return (seen * learned, seen * (1 - np.array(learned))), (positives, rows - positives)


def _metrics(positives: Array, negatives: Array, cuts: Array) -> dict[str, Array]:
    c = confusion(positives, negatives, cuts)
    return {
        "accuracy": share(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn),
        "precision": share(c.tp, c.tp + c.fp),
        "recall": share(c.tp, c.tp + c.fn),
        "f1": f1_of(c),
        "auc": auc_of(positives, negatives)[..., None],
        "positive_rate": share(positives.sum(axis=-1), (positives + negatives).sum(axis=-1))[
            ..., None
        ],
    }


def _meaning(probability: Array, mean_score: Array, counts: Array, sums: Array) -> Array:
    """P(positive) per bin at the current mean scores, at most as far as the neighbouring bins."""
    told = counts > 0
    now = np.where(told, sums / np.where(told, counts, 1.0), mean_score)
    beside = np.concatenate([mean_score[:1], mean_score, mean_score[-1:]])
    moved = np.interp(np.clip(now, beside[:-2], beside[2:]), mean_score, probability)
    held = np.interp(mean_score, mean_score, probability)
    return np.asarray(np.clip(probability + moved - held, 0.0, 1.0))


def _rising_share(
    positives: Array, negatives: Array, mean_score: Array, lent: float = LENT
) -> Array:
    """Share of positives per bin, (..., bins), made to rise (pool adjacent violators).

    Each bin is lent some rows of a smooth curve through all bins; one without rows is that curve.
    """
    rows = positives + negatives
    weight = np.maximum(rows, 0.0) + lent
    # Noisy positives are pooled as they are: cut at 0, what noise adds would outweigh what it takes
    known = np.where(rows > 0, positives, 0.0)
    rate = (known + lent * _smooth_share(known, np.maximum(rows, 0.0), mean_score)) / weight
    flat = zip(rate.reshape(-1, rate.shape[-1]), weight.reshape(-1, rate.shape[-1]), strict=True)
    fit = [optimize.isotonic_regression(one, weights=w).x for one, w in flat]
    return np.clip(np.reshape(fit, rate.shape), 0.0, 1.0)


def _smooth_share(positives: Array, rows: Array, score: Array) -> Array:
    """Logistic regression of the label on the bin's mean score, (..., bins), never falling.

    Newton's method with a weak ridge, which keeps the curve finite where all labels agree.
    """
    if score[0] >= 0 and score[-1] <= 1:  # a probability: by its log odds
        score = special.logit(np.clip(score, 1e-3, 1 - 1e-3))
    x = (score - score.mean()) / (score.std() or 1.0)
    level, slope = np.zeros((2, *rows.shape[:-1], 1))
    for _ in range(15):
        p = special.expit(level + slope * x)
        left = np.clip(positives, 0.0, rows) - rows * p
        bend = rows * p * (1 - p)
        a, b = _total(left) - RIDGE * level, _total(left * x) - RIDGE * slope
        aa, ab, bb = _total(bend) + RIDGE, _total(bend * x), _total(bend * x**2) + RIDGE
        size = aa * bb - ab**2
        level = level + np.clip((bb * a - ab * b) / size, -2.0, 2.0)
        slope = np.maximum(slope + np.clip((aa * b - ab * a) / size, -2.0, 2.0), 0.0)
    return np.asarray(special.expit(level + slope * x))


def _total(values: Array) -> Array:
    return np.asarray(values.sum(axis=-1, keepdims=True))


def _fill(values: Array) -> Array:
    """NaN replaced along the line between the nearest known values."""
    known = np.flatnonzero(~np.isnan(values))
    return np.asarray(np.interp(np.arange(len(values)), known, values[known]))
