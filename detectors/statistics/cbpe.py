"""Performance without labels: what a classifier's own scores promise (CBPE), from score bins.

If a score of 0.8 means "right four times in five", then the scores of new rows say how many of the
decisions will turn out right. The reference, which has labels, says what each score bin really
means: its share of positives, made to rise with the score (isotonic). Spread the current rows of
each bin into expected positives and negatives and every metric follows.

It assumes that P(label | score) has not changed, and cannot notice when it has. Decision thresholds
must be edges of the bins; then accuracy, precision, recall and F1 carry no binning error.

Source: NannyML, Confidence-based performance estimation; Kivimäki et al. (2024), Confidence-based
estimators for predictive performance in model monitoring. Here on counts rather than rows.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

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


@dataclass(frozen=True)
class Calibration:
    """What a score bin means: P(positive) at the bin's mean reference score, each (bins,).

    `draws` (DRAWS, bins) are calibrations that the reference would have given by chance as well.
    """

    probability: Array
    mean_score: Array
    draws: Array


def calibrate(
    positives: Array,
    negatives: Array,
    sums: Array,
    rng: np.random.Generator,
    noise: Noise = NO_NOISE,
) -> Calibration:
    """Learn from reference labels: positives, negatives and sum of scores per bin, each (bins,).

    Bins without rows take their neighbours' meaning. Without any label at all: ValueError.
    """
    rows = np.maximum(positives + negatives, 0.0)
    if rows.sum() < 1 or not 0 <= positives.sum() <= rows.sum() + 1e-9:
        raise ValueError("cbpe.reference: expected labelled reference rows per score bin")
    probability = _isotonic(share(np.clip(positives, 0.0, rows), rows), rows)
    mean_score = np.maximum.accumulate(_fill(share(sums, rows)))  # noise may have disordered them
    doubt = np.where(rows > 0, rows / (1 + noise.variance / np.maximum(rows, 1.0)), 0.0)
    prior = np.clip(probability, 1e-3, 1 - 1e-3)
    drawn = rng.beta(doubt * prior + 0.5, doubt * (1 - prior) + 0.5, (DRAWS, len(rows)))
    known = np.where(doubt > 0, drawn, probability)
    draws = np.array([_isotonic(one, np.maximum(doubt, 1e-6)) for one in known])
    return Calibration(probability, mean_score, draws)


def expected_positives(calibration: Calibration, counts: Array, sums: Array) -> Array:
    """Positives to be expected in each bin, (..., bins), of current `counts` and score sums.

    If a bin's mean score has moved since the reference, so has its meaning: along the line to the
    neighbouring bins.
    """
    return np.maximum(counts, 0.0) * _meaning(
        calibration.probability, calibration.mean_score, counts, sums
    )


def expected_confusion(
    calibration: Calibration, counts: Array, sums: Array, cuts: Array
) -> Confusion:
    """Expected TP, FP, TN, FN at each threshold, (..., thresholds)."""
    positives = expected_positives(calibration, counts, sums)
    return confusion(positives, np.maximum(counts, 0.0) - positives, cuts)


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
    held = np.maximum(counts, 0.0)
    positives = expected_positives(calibration, counts, sums)
    value = _metrics(positives, held - positives, cuts)
    spread = _metrics(*_draw_labels(calibration, counts, sums, rng, noise), cuts)
    return {name: from_draws(value[name], spread[name], held.sum()) for name in value}


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


def _draw_labels(
    calibration: Calibration, counts: Array, sums: Array, rng: np.random.Generator, noise: Noise
) -> tuple[Array, Array]:
    """Positives and negatives per bin as they might turn out, (DRAWS, bins) each."""
    meaning = np.array(
        [_meaning(one, calibration.mean_score, counts, sums) for one in calibration.draws]
    )
    rows = np.maximum(np.rint(np.maximum(counts, 0.0) - noise.draw(rng, meaning.shape)), 0.0)
    positives = rng.binomial(rows.astype(int), meaning).astype(float)
    return positives, rows - positives


def _meaning(probability: Array, mean_score: Array, counts: Array, sums: Array) -> Array:
    """P(positive) per bin at the current mean scores, at most as far as the neighbouring bins."""
    told = counts > 0
    now = np.where(told, sums / np.where(told, counts, 1.0), mean_score)
    beside = np.concatenate([mean_score[:1], mean_score, mean_score[-1:]])
    moved = np.interp(np.clip(now, beside[:-2], beside[2:]), mean_score, probability)
    held = np.interp(mean_score, mean_score, probability)
    return np.asarray(np.clip(probability + moved - held, 0.0, 1.0))


def _isotonic(rate: Array, weight: Array) -> Array:
    """Rising fit (pool adjacent violators); bins without weight are filled from beside them."""
    known = (weight > 0) & ~np.isnan(rate)
    fit = np.full(rate.shape, np.nan)
    fit[known] = optimize.isotonic_regression(rate[known], weights=weight[known]).x
    return _fill(fit)


def _fill(values: Array) -> Array:
    """NaN replaced along the line between the nearest known values."""
    known = np.flatnonzero(~np.isnan(values))
    return np.asarray(np.interp(np.arange(len(values)), known, values[known]))
