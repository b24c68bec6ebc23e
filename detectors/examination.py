"""Examine one window: hold what was counted against what is known. Computes; writes nothing.

evidence  what this window says by itself: shares, distances, p-values   (for the page)
alarms    what the windows so far say together, within the year's budget (for people's inboxes)
"""

from dataclasses import dataclass, field

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

    `counts` and `labels` are payloads, the newest revision of each shard. `fresh_counts` and
    `fresh_labels` say that the e-detectors have not seen them yet: they see every window once.
    """

    window: models.Window
    counts: list[bytes]
    labels: list[bytes]
    states: dict[str, State]
    fresh_counts: bool
    fresh_labels: bool
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


def examine(case: Case) -> Result:
    """All detectors over one window."""
    known = known_baseline(case.window.baseline_id, case.policy.tolerance)
    windows = [decode(payload, Window)[1] for payload in case.counts]
    counted = count(known, windows, case.window.start)
    result = Result(
        rows=counted.rows,
        labelled=None,
        statements=[digest_of(payload) for payload in case.counts + case.labels],
    )
    result.findings += findings.feed(case.window, counted.rows)
    if counted.rows > 0:
        _look_at_counts(case, known, counted, result)
    if case.labels:
        _look_at_labels(case, known, counted, result)
    return result


def _look_at_counts(case: Case, known: Known, counted: Counted, result: Result) -> None:
    """Evidence each time; alarms only the first time that the window's counts are seen."""
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
    if not case.fresh_counts:
        return
    raised, result.states["counts"] = alarms.advance(case.states["counts"], known, counted, budget)
    result.figures.append(raised.figures)
    result.findings += findings.volume(volume, known)
    result.findings += findings.gone(known, counted.cells)
    result.findings += findings.from_alarms(known, counted, raised, estimate)
    result.causes = findings.likely_causes(known, counted.cells, raised)


def _look_at_labels(case: Case, known: Known, counted: Counted, result: Result) -> None:
    """Performance each time; an alarm only the first time that the window's labels are seen."""
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
    if not case.fresh_labels:
        return
    budget = alarms.Budget(known, case.deployments, case.policy)
    alarm, result.states["labels"] = alarms.advance_errors(
        case.states["labels"], realised, known.score.error_limits, budget
    )
    if alarm:
        result.findings += findings.worse_performance(known, realised)


def _floor(case: Case, known: Known) -> int:
    """The smallest group that is told: what the policy or the baseline demands, as in the plan."""
    return max(case.policy.min_count, known.statement.privacy.min_count)
