"""Fairness figures of one window: the score's tables by group, read and handed to the statistics.

`fairness_selection` comes from the window's counts, `fairness_outcome` from its labels. Both name
their figures by column, or by column and group, parted by colons (which no column name holds):

    sex:1f0c22ab:selection_rate   share of the group's scored rows at or above the threshold
    sex:1f0c22ab:impact_ratio     that rate / the best-off group's
    sex:1f0c22ab:rows             rows in the group's table, null if the table was withheld
    sex:difference, sex:ratio     of selection rates: highest - lowest, lowest / highest

    sex:1f0c22ab:tpr, :fpr, :ppv, :accuracy, :rows (labelled ones)
    sex:equal_opportunity         highest - lowest true positive rate
    sex:equalised_odds            the larger one of the differences in tpr and fpr

A group is called by the first 8 digits of its token; a name has at most 88 characters. Every token
of the vocabulary is named in every window, and a figure that can't be given is null: `rows` is null
where the group's table was withheld, 0 where nobody came, and otherwise the rate's rows are too few
or merged across a border (below). `limit` is the same figure of the reference. Nothing here raises
an alarm.

A row counts as selected from the threshold's cell on, `above` included, and as rejected from
`below` on; missing and invalid scores are neither. A merged run that reaches over one of these two
borders hides how it splits, and no guess is made: what depends on it is not known, unless the run
is empty. A threshold at the last edge selects only what lies above it, for the last bin is closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from countersign.statement import Baseline
from countersign.tables import Cells, Column, Labels, Tally
from detectors.counted import Counted
from detectors.figures import Figures, joined
from detectors.learning.known import Known
from detectors.reading import VALUES, Array
from detectors.statistics import fairness
from detectors.statistics.counts import Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import Confusion


def selection(known: Known, counted: Counted) -> list[Figures]:
    """Selection rates by group; nothing without group columns or without a threshold.

    A group whose rate rests on fewer than the floor's rows gets none.
    """
    statement = known.statement
    columns = group_columns(statement)
    if not columns:
        return []
    now, then = (_Decision(statement, n, counted.floor) for n in (counted.noise, known.noise))
    found = [
        _against(
            _selection(column, counted.tallies, now), _selection(column, [statement.total], then)
        )
        for column in columns
    ]
    return [joined(found)]


def outcome(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """Right and wrong decisions by group, among the rows whose labels are known so far."""
    statement = known.statement
    columns = group_columns(statement)
    if not columns:
        return []
    reference = [statement.labels] if statement.labels else []
    now, then = (_Decision(statement, n, counted.floor) for n in (counted.noise, known.noise))
    found = [
        _against(_outcome(column, labels, now), _outcome(column, reference, then))
        for column in columns
    ]
    return [joined(found)]


def group_columns(statement: Baseline) -> list[Column]:
    """The columns by which decisions are compared: none where there is no threshold."""
    if statement.threshold is None:
        return []
    return [column for column in statement.columns if column.role == "group"]


def split_at(tables: Array, cut: int, noise: Noise) -> tuple[Array, Array]:
    """Rejected and selected rows of each table (..., cells), NaN where a run hides how it splits.

    `cut` is the first selected cell. NaN cells are merged into the one before; a table of NaN was
    withheld.

    >>> split_at(np.array([[2.0, 0, 5, 30, np.nan, 40, 1]]), 5, Noise())
    (array([35.]), array([41.]))
    >>> split_at(np.array([[2.0, 0, 5, 30, 40, np.nan, 1]]), 5, Noise())
    (array([nan]), array([nan]))
    """
    known = _parted(tables, cut, noise)
    selected = np.where(known, np.nansum(tables[..., cut:], axis=-1), np.nan)
    known = known & _parted(tables, VALUES, noise)
    rejected = np.where(known, np.nansum(tables[..., VALUES:cut], axis=-1), np.nan)
    return rejected, selected


def _parted(tables: Array, cell: int, noise: Noise) -> npt.NDArray[np.bool_]:
    """Where no run holds rows of both sides of the cell's beginning: a mask over the tables."""
    told = np.where(np.isnan(tables), 0, np.arange(tables.shape[-1]))
    start = told[..., : cell + 1].max(axis=-1)
    run = np.take_along_axis(tables, start[..., None], axis=-1)[..., 0]
    return np.asarray((start == cell) | ((run == 0) & (not noise.present)))


class _Decision:
    """Where a score's cells become a decision, and how its tables were protected."""

    def __init__(self, statement: Baseline, noise: Noise, floor: int) -> None:
        self.noise, self.floor = noise, floor
        self.score = next(c for c in statement.columns if c.role == "score")
        assert statement.threshold is not None
        self.cut = self.score.first_value + self.score.edges.index(statement.threshold)
        cells = self.score.size - self.cut, self.cut - VALUES
        # Noise in a count of selected and of rejected rows. A merged run holds less: that is safe.
        self.variances = cells[0] * noise.variance, cells[1] * noise.variance

    def tables(self, parts: Sequence[Mapping[str, Cells | None]], column: Column) -> Array:
        """One table per part and token, (parts, tokens, cells); NaN where there is none."""
        withheld = [None] * self.score.size
        tables = [[part.get(token) or withheld for token in column.tokens] for part in parts]
        return np.array(tables, float).reshape(len(parts), len(column.tokens), self.score.size)

    def split(self, tables: Array) -> tuple[Array, Array]:
        """Rejected and selected rows by token, over all parts."""
        rejected, selected = split_at(tables, self.cut, self.noise)
        return rejected.sum(axis=0), selected.sum(axis=0)


def _selection(column: Column, tallies: Sequence[Tally], decision: _Decision) -> Figures:
    groups = [tally.groups.get(column.name, {}) for tally in tallies if tally.rows]
    tables = decision.tables([{t: c.cells for t, c in g.items()} for g in groups], column)
    rejected, selected = decision.split(tables)
    rates = fairness.rates(selected, rejected, decision.variances, decision.floor)
    by_group = {
        "selection_rate": fairness.group_rates(rates),
        "impact_ratio": fairness.impact_ratios(rates),
        "rows": _rows(tables),
    }
    overall = {
        "difference": fairness.largest_difference(rates),
        "ratio": fairness.smallest_ratio(rates),
    }
    return _figures("fairness_selection", column, by_group, overall)


def _outcome(column: Column, labels: Sequence[Labels], decision: _Decision) -> Figures:
    groups = [{t: x for t, x in one.groups.get(column.name, {}).items() if x} for one in labels]
    positives = decision.tables([{t: x.positives for t, x in g.items()} for g in groups], column)
    negatives = decision.tables([{t: x.negatives for t, x in g.items()} for g in groups], column)
    (fn, tp), (tn, fp) = decision.split(positives), decision.split(negatives)
    rates = fairness.outcome_rates(Confusion(tp, fp, tn, fn), decision.variances, decision.floor)
    by_group = {name: fairness.group_rates(one) for name, one in rates.items()}
    overall = {
        "equal_opportunity": fairness.largest_difference(rates["tpr"]),
        "equalised_odds": fairness.equalised_odds(rates["tpr"], rates["fpr"]),
    }
    rows = {"rows": _rows(positives + negatives)}
    return _figures("fairness_outcome", column, by_group | rows, overall)


def _rows(tables: Array) -> Estimate:
    """Rows by token, NaN where a table was withheld."""
    withheld = np.isnan(tables[..., 0])
    rows = np.where(withheld, np.nan, np.nansum(tables, axis=-1)).sum(axis=0)
    return Estimate(rows, np.full_like(rows, np.nan), np.full_like(rows, np.nan), rows)


def _figures(
    detector: str, column: Column, by_group: dict[str, Estimate], overall: dict[str, Estimate]
) -> Figures:
    named = [(token[:8], figure) for figure in by_group for token in column.tokens]
    names = [f"{column.name}:{token}:{figure}" for token, figure in named]
    names += [f"{column.name}:{figure}" for figure in overall]
    estimates = [*by_group.values(), *overall.values()]
    value, low, high = (np.concatenate([np.atleast_1d(e[i]) for e in estimates]) for i in range(3))
    return Figures(detector, names, value, low, high)


def _against(now: Figures, then: Figures) -> Figures:
    return replace(now, limit=then.value)
