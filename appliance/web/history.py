"""Figures of many windows at once, read out of the compact arrays by PostgreSQL.

A measurement holds an element per column, of which there may be thousands, and a page shows a few
of them over two hundred windows. So the elements are picked where they lie.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from detectors.models import Window

from . import queries
from .charts import Point, newest_of
from .terms import RATES, raised

ALARMING = ["alarm", "alarm_outcomes"]  # detectors whose figures are streams' evidence
PICK = """
SELECT w.start, m.detector, wanted.name, m.value[place.at], m.low[place.at], m.high[place.at],
       m."limit"[place.at]
FROM detectors_examination e
JOIN detectors_window w ON w.id = e.window_id
JOIN detectors_measurement m ON m.examination_id = e.id
CROSS JOIN unnest(%s::varchar[], %s::varchar[]) AS wanted (detector, name)
CROSS JOIN LATERAL (SELECT array_position(m.names, wanted.name) AS at) place
WHERE e.window_id = ANY(%s) AND m.detector = wanted.detector AND place.at IS NOT NULL
ORDER BY w.start, e.generation
"""
FOUND = """
SELECT DISTINCT e.window_id, m.detector, figure.name
FROM detectors_examination e
JOIN detectors_window w ON w.id = e.window_id
JOIN unnest(%s::bigint[], %s::float8[]) AS map (baseline, level) ON map.baseline = w.baseline_id
JOIN detectors_measurement m ON m.examination_id = e.id
CROSS JOIN LATERAL unnest(m.names, m.value, m.low, m.high, m."limit", m.p_value)
    AS figure (name, value, low, high, bound, p_value)
WHERE w.id = ANY(%s) AND (
    (m.detector = ANY(%s) AND figure.value >= figure.bound)
    OR (m.detector = ANY(%s) AND figure.low > figure.bound)
    OR (m.detector = 'rowwide' AND figure.p_value <= map.level)
    OR (m.detector = 'volume' AND (figure.value < figure.low OR figure.value > figure.high)))
ORDER BY e.window_id, m.detector, figure.name
"""
LOOKS = """
SELECT e.window_id, e.examined_at, e.rows, e.labelled, m.value[place.at], m.low[place.at],
       m.high[place.at]
FROM detectors_examination e
JOIN detectors_window w ON w.id = e.window_id
JOIN detectors_measurement m ON m.examination_id = e.id
CROSS JOIN LATERAL (SELECT array_position(m.names, %s) AS at) place
WHERE e.window_id = ANY(%s) AND m.detector = %s AND place.at IS NOT NULL
ORDER BY w.start DESC, e.generation
"""
ALARMS = """
SELECT figure.name, w.start, w.deployment
FROM detectors_window w
JOIN detectors_examination e ON e.window_id = w.id
JOIN detectors_measurement m ON m.examination_id = e.id
CROSS JOIN LATERAL unnest(m.names, m.value) AS figure (name, value)
WHERE w.id = ANY(%s) AND m.detector = ANY(%s) AND 1 <= ANY(m.value) AND figure.value >= 1
ORDER BY w.start DESC, figure.name
LIMIT 2000
"""


@dataclass(frozen=True)
class Series:
    """One figure over the windows, oldest first, as known now; `limits` is what it was held to."""

    points: Sequence[Point]
    limits: Sequence[Point]

    @property
    def newest_limit(self) -> float | None:
        """The newest limit: for performance it is the reference's own figure."""
        newest = newest_of(self.limits)
        return None if newest is None else newest.value


NO_SERIES = Series((), ())
Key = tuple[str, str]  # detector, name of the column or metric
Found = dict[Key, bool]  # whether the figure lies above its limit; an alarm alone has no direction


def series_of(windows: Iterable[Window], wanted: Iterable[Key]) -> dict[Key, Series]:
    """The wanted figures of these windows, in one query. A later look replaces an earlier one."""
    keys = sorted(set(wanted))
    ids = [window.pk for window in windows]
    found: dict[Key, dict[datetime, tuple[Point, Point]]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(PICK, [[d for d, _ in keys], [n for _, n in keys], ids])
        for start, detector, name, value, low, high, limit in cursor.fetchall():
            found[detector, name][start] = Point(start, value, low, high), Point(start, limit)
    return {
        key: Series([p for p, _ in looks.values()], [bound for _, bound in looks.values()])
        for key, looks in found.items()
    }


@dataclass(frozen=True)
class Look:
    """One figure as one look at a window left it: "as known then"."""

    window: Window
    examined_at: datetime
    rows: int | None
    labelled: int | None
    point: Point


@dataclass(frozen=True)
class Alarm:
    """One stream's alarm: over which column, in the window of which start."""

    detector: str
    column: str
    at: datetime
    deployment: str


def looks_of(windows: Iterable[Window], key: Key) -> list[Look]:
    """Every look at these windows that told this figure: newest window first, newest look last."""
    known = {window.pk: window for window in windows}
    detector, name = key
    with connection.cursor() as cursor:
        cursor.execute(LOOKS, [name, list(known), detector])
        return [
            Look(known[pk], at, rows, labelled, Point(known[pk].start, *figure))
            for pk, at, rows, labelled, *figure in cursor.fetchall()
        ]


def alarms_in(windows: Iterable[int]) -> list[Alarm]:
    """The alarms of streams in these windows, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(ALARMS, [list(windows), ALARMING])
        return [Alarm(*_alarm(name), *rest) for name, *rest in cursor.fetchall()]


def found_in(windows: Sequence[Window], allowed: float) -> dict[int, Found]:
    """What each window showed beyond its limit: alarms, rates, whole rows, volume. Two queries.

    `allowed` false alarms a year is the budget.
    """
    levels = queries.map_levels(windows, allowed)
    found: dict[int, Found] = defaultdict(dict)
    with connection.cursor() as cursor:
        ids = [window.pk for window in windows]
        cursor.execute(FOUND, [list(levels), list(levels.values()), ids, ALARMING, list(RATES)])
        for window, detector, name in cursor.fetchall():
            key = _alarm(name) if detector in ALARMING else (detector, name)
            found[window][key] = found[window].get(key, False) or detector in RATES
    return found


def _alarm(name: str) -> Key:
    """
    >>> _alarm("age:shift")
    ('shift', 'age')
    """
    column, _, detector = name.rpartition(":")
    return detector, column


def in_words(found: Found) -> list[str]:
    """
    >>> in_words({("shift", "age"): False, ("missing", "age"): True, ("volume", "rows"): False})
    ['age drifted', 'age: more missing', 'unusual number of rows']
    """
    return [
        "unusual number of rows" if detector == "volume" else raised(name, detector, more=more)
        for (detector, name), more in found.items()
    ]
