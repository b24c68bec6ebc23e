"""Examine one window: hold what was counted against what is known. Computes; writes nothing.

looks     what this window says by itself: shares, distances, p-values         (for the page)
alarms    what the windows so far say together, within the year's budget  (for people's inboxes)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from countersign.statement import Outcomes, Window, decode, digest_of
from countersign.tables import Labels
from detectors import alarms, models
from detectors.alarms import State
from detectors.counted import Counted, count
from detectors.figures import Figures
from detectors.findings import columns, feed
from detectors.findings.causes import likely_causes, worst_slice
from detectors.findings.outcomes import from_outcomes
from detectors.findings.rowwide import moved
from detectors.learning.known import Known, known_baseline
from detectors.looks import (
    attributions,
    classes,
    decisions,
    errors,
    evidence,
    groups,
    impact,
    meters,
    rowwide,
    slices,
)
from detectors.reading import Array
from detectors.statistics.integrity import VOLUME_LEVEL
from governance.incidents import Finding
from governance.policies import Policy

# Each look runs where the version has one of its monitors.
LOOKS_AT_COUNTS: dict[Callable[[Known, Counted], list[Figures]], set[str]] = {
    evidence.integrity: {"missing"},
    evidence.drift: {"ks", "q"},
    decisions.estimate: {"estimated_performance"},
    decisions.label_shift: {"label_shift"},
    classes.estimate: {"estimated_performance"},
    errors.estimate: {"estimated_error"},
    impact.estimated: {"impact"},
    groups.selection: {"fairness_selection"},
    slices.by_decision: {"slice_decision"},
    rowwide.maps: {"multivariate", "embedding"},
    attributions.attributions: {"attributions"},
    meters.meters: {"meters"},
}
LOOKS_AT_LABELS: dict[Callable[[Known, Counted, Sequence[Labels]], list[Figures]], set[str]] = {
    decisions.realise: {"realised_performance"},
    classes.realise: {"realised_performance"},
    errors.realise: {"realised_error"},
    impact.realised: {"impact"},
    groups.outcome: {"fairness_outcome"},
    slices.by_error: {"slice_error"},
    meters.quality: {"quality"},
}


@dataclass(frozen=True)
class Case:
    """Everything an examination needs, read beforehand.

    `counts` and `labels` are payloads, the newest revision of each shard. `window` says which of
    them were examined before, and what the e-detectors have taken in: they see nothing twice.
    `measured` are the figures of an earlier examination of the same payloads: no look is taken
    again. What a policy decides is no look: streams, alarms, the volume's limits.
    """

    window: models.Window
    counts: list[bytes]
    labels: list[bytes]
    states: dict[str, State]
    deployments: int
    policy: Policy
    measured: Sequence[Figures] | None = None


@dataclass
class Result:
    """What an examination found."""

    rows: int | None
    labelled: int | None
    statements: list[str]
    figures: list[Figures] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)


def examine(case: Case) -> Result:
    """All looks at one window, and all streams a step further."""
    known = known_baseline(case.window.baseline_id, case.policy.tolerance)
    windows = [decode(payload, Window)[1] for payload in case.counts]
    statements = [digest_of(payload) for payload in case.counts + case.labels]
    seed = int(statements[0][:16], 16)
    counted = count(known, windows, case.window.start, case.policy.min_count, seed)
    result = Result(
        rows=None if counted.withheld and counted.rows == 0 else counted.rows,
        labelled=None,
        statements=statements,
    )
    examined = digest_of(b"".join(case.counts))
    fresh = examined != case.window.counts_examined
    result.progress["counts_examined"] = examined
    if fresh:
        result.findings += feed.feed(case.window, counted)
    if counted.rows > 0:
        _look_at_counts(case, known, counted, result, fresh=fresh)
    if case.labels:
        _look_at_labels(case, known, counted, result)
    return result


def _look_at_counts(
    case: Case, known: Known, counted: Counted, result: Result, *, fresh: bool
) -> None:
    """Figures each time; plain rules when the counts are new; alarms once for every window."""
    budget = alarms.Budget(known, case.deployments, case.policy)
    volume = evidence.volume(known, counted.rows, min(budget.share, VOLUME_LEVEL))
    result.figures.append(volume)
    if case.measured is not None:
        result.figures += case.measured
    for look, monitors in LOOKS_AT_COUNTS.items():
        if case.measured is None and known.monitors & monitors:
            result.figures += look(known, counted)
    if fresh:
        result.findings += feed.volume(volume, known) + columns.gone(known, counted.cells)
    if case.window.counts_streamed:
        return
    result.progress["counts_streamed"] = True
    raised, result.states["counts"] = alarms.advance(case.states["counts"], known, counted, budget)
    result.figures.append(raised.figures)
    result.findings += columns.from_alarms(known, counted, raised, result.figures)
    result.findings += moved(known, counted, result.figures, budget.share)
    result.causes = likely_causes(known, counted.cells, result.findings)


def _look_at_labels(case: Case, known: Known, counted: Counted, result: Result) -> None:
    """Figures each time; the streams take in what came since the last time."""
    labels = [decode(payload, Outcomes)[1].labels for payload in case.labels]
    for look, monitors in LOOKS_AT_LABELS.items():
        if case.measured is None and known.monitors & monitors:
            result.figures += look(known, counted, labels)
    if not known.outcomes:
        return
    cells = [each.layout.sum(labels) for each in known.outcomes]
    result.labelled = round(max(float(c[0].sum()) for c in cells)) or None
    complete = len(case.counts) == case.window.shards and not counted.withheld
    if result.labelled and complete and result.labelled > counted.rows:
        result.findings.append(feed.more_labels_than_rows(result.labelled, counted.rows))
    _stream_labels(case, known, counted, cells, result)
    if not result.causes and counted.rows > 0:
        result.causes = likely_causes(known, counted.cells, result.findings)
    result.causes += worst_slice(known, result.figures)


def _stream_labels(
    case: Case, known: Known, counted: Counted, cells: list[Array], result: Result
) -> None:
    """The streams take in the rows that became known since the last time."""
    now = np.concatenate([c.ravel() for c in cells])
    streamed = bytes(case.window.labels_streamed)
    before = np.frombuffer(streamed) if streamed else np.zeros_like(now)
    ends = np.cumsum([c.size for c in cells])[:-1]
    earlier = [b.reshape(c.shape) for b, c in zip(np.split(before, ends), cells, strict=True)]
    fresh = [_newly_known(c, b) for c, b in zip(cells, earlier, strict=True)]
    if sum(float(c.sum()) for c in fresh) < 1:
        return
    result.progress["labels_streamed"] = np.maximum(now, before).tobytes()
    budget = alarms.Budget(known, case.deployments, case.policy)
    raised, result.states["labels"] = alarms.advance_outcomes(
        case.states["labels"], known, fresh, counted.season, budget, first=not streamed
    )
    result.figures.append(raised.figures)
    result.findings += from_outcomes(known, cells, raised.alarms, result.figures)


def _newly_known(cells: Array, before: Array) -> Array:
    """Rows that are known now and were not (names, size): as many as all cells have more.

    A label that was corrected moves a row from one cell to another. It is no new row: the cells
    that grew share the new rows.

    >>> _newly_known(np.array([[12.0, 98.0]]), np.array([[10.0, 90.0]]))
    array([[2., 8.]])
    >>> _newly_known(np.array([[13.0, 87.0]]), np.array([[10.0, 90.0]]))
    array([[0., 0.]])
    """
    grown = np.maximum(cells - before, 0.0)
    new = np.maximum(cells.sum(axis=1) - before.sum(axis=1), 0.0)
    return np.asarray(grown * (new / np.maximum(grown.sum(axis=1), 1e-9))[:, None])
