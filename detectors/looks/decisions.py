"""How good a yes-or-no model is: estimated from its scores alone, realised once labels are known.

`limit` of a figure is the same figure of the reference.
"""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Labels
from detectors.counted import Counted
from detectors.figures import Figures, named
from detectors.learning.known import Known
from detectors.learning.score import SEED, KnownScore, metrics_of
from detectors.reading import MeteredBins, label_bins, metered_bins
from detectors.statistics.cbpe import estimate_performance
from detectors.statistics.estimate import Estimate
from detectors.statistics.label_shift import positive_share
from detectors.statistics.performance import confusion


def estimate(known: Known, counted: Counted) -> list[Figures]:
    """Performance as the scores promise it, with its band."""
    score = known.score
    if score is None:
        return []
    bins = _bins(score, counted)
    found = estimate_performance(
        score.calibration,
        bins.counts,
        bins.sums,
        score.cuts,
        np.random.default_rng(SEED),
        noise=counted.noise,
    )
    return [named("estimated_performance", found, score.metrics)]


def label_shift(known: Known, counted: Counted) -> list[Figures]:
    """Share of positives among all rows, if each kind of row still looks as it did (BBSE)."""
    score, labels = known.score, known.statement.labels
    if score is None or labels is None:
        return []
    then = confusion(*label_bins(labels.overall, score.column, score.cells), score.cuts)
    bins = _bins(score, counted)
    selected = bins.counts[score.cuts[0] :].sum(keepdims=True)
    rows = bins.counts.sum(keepdims=True)
    found = positive_share(then, selected, rows, counted.noise, known.noise)
    usual = (then.tp + then.fn) / (then.tp + then.fp + then.tn + then.fn)
    reference = {"positive_share": Estimate(usual, usual, usual, rows)}
    return [named("label_shift", {"positive_share": found}, reference)]


def realise(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """Performance by the labels known so far; nothing while too few are known to tell."""
    score = known.score
    if score is None:
        return []
    tables = [label_bins(one.overall, score.column, score.cells) for one in labels]
    positives, negatives = np.sum(tables, axis=0)
    if (positives + negatives).sum() < 1:
        return []
    bins = _bins(score, counted)
    found = metrics_of(score.column, (positives, negatives), bins, score.cuts, counted.noise)
    return [named("realised_performance", found, score.metrics)]


def _bins(score: KnownScore, counted: Counted) -> MeteredBins:
    parts = [tally.columns[score.column.name] for tally in counted.told]
    return metered_bins(parts, score.column, score.cells)
