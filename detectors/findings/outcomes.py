"""Findings about what became known afterwards: wrong decisions, larger errors, worse answers."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from detectors.alarms import Alarm
from detectors.figures import Figures
from detectors.findings import wording
from detectors.learning.known import Known
from detectors.learning.outcomes import WRONG, KnownOutcomes
from detectors.reading import Array
from detectors.statistics.proportions import wilson
from governance.incidents import Finding


def from_outcomes(
    known: Known, cells: Sequence[Array], alarms: Sequence[Alarm], figures: Sequence[Figures]
) -> list[Finding]:
    """One finding for each stream that raised an alarm, if it is bad news.

    `cells` are all outcomes known so far, (names, size) for each of `known.outcomes`.
    """
    found = []
    for alarm in alarms:
        for each, now in zip(known.outcomes, cells, strict=True):
            if alarm.detector == each.layout.detector and alarm.column in each.layout.names:
                i = each.layout.names.index(alarm.column)
                found.append(_finding(known, alarm, (each, i), now[i], figures))
    return [finding for finding in found if finding]


def _finding(
    known: Known,
    alarm: Alarm,
    place: tuple[KnownOutcomes, int],
    now: Array,
    figures: Sequence[Figures],
) -> Finding | None:
    each, i = place
    then = each.cells[i]
    if alarm.detector == "error_rate":
        return _wrong(known, alarm, now, then)
    return _shifted(known, alarm, now, then, figures)


def _wrong(known: Known, alarm: Alarm, now: Array, then: Array) -> Finding | None:
    """More decisions were wrong than in the reference."""
    rows, rate_then = float(now.sum()), float(then[WRONG] / then.sum())
    rate, low, high = (float(x) for x in wilson(now[WRONG], now.sum(), known.noise.variance))
    if rate <= rate_then:
        return None
    about = alarm.column
    return Finding(
        cause="performance",
        detector="realised_performance",
        name="accuracy" if not about else f"accuracy of {about}",
        sentence=wording.wrong_decisions(about, rate, rate_then, rows, known.statement.threshold),
        severity="high",
        weight=rate - rate_then,
        value=1 - rate,
        low=1 - high,
        high=1 - low,
        reference=1 - rate_then,
        unit="share",
        rows=round(rows),
    )


def _shifted(
    known: Known, alarm: Alarm, now: Array, then: Array, figures: Sequence[Figures]
) -> Finding | None:
    """A distribution that came with labels lies elsewhere: said by its mean where that is told.

    Smaller errors are no finding. Whether more or less of a quality is better, nobody told.
    """
    errs = alarm.detector == "error_shift"
    if errs and not _larger_errors(figures):
        return None
    column = next(c for c in known.statement.columns if c.name == alarm.column)
    if column.role == "outcome":
        column = replace(column, name=f"The error of {column.name}")
    below_now, below_then = np.cumsum(now / now.sum())[:-1], np.cumsum(then / then.sum())[:-1]
    edge = int(np.argmax(np.abs(below_now - below_then)))
    share, share_then = float(below_now[edge]), float(below_then[edge])
    value, low, high = (float(x) for x in wilson(share * now.sum(), now.sum()))
    sentence = wording.ordered_shift(column, edge, share, share_then, float(now.sum()))
    return Finding(
        cause="performance",
        detector=alarm.detector,
        name=alarm.column,
        sentence=sentence + wording.means(alarm.detector, alarm.column, figures),
        severity="high" if errs else "medium",
        weight=alarm.evidence,
        value=value,
        low=low,
        high=high,
        reference=share_then,
        unit="share",
        rows=round(float(now.sum())),
    )


def _larger_errors(figures: Sequence[Figures]) -> bool:
    for found in figures:
        if found.detector == "realised_error":
            i = list(found.names).index("mae")
            return bool(found.value[i] > found.limit[i])
    return True
