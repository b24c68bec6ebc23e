"""Windows without rows, late ones, and those with far more or fewer rows than ever."""

from detectors import models
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.findings import wording
from detectors.learning.known import Known
from governance.incidents import Finding


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


def more_labels_than_rows(labelled: int, rows: int) -> Finding:
    """Outcomes that contradict the counts: more became known than there were rows."""
    return Finding(
        cause="data_quality",
        detector="contradicting_outcomes",
        name="outcomes",
        sentence=wording.more_labels_than_rows(labelled, rows),
        severity="medium",
        value=float(labelled),
        limit=float(rows),
        unit="rows",
        rows=rows,
    )
