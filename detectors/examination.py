"""Examine one window: hold what was counted against what is known. Computes; writes nothing.

evidence  what this window says by itself: shares, distances, p-values   (for the page)
alarms    what the windows so far say together, within the year's budget (for people's inboxes)
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from countersign.statement import Outcomes, Window, decode, digest_of
from detectors import alarms, evidence, fairness, findings, models, scoring
from detectors.alarms import State
from detectors.baselines import Known, known_baseline
from detectors.counted import Counted, count
from detectors.figures import Figures
from governance.incidents import Finding
from governance.policies import Policy


@dataclass(frozen=True)
class Case:
    """Everything an examination needs, read beforehand.

    `counts` and `labels` are payloads, the newest revision of each shard. `window` says which of
    them were examined before, and what the e-detectors have taken in: they see nothing twice.
    """

    window: models.Window
    counts: list[bytes]
    labels: list[bytes]
    states: dict[str, State]
    deployments: int
    policy: Policy


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
    """All detectors over one window."""
    known = known_baseline(case.window.baseline_id, case.policy.tolerance)
    windows = [decode(payload, Window)[1] for payload in case.counts]
    counted = count(known, windows, case.window.start)
    result = Result(
        rows=None if counted.withheld and counted.rows == 0 else counted.rows,
        labelled=None,
        statements=[digest_of(payload) for payload in case.counts + case.labels],
    )
    examined = digest_of(b"".join(case.counts))
    fresh = examined != case.window.counts_examined
    result.progress["counts_examined"] = examined
    if fresh:
        result.findings += findings.feed(case.window, counted)
    if counted.rows > 0:
        _look_at_counts(case, known, counted, result, fresh=fresh)
    if case.labels:
        _look_at_labels(case, known, counted, result)
    return result


def _look_at_counts(
    case: Case, known: Known, counted: Counted, result: Result, *, fresh: bool
) -> None:
    """Evidence each time; plain rules when the counts are new; alarms once for every window."""
    budget = alarms.Budget(known, case.deployments, case.policy)
    rng = np.random.default_rng(int(result.statements[0][:16], 16))
    volume = evidence.volume(known, counted.rows, budget.volume_level)
    estimate = None
    if known.score is not None:
        estimate = scoring.estimate(known.score, counted.tallies, counted.noise)
    result.figures += evidence.integrity(known, counted)
    result.figures += evidence.drift(known, counted, rng)
    result.figures += [volume, *([estimate] if estimate else [])]
    result.figures += fairness.selection(known, counted.tallies, counted.noise, _floor(case, known))
    if fresh:
        result.findings += findings.volume(volume, known) + findings.gone(known, counted.cells)
    if case.window.counts_streamed:
        return
    result.progress["counts_streamed"] = True
    raised, result.states["counts"] = alarms.advance(case.states["counts"], known, counted, budget)
    result.figures.append(raised.figures)
    result.findings += findings.from_alarms(known, counted, raised, estimate)
    result.causes = findings.likely_causes(known, counted.cells, raised)


def _look_at_labels(case: Case, known: Known, counted: Counted, result: Result) -> None:
    """Performance each time; the e-detector takes in what came since the last time."""
    if known.score is None:
        return
    outcomes = [decode(payload, Outcomes)[1] for payload in case.labels]
    labels = [o.labels for o in outcomes]
    realised = scoring.realise(known.score, labels, counted.noise)
    if realised is None:
        return
    result.labelled = realised.labelled
    result.figures.append(realised.figures)
    result.figures += fairness.outcome(known, labels, counted.noise, _floor(case, known))
    labelled = realised.labelled - case.window.labels_streamed
    if labelled < 1:
        return
    errors = min(max(realised.errors - case.window.errors_streamed, 0.0), labelled)
    result.progress["labels_streamed"] = float(realised.labelled)
    result.progress["errors_streamed"] = realised.errors
    budget = alarms.Budget(known, case.deployments, case.policy)
    alarm, result.states["labels"] = alarms.advance_errors(
        case.states["labels"], (errors, labelled), known.score.error_limits, budget
    )
    if alarm:
        result.findings += findings.worse_performance(known, realised)


def _floor(case: Case, known: Known) -> int:
    """The smallest group that is told: what the policy or the baseline demands, as in the plan."""
    return max(case.policy.min_count, known.statement.privacy.min_count)
