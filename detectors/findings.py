"""From figures to findings: which of them people should hear of, and in which words."""

from dataclasses import dataclass, replace

import numpy as np

from countersign.statement import Column
from detectors import models, wording
from detectors.alarms import Alarm, Raised
from detectors.baselines import Known, KnownBlock, rate_hits
from detectors.counted import Counted
from detectors.evidence import widest_gap
from detectors.figures import Figures
from detectors.reading import VALUES, Array
from detectors.scoring import Realised
from detectors.statistics.effects import total_variation
from detectors.statistics.integrity import columns_gone
from detectors.statistics.proportions import wilson
from detectors.statistics.reference import Limits
from governance.incidents import Finding

CAUSES_SHOWN = 5
# Where a whole distribution moves, its tails do too: that is one cause, not two.
OUTLYING = {"out_of_range", "other_category"}


def feed(window: models.Window, counted: Counted) -> list[Finding]:
    """A window without rows, or one that came late. A few rows, too few to tell, are no finding."""
    found = []
    if counted.rows == 0 and not counted.withheld:
        found.append(
            Finding(
                cause="feed",
                detector="volume",
                name="rows",
                sentence=wording.no_rows(),
                severity="high",
                value=0.0,
                unit="rows",
                rows=0,
            )
        )
    if window.late:
        hours = (window.received_at - window.end).total_seconds() / 3600
        found.append(
            Finding(
                cause="feed",
                detector="late_window",
                name="arrival",
                sentence=wording.late(hours),
                severity="low",
                value=hours,
                unit="hours",
                rows=counted.rows,
            )
        )
    return found


def volume(figures: Figures, known: Known) -> list[Finding]:
    """Far more or far fewer rows than the reference windows had."""
    rows, low, high = float(figures.value[0]), float(figures.low[0]), float(figures.high[0])
    if low <= rows <= high:
        return []
    return [
        Finding(
            cause="feed",
            detector="volume",
            name="rows",
            sentence=wording.volume(rows, low, high),
            severity="medium",
            value=rows,
            limit=low if rows < low else high,
            reference=float(known.volumes.mean()),
            unit="rows",
            rows=round(rows),
        )
    ]


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
    known: Known, counted: Counted, raised: Raised, estimate: Figures | None
) -> list[Finding]:
    """One finding for each stream that raised an alarm."""
    severity, harm = _harm(estimate)
    shifted = {alarm.column for alarm in raised.alarms if alarm.detector == "shift"}
    found = []
    for alarm in raised.alarms:
        column = _column(known, counted, alarm)
        if alarm.detector == "shift":
            found.append(_shift(column, counted, alarm, severity, harm))
            continue
        finding = _rate(column, counted, alarm)
        if alarm.detector in OUTLYING and alarm.column in shifted:
            finding = replace(finding, cause="drift", severity=severity)
        found.append(finding)
    return found


def worse_performance(known: Known, realised: Realised) -> list[Finding]:
    """The model errs more often than it did in the reference."""
    figures = realised.figures
    i = list(figures.names).index("accuracy")
    now, then = float(figures.value[i]), float(figures.limit[i])
    if now >= then:
        return []
    threshold = known.statement.threshold
    assert threshold is not None
    return [
        Finding(
            cause="performance",
            detector="realised_performance",
            name="accuracy",
            sentence=wording.performance("accuracy", now, then, realised.labelled, threshold),
            severity="high",
            weight=then - now,
            value=now,
            low=float(figures.low[i]),
            high=float(figures.high[i]),
            reference=then,
            unit="share",
            rows=realised.labelled,
        )
    ]


def likely_causes(known: Known, cells: list[Array], raised: Raised) -> list[str]:
    """What to look at first: broken data, then the columns that moved farthest."""
    broken = sorted({a.column for a in raised.alarms if a.detector != "shift"})
    moved: list[tuple[float, str]] = []
    for block, counts in zip(known.blocks, cells, strict=True):
        distance = total_variation(counts[:, VALUES:], block.cells[:, VALUES:])
        moved += [
            (d, column.name)
            for d, column in zip(distance.tolist(), block.block.columns, strict=True)
            if column.role in {"feature", "group"} and d == d  # noqa: PLR0124  (NaN: no rows)
        ]
    words = [wording.broken_cause(name) for name in broken]
    words += [wording.moved_cause(name, d) for d, name in sorted(moved, reverse=True)]
    return words[:CAUSES_SHOWN]


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


def _harm(estimate: Figures | None) -> tuple[str, str]:
    """How serious drift is, by what the scores say about accuracy; with the sentence for it."""
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
    else:
        cell = wording.category(at.column, place)
        sentence = wording.category_shift(at.column, cell, now, then, rows)
    finding = _share_finding(at, counted, alarm, (now * rows, rows, then), place)
    return replace(finding, detector="drift_alarm", sentence=sentence + harm, severity=severity)


def _rate(at: _Place, counted: Counted, alarm: Alarm) -> Finding:
    hits, n = rate_hits(alarm.detector, at.cells)[at.i], float(at.cells[at.i].sum())
    then = rate_hits(alarm.detector, at.block.cells)[at.i] / at.block.cells[at.i].sum()
    finding = _share_finding(at, counted, alarm, (hits, n, float(then)), 0)
    sentence = wording.rate(alarm.detector, at.column.name, hits / max(n, 1), float(then), n)
    return replace(finding, cause="data_quality", sentence=sentence)


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
