"""What a yes-or-no model's scores mean, learned from a labelled reference."""

from dataclasses import dataclass

import numpy as np

from countersign.statement import Baseline
from countersign.tables import Column
from detectors.reading import Array, MeteredBins, decision_bin, label_bins, metered_bins
from detectors.statistics.cbpe import Calibration, calibrate
from detectors.statistics.counts import Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import decision_metrics, probability_metrics, ranking_metrics

SEED = 0  # bands are simulated; the same counts always give the same band


@dataclass(frozen=True)
class KnownScore:
    """What each bin of the score means, and how good the model was.

    `cuts` is the bin at which the positive decision starts. `metrics` are the reference's own.
    """

    column: Column
    cells: Array
    cuts: Array
    calibration: Calibration
    metrics: dict[str, Estimate]


def learn_score(
    statement: Baseline, column: Column, cells: Array, noise: Noise
) -> KnownScore | None:
    """None without labels of both kinds, or without a threshold. `cells` are the reference's."""
    labels, threshold = statement.labels, statement.threshold
    if labels is None or labels.overall is None or threshold is None:
        return None
    positives, negatives = label_bins(labels.overall, column, cells)
    if positives.sum() < 1 or negatives.sum() < 1:
        return None
    bins = metered_bins([statement.total.columns[column.name]], column, cells)
    labelled = (positives + negatives) / np.maximum(bins.counts, 1.0)
    cuts = np.array([decision_bin(column, threshold)])
    return KnownScore(
        column=column,
        cells=cells,
        cuts=cuts,
        calibration=calibrate(
            positives, negatives, bins.sums * labelled, np.random.default_rng(SEED), noise
        ),
        metrics=metrics_of(column, (positives, negatives), bins, cuts, noise),
    )


def metrics_of(
    column: Column,
    labels: tuple[Array, Array],
    bins: MeteredBins,
    cuts: Array,
    noise: Noise,
) -> dict[str, Estimate]:
    """All realised metrics of `labels`, positives and negatives by score bin, (bins,) each.

    `bins` are all the window's rows: a labelled row's score is taken to be its bin's ordinary one.
    """
    rng = np.random.default_rng(SEED)
    found = decision_metrics(*labels, cuts, rng, noise) | ranking_metrics(*labels, rng, noise)
    scored = bins.counts.sum() >= 0.99 * (labels[0] + labels[1]).sum()
    if scored and column.edges[0] >= 0 and column.edges[-1] <= 1:
        known = (labels[0] + labels[1]) / np.maximum(bins.counts, 1.0)
        sums, squares = bins.sums * known, bins.squares * known
        found |= probability_metrics(*labels, sums, squares, rng, noise=noise)
    return found
