"""Findings about columns: what is gone, what shifted, what arrives damaged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from countersign.tables import Column
from detectors.alarms import Alarm, Raised
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.findings import wording
from detectors.learning.known import Known, KnownBlock, rate_hits
from detectors.looks.evidence import widest_gap
from detectors.reading import VALUES, Array
from detectors.statistics.integrity import columns_gone
from detectors.statistics.proportions import wilson
from detectors.statistics.reference import Limits
from governance.incidents import Finding

# What is wrong when a column of this role shifts; the model's own data drift.
CAUSE_OF_ROLE = {"operational": "service", "judge": "answers"}
# Where a whole distribution moves, its tails do too: that is one cause, not two.
OUTLYING = {"out_of_range", "other_category"}


def gone(known: Known, cells: list[Array]) -> list[Finding]:
    """Columns that held values in the reference and hold none now."""
    found = []
    for block, counts in zip(known.blocks, cells, strict=True):
        n, m = counts.sum(axis=1), block.cells.sum(axis=1)
        lost, reference = counts[:, :VALUES].sum(axis=1), block.cells[:, :VALUES].sum(axis=1)
        for i in columns_gone(lost, n, reference, m).nonzero()[0]:
            name = block.block.names[i]
            found.append(
                Finding(
                    cause="data_quality",
                    detector="column_gone",
                    name=name,
                    sentence=wording.column_gone(name, n[i]),
                    severity="high",
                    weight=1e9,
                    value=1.0,
                    limit=1.0,
                    reference=float(reference[i] / m[i]),
                    unit="share",
                    rows=round(float(n[i])),
                )
            )
    return found


def from_alarms(
    known: Known, counted: Counted, raised: Raised, figures: Sequence[Figures]
) -> list[Finding]:
    """One finding for each stream that raised an alarm."""
    severity, harm = _harm(figures)
    shifted = {alarm.column for alarm in raised.alarms if alarm.detector == "shift"}
    found = []
    for alarm in raised.alarms:
        column = _column(known, counted, alarm)
        if alarm.detector == "shift":
            found.append(_shift(column, counted, alarm, severity, harm))
            continue
        finding = _rate(column, counted, alarm)
        if alarm.detector in OUTLYING and alarm.column in shifted:
            finding = replace(finding, cause=_cause(column.column), severity=severity)
        found.append(finding)
    return found


@dataclass(frozen=True)
class _Place:
    """Where an alarm's column is: its block, the block's cells in this window, its number there."""

    block: KnownBlock
    cells: Array
    i: int

    @property
    def column(self) -> Column:
        return self.block.block.columns[self.i]

    def limits(self, detector: str) -> Limits:
        return next(w.limits for w in self.block.watched if w.detector == detector)


def _column(known: Known, counted: Counted, alarm: Alarm) -> _Place:
    for block, cells in zip(known.blocks, counted.cells, strict=True):
        if alarm.column in block.block.names:
            return _Place(block, cells, block.block.names.index(alarm.column))
    raise KeyError(alarm.column)


def _harm(figures: Sequence[Figures]) -> tuple[str, str]:
    """How serious drift is, by what the scores say about accuracy; with the sentence for it."""
    estimate = next((f for f in figures if f.detector == "estimated_performance"), None)
    if estimate is None:
        return "medium", ""
    i = list(estimate.names).index("accuracy")
    now, low, high = (float(a[i]) for a in (estimate.value, estimate.low, estimate.high))
    then = float(estimate.limit[i])
    if not low <= high:  # NaN: no scores in this window
        return "medium", ""
    return ("high" if high < then else "low"), " " + wording.harm(now, then, low, high)


def _shift(at: _Place, counted: Counted, alarm: Alarm, severity: str, harm: str) -> Finding:
    place, now, then, rows = widest_gap(at.block, at.cells, at.i)
    if at.column.kind == "numeric":
        sentence = wording.ordered_shift(at.column, place, now, then, rows)
    elif at.column.kind == "boolean":
        sentence = wording.flag_shift(at.column, place == 1, now, then, rows)
    else:
        cell = wording.category(at.column, place)
        sentence = wording.category_shift(at.column, cell, now, then, rows)
    finding = _share_finding(at, counted, alarm, (now * rows, rows, then), place)
    cause = _cause(at.column)
    if cause == "drift":
        sentence, finding = sentence + harm, replace(finding, severity=severity)
    return replace(finding, cause=cause, detector="drift_alarm", sentence=sentence)


def _cause(column: Column) -> str:
    return CAUSE_OF_ROLE.get(column.role, "drift")


def _rate(at: _Place, counted: Counted, alarm: Alarm) -> Finding:
    hits, n = rate_hits(alarm.detector, at.cells)[at.i], float(at.cells[at.i].sum())
    then = rate_hits(alarm.detector, at.block.cells)[at.i] / at.block.cells[at.i].sum()
    finding = _share_finding(at, counted, alarm, (hits, n, float(then)), 0)
    sentence = wording.rate(alarm.detector, at.column.name, hits / max(n, 1), float(then), n)
    severity = "medium" if hits > then * n else "low"  # fewer of them is a change, but no damage
    return replace(finding, cause="data_quality", sentence=sentence, severity=severity)


def _share_finding(
    at: _Place, counted: Counted, alarm: Alarm, share: tuple[float, float, float], edge: int
) -> Finding:
    """What all findings about a share have in common; `share` is (hits, rows, reference share)."""
    hits, n, then = share
    now, low, high = wilson(np.array(hits), np.array(n), counted.noise.variance)
    limits = at.limits(alarm.detector)
    bound = limits.high if now > then else limits.low
    return Finding(
        cause="drift",
        detector=alarm.detector,
        name=at.column.name,
        sentence="",
        severity="medium",
        weight=alarm.evidence,
        value=float(now),
        low=float(low),
        high=float(high),
        limit=float(bound[counted.season, at.i, edge]),
        reference=then,
        unit="share",
        rows=round(n),
    )
