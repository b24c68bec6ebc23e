"""How good the model is: estimated from its scores alone, and realised once labels are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from countersign.statement import Baseline, Column, Labels, Tally
from detectors.figures import Figures
from detectors.reading import Array, decision_bin, label_bins, score_bins
from detectors.statistics.cbpe import Calibration, calibrate, estimate_performance
from detectors.statistics.counts import Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import confusion, decision_metrics, ranking_metrics
from detectors.statistics.reference import Limits, learn_reference
from detectors.statistics.streams import rate_streams

SEED = 0  # bands are simulated; the same counts always give the same band


@dataclass(frozen=True)
class KnownScore:
    """A labelled reference's score: what its bins mean, and how often the model erred.

    `cuts` is the bin at which the positive decision starts. `metrics` are the reference's own.
    """

    column: Column
    cells: Array
    cuts: Array
    calibration: Calibration
    error_limits: Limits
    metrics: dict[str, float]


@dataclass(frozen=True)
class Realised:
    """What the labels known so far say about one window."""

    figures: Figures
    labelled: int
    errors: float


def learn_score(
    statement: Baseline, column: Column, cells: Array, level: float, noise: Noise
) -> KnownScore | None:
    """Learn from the reference's labels; None without labels or a threshold."""
    labels, threshold = statement.labels, statement.threshold
    if labels is None or labels.overall is None or threshold is None:
        return None
    positives, negatives = label_bins(labels.overall, column, cells)
    if positives.sum() < 1 or negatives.sum() < 1:
        return None
    bins = score_bins([statement.total], column, cells)
    labelled = (positives + negatives) / np.maximum(bins.counts, 1.0)
    rng = np.random.default_rng(SEED)
    cuts = np.array([decision_bin(column, threshold)])
    metrics = _realised(positives, negatives, cuts, noise)
    errors, totals = _reference_errors(statement, column, cells, cuts)
    return KnownScore(
        column=column,
        cells=cells,
        cuts=cuts,
        calibration=calibrate(positives, negatives, bins.sums * labelled, rng, noise),
        error_limits=learn_reference(
            rate_streams(errors[:, None], totals[:, None]),
            np.zeros(len(errors)),
            1,
            level=level,
            noise=noise,
        ),
        metrics={name: float(e.value.ravel()[0]) for name, e in metrics.items()},
    )


def estimate(known: KnownScore, tallies: Sequence[Tally], noise: Noise) -> Figures:
    """Performance as the scores promise it, with its band; `limit` is the reference's figure."""
    bins = score_bins(tallies, known.column, known.cells)
    found = estimate_performance(
        known.calibration,
        bins.counts,
        bins.sums,
        known.cuts,
        np.random.default_rng(SEED),
        noise=noise,
    )
    return _figures("estimated_performance", found, known)


def realise(known: KnownScore, labels: Sequence[Labels], noise: Noise) -> Realised | None:
    """Performance by the labels known so far; None while too few are known to tell."""
    tables = [label_bins(one.overall, known.column, known.cells) for one in labels]
    positives, negatives = np.sum(tables, axis=0)
    labelled = float((positives + negatives).sum())
    if labelled < 1:
        return None
    wrong = confusion(positives, negatives, known.cuts)
    found = _realised(positives, negatives, known.cuts, noise)
    return Realised(
        figures=_figures("realised_performance", found, known),
        labelled=round(labelled),
        errors=float((wrong.fp + wrong.fn)[0]),
    )


def _realised(positives: Array, negatives: Array, cuts: Array, noise: Noise) -> dict[str, Estimate]:
    rng = np.random.default_rng(SEED)
    return decision_metrics(positives, negatives, cuts, rng, noise) | ranking_metrics(
        positives, negatives, rng, noise
    )


def _reference_errors(
    statement: Baseline, column: Column, cells: Array, cuts: Array
) -> tuple[Array, Array]:
    """Wrong decisions and labelled rows per reference window (or of the total), (windows,) each."""
    by_window = [span.labels for span in statement.windows]
    tables = [labels.overall for labels in by_window if labels and labels.overall]
    if not tables and statement.labels and statement.labels.overall:
        tables = [statement.labels.overall]
    errors, totals = [], []
    for table in tables:
        positives, negatives = label_bins(table, column, cells)
        wrong = confusion(positives, negatives, cuts)
        errors.append(float((wrong.fp + wrong.fn)[0]))
        totals.append(float((positives + negatives).sum()))
    return np.array(errors), np.array(totals)


def _figures(detector: str, found: dict[str, Estimate], known: KnownScore) -> Figures:
    first = {name: [float(np.ravel(part)[0]) for part in e[:3]] for name, e in found.items()}
    value, low, high = np.array(list(first.values())).T
    reference = np.array([known.metrics.get(name, np.nan) for name in first])
    return Figures(detector, list(first), value, low, high, limit=reference)
