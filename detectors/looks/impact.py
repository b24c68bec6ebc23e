"""What the change costs, per window: by the owner's value matrix, or in wrong decisions.

impact_estimated comes from the scores alone, impact_realised from the labels known so far:

    cost                what a window costs more than one in the reference, in the owner's currency;
                        from labels of some of its rows, as if the others were like them
    wrong_per_10000     wrong decisions more among 10,000 than in the reference
"""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Labels, Worth
from detectors.counted import Counted
from detectors.figures import Figures, named
from detectors.learning.errors import read_errors
from detectors.learning.known import Known
from detectors.learning.score import SEED, KnownScore
from detectors.reading import label_bins, metered_bins
from detectors.statistics import impact, regression, slices
from detectors.statistics.cbpe import draw_worlds, expected_confusion
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import Confusion, confusion


def estimated(known: Known, counted: Counted) -> list[Figures]:
    """From the scores; the interval covers what else they might mean."""
    score = known.score
    if score is None:
        return []
    bins = metered_bins(
        [t.columns[score.column.name] for t in counted.told], score.column, score.cells
    )
    now = expected_confusion(score.calibration, bins.counts, bins.sums, score.cuts)
    rng = np.random.default_rng(SEED)
    told, _ = draw_worlds(score.calibration, bins.counts, bins.sums, rng, counted.noise)
    doubt = confusion(*told, score.cuts)
    return [named("impact_estimated", _impact(known, score, now, doubt), {})]


def realised(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """From the labels known so far."""
    if known.errors is not None:
        return _loss(known, counted, labels)
    score = known.score
    if score is None:
        return []
    tables = [label_bins(one.overall, score.column, score.cells) for one in labels]
    positives, negatives = np.sum(tables, axis=0)
    now = confusion(positives, negatives, score.cuts)
    found = _impact(known, score, now)
    if "cost" in found:
        found["cost"] = _of_all_rows(found["cost"], counted)
    return [named("impact_realised", found, {})]


def _impact(
    known: Known, score: KnownScore, now: Confusion, doubt: Confusion | None = None
) -> dict[str, Estimate]:
    labels = known.statement.labels
    assert labels is not None
    then = confusion(*label_bins(labels.overall, score.column, score.cells), score.cuts)
    found = {"wrong_per_10000": impact.wrong_decisions(now, then, doubt=doubt)}
    worth = known.statement.worth
    if worth is not None:
        found["cost"] = impact.cost_of_change(now, then, _worth(worth), doubt=doubt)
    return found


def _of_all_rows(cost: Estimate, counted: Counted) -> Estimate:
    """The cost of the labelled rows, for as many rows as the window has."""
    scale = np.maximum(counted.rows / np.maximum(cost.n, 1.0), 1.0)
    if counted.withheld:
        scale = scale * np.nan
    return Estimate(cost.value * scale, cost.low * scale, cost.high * scale, cost.n)


def _loss(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """A regression's absolute errors, at the owner's price for a unit."""
    errors, worth = known.errors, known.statement.worth
    tables = [one.errors for one in labels if one.errors is not None]
    if errors is None or worth is None or not tables:
        return []
    now = _totals(read_errors(tables, errors.cells, errors.error)[0])
    cost = impact.cost_of_loss(now, _totals(errors.losses), -worth.per_error)
    return [named("impact_realised", {"cost": _of_all_rows(cost, counted)}, {})]


def _totals(losses: regression.Losses) -> slices.Losses:
    rows, _, absolutes, squares = (part.sum() for part in losses)
    return slices.Losses(rows, absolutes, squares)


def _worth(worth: Worth) -> impact.Worth:
    return impact.Worth(
        tp=worth.true_positive,
        fp=worth.false_positive,
        tn=worth.true_negative,
        fn=worth.false_negative,
    )
