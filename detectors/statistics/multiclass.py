"""How well a classifier with many classes does: by its labels, and before they arrive.

Each class c is looked at against all others ("one vs rest"). Of its probability p_c the appliance
knows the rows per score bin; and of the rows in which c was the predicted class ("chosen"), the
same. Labels split both into rows that are c and rows that are not. TP_c, FP_c and FN_c are sums of
these cells, so accuracy, precision, recall and F1 lose nothing by binning.

Without labels: the chosen rows of each class and the others are calibrated apart, each as in
`cbpe`: whether a row was chosen says more about it than its score alone.

Macro means run over the classes that have labels or predictions, an undefined precision counting 0,
as in scikit-learn. Which classes are confused with which is not known; where an interval depends on
it, confusions are taken to spread in proportion to how often each class errs.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.statistics import cbpe
from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.estimate import Estimate, from_draws
from detectors.statistics.performance import auc_estimate, auc_of, share, share_estimate

DRAWS = 200
OVERALL = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_auc")
ROUNDS = 30  # of fitting the confusions to their margins


class Labelled(NamedTuple):
    """Rows whose label is the class, rows whose label is not, sum of scores: (classes, bins)."""

    positives: Array
    negatives: Array
    sums: Array

    @property
    def counts(self) -> Array:
        return self.positives + self.negatives


class Scored(NamedTuple):
    """Rows and sum of scores, (classes, bins)."""

    counts: Array
    sums: Array


@dataclass(frozen=True)
class Calibrations:
    """Per class: what a score bin means among the chosen rows, and among the others."""

    chosen: list[cbpe.Calibration]
    others: list[cbpe.Calibration]


class Cells(NamedTuple):
    """Rows whose label is the class and rows whose label is not, (..., classes, bins)."""

    positives: Array
    negatives: Array


class Outcome(NamedTuple):
    """TP, FP and FN per class, (..., classes)."""

    tp: Array
    fp: Array
    fn: Array


def realised_classes(
    every: Labelled, chosen: Labelled, rng: np.random.Generator, noise: Noise = NO_NOISE
) -> dict[str, Estimate]:
    """accuracy and the macro means (1,); precision, recall, f1 and auc by class, (classes,).

    `every` counts all rows, `chosen` those in which the class was predicted. No rows: NaN. The
    interval of macro_auc is the one of classes that err in the same direction: rather too wide.
    """
    tp, fp = chosen.positives.sum(axis=-1), chosen.negatives.sum(axis=-1)
    outcome = Outcome(tp, fp, every.positives.sum(axis=-1) - tp)
    rows = np.maximum((tp + fp).sum(keepdims=True), 0.0)
    variance = noise.variance * chosen.positives.shape[-1]
    value = _figures(outcome)
    spread = _figures(_redraw(outcome, chosen.positives.shape[-1], rng, noise))
    of_class = {
        "precision": share_estimate(tp, np.maximum(tp + fp, 0.0), variance),
        "recall": share_estimate(tp, np.maximum(tp + outcome.fn, 0.0), variance),
        "f1": from_draws(value["f1"], spread["f1"], np.maximum(tp + outcome.fn, 0.0)),
        "auc": auc_estimate(every.positives, every.negatives, noise),
    }
    return {
        "accuracy": share_estimate(tp.sum(keepdims=True), rows, variance * len(tp)),
        **{n: from_draws(value[n], spread[n], rows) for n in value if n.startswith("macro_")},
        "macro_auc": _mean_auc(of_class["auc"], rows),
        **of_class,
    }


def calibrate_classes(
    every: Labelled, chosen: Labelled, rng: np.random.Generator, noise: Noise = NO_NOISE
) -> Calibrations:
    """Learn from a labelled reference. A class never chosen, or always, is read from all rows.

    Without any label: ValueError.
    """
    others = Labelled(*(a - b for a, b in zip(every, chosen, strict=True)))

    def learn(part: Labelled, which: int) -> cbpe.Calibration:
        told = 0 <= part.positives[which].sum() <= part.counts[which].sum() >= 1
        source = part if told else every
        positives, negatives, sums = (values[which] for values in source)
        return cbpe.calibrate(positives, negatives, sums, rng, noise)

    classes = range(len(every.positives))
    return Calibrations(
        [learn(chosen, c) for c in classes],
        [learn(others, c) for c in classes],
    )


def estimate_classes(
    calibrations: Calibrations,
    every: Scored,
    chosen: Scored,
    rng: np.random.Generator,
    noise: Noise = NO_NOISE,
) -> dict[str, Estimate]:
    """The figures of `realised_classes` as the scores promise them, with bands; same shapes.

    Assumes that P(label | score, chosen or not) has not changed, class by class.
    """
    others = Scored(every.counts - chosen.counts, every.sums - chosen.sums)
    parts = [_worlds(calibrations.chosen, chosen, rng, noise)]
    parts.append(_worlds(calibrations.others, others, rng, noise))
    value, told, true = (_told(*cells) for cells in zip(*parts, strict=True))
    of_class = np.maximum(every.counts.sum(axis=-1), 0.0)
    rows = of_class.max(keepdims=True)
    found = {
        name: cbpe.around(value[name], true[name] - told[name], n)
        for name in value
        for n in [rows if name in OVERALL else of_class]
    }
    return found | {"macro_auc": _mean_auc(found["auc"], rows)}


def _worlds(
    learned: list[cbpe.Calibration], scored: Scored, rng: np.random.Generator, noise: Noise
) -> tuple[Cells, Cells, Cells]:
    """Expected cells (classes, bins), and those told and true in drawn worlds, (DRAWS, ...)."""
    counts, sums = scored
    rows = list(zip(learned, counts, sums, strict=True))
    expected = np.array([cbpe.expected_positives(*row) for row in rows])
    worlds = [cbpe.draw_worlds(*row, rng=rng, noise=noise) for row in rows]
    told, true = (
        Cells(*(np.stack(part, axis=1) for part in zip(*which, strict=True)))
        for which in zip(*worlds, strict=True)
    )
    return Cells(expected, counts - expected), told, true


def _told(chosen: Cells, others: Cells) -> dict[str, Array]:
    """All figures. A wrong row is missed by exactly one class: FN are scaled to add up to FP."""
    tp, fp, fn = (x.sum(axis=-1) for x in (chosen.positives, chosen.negatives, others.positives))
    wrong, missed = (np.maximum(x.sum(axis=-1, keepdims=True), 0.0) for x in (fp, fn))
    outcome = Outcome(tp, fp, fn * np.nan_to_num(share(wrong, missed)))
    auc = auc_of(chosen.positives + others.positives, chosen.negatives + others.negatives)
    return _figures(outcome) | {"auc": auc}


def _figures(outcome: Outcome) -> dict[str, Array]:
    tp, fp, fn = outcome
    of_class = {
        "precision": share(tp, tp + fp),
        "recall": share(tp, tp + fn),
        "f1": share(2 * tp, 2 * tp + fp + fn),
    }
    seen = tp + fp + fn > 0
    macro = {
        f"macro_{name}": _mean(np.where(seen, np.nan_to_num(figure), np.nan))
        for name, figure in of_class.items()
    }
    rows = (tp + fp).sum(axis=-1, keepdims=True)
    return {"accuracy": share(tp.sum(axis=-1, keepdims=True), rows)} | of_class | macro


def _mean(figure: Array) -> Array:
    """Mean over the classes that have the figure, (..., 1)."""
    told = ~np.isnan(figure)
    total = np.nan_to_num(figure).sum(axis=-1, keepdims=True)
    return share(total, told.sum(axis=-1, keepdims=True).astype(float))


def _mean_auc(auc: Estimate, rows: Array) -> Estimate:
    """Mean over classes, with the interval that it has if all classes err in the same direction."""
    return Estimate(_mean(auc.value), _mean(auc.low), _mean(auc.high), rows)


def _redraw(outcome: Outcome, bins: int, rng: np.random.Generator, noise: Noise) -> Outcome:
    """TP, FP and FN as they might have come as well, (DRAWS, classes): a false positive of one
    class is a false negative of another, so confusions are drawn as such."""
    tp, fp, fn = (np.maximum(part, 0.0) for part in outcome)
    shape = (DRAWS, len(tp))
    wrong = rng.poisson(_likely_confusions(fn, fp), (DRAWS, len(tp), len(tp)))
    right = rng.poisson(tp, shape)
    summed = Noise(noise.mechanism, noise.scale, noise.draws * bins) if noise.present else noise
    in_tp, in_fp, in_all = (summed.draw(rng, shape) for _ in range(3))
    drawn = right + in_tp, wrong.sum(axis=1) + in_fp, wrong.sum(axis=2) + in_all - in_tp
    return Outcome(*(np.maximum(part, 0.0) for part in drawn))


def _likely_confusions(fn: Array, fp: Array) -> Array:
    """Confused rows by label and prediction, (classes, classes), from their margins.

    No row is confused with its own class; beyond that, in proportion to both margins (iterative
    proportional fitting).
    """
    table = 1.0 - np.eye(len(fn))
    for _ in range(ROUNDS):
        table = table * np.nan_to_num(share(fn, table.sum(axis=1)))[:, None]
        table = table * np.nan_to_num(share(fp, table.sum(axis=0)))
    return np.asarray(table)
