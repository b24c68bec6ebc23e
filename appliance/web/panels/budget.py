"""How is the false-alarm budget spent? What may go wrong, what was raised, and what people said.

The budget is a version's, shared by all its deployments; so are the alarms told here. Streams leave
each alarm in their figures. What looks at whole rows, or at volume, leaves it in an incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import exp

from detectors.statistics.e_detector import alarm_limit
from governance.models import Incident

from .. import queries
from ..history import Alarm, Key, alarms_in
from ..terms import raised
from ..words import count, day, many, number
from .evidence import Evidence

DETECTORS: tuple[str, ...] = ()
YEAR = timedelta(days=365)
LISTED = 20  # streams
# Detectors within the budget that leave no alarm in their figures, only an incident.
ELSEWHERE = {"rowwide", "volume"}
OF_OUTCOMES = {"error_rate", "error_shift", "quality_shift"}


@dataclass(frozen=True)
class Entry:
    """What was raised, how often, when last, and what became of it."""

    what: str
    deployment: str
    number: int
    newest: str
    incident: Incident | None
    said: str


@dataclass(frozen=True)
class Budget:
    """A year of alarms. `watched` windows were examined in it, in `deployments` deployments."""

    evidence: Evidence
    allowed: float
    deployments: int
    watched: int
    since: datetime
    whole: bool
    alarms: Sequence[Alarm]
    incidents: Sequence[Incident]

    @property
    def answer(self) -> str:
        """What was raised beside what chance was allowed to raise."""
        number_of = sum(entry.number for entry in self.entries)
        raised_words = many(number_of, "alarm was", "alarms were") if number_of else "No alarm was"
        return (
            f"{raised_words} raised since {day(self.since)}{self._incidents_words}. "
            f"With nothing wrong at all, {self._expected_words} would be expected in that time: "
            f"{self.allowed:g} a year is the budget."
        )

    @property
    def streams(self) -> int:
        return self.evidence.scene.about.streams * max(self.deployments, 1)

    @property
    def streams_words(self) -> str:
        return count(self.streams)

    @property
    def windows_per_year(self) -> float:
        return YEAR.total_seconds() / self.evidence.scene.baseline.window_seconds

    @property
    def limit(self) -> str:
        """How far evidence must outweigh "nothing has changed" before it is an alarm."""
        return f"{exp(alarm_limit(self.streams, self.windows_per_year, self.allowed)):,.0f} to 1"

    @property
    def expected(self) -> float:
        """False alarms that the budget allows for the windows watched so far."""
        return self.allowed * self.watched / (self.windows_per_year * max(self.deployments, 1))

    @property
    def _incidents_words(self) -> str:
        told = {entry.incident.pk for entry in self.entries if entry.incident}
        return f", in {many(len(told), 'incident')}" if told else ""

    @property
    def _expected_words(self) -> str:
        if self.expected < 0.01:
            return "less than 0.01 of one"
        return f"at most {number(self.expected)}"

    @property
    def watched_words(self) -> str:
        return many(self.watched, "window")

    @cached_property
    def entries(self) -> list[Entry]:
        """By stream and incident, and incidents of which no stream tells; the newest first."""
        found: dict[tuple[str, str, Incident | None], list[Alarm]] = {}
        for alarm in self.alarms:
            what = raised(alarm.column, alarm.detector)
            found.setdefault((what, alarm.deployment, self._about(alarm)), []).append(alarm)
        rows = [
            (same[0].at, _entry(*place, len(same), same[0].at)) for place, same in found.items()
        ]
        rows += [
            (i.last_window, _entry(i.title, i.deployment, i, i.windows, i.last_window))
            for i in self.incidents
            if i not in {about for _, _, about in found}
            and any(finding["detector"] in ELSEWHERE for finding in i.findings)
        ]
        return [entry for _, entry in sorted(rows, key=lambda row: row[0], reverse=True)]

    @property
    def listed(self) -> list[Entry]:
        return self.entries[:LISTED]

    @property
    def unlisted(self) -> int:
        return len(self.entries) - len(self.listed)

    def _about(self, alarm: Alarm) -> Incident | None:
        """The incident that an alarm is part of: the one that names its column, if several."""
        lasted = [
            i
            for i in self.incidents
            if i.cause != Incident.Cause.FEED
            and (i.cause == Incident.Cause.PERFORMANCE) == (alarm.detector in OF_OUTCOMES)
            and i.deployment == alarm.deployment
            and i.first_window <= alarm.at <= i.last_window
        ]
        named = [i for i in lasted if any(f["name"] == alarm.column for f in i.findings)]
        return next(iter(named + lasted), None)


def _entry(what: str, where: str, about: Incident | None, times: int, at: datetime) -> Entry:
    return Entry(what, where, times, day(at), about, getattr(about, "said", ""))


def wanted(found: Evidence) -> list[Key]:
    return []


def read(evidence: Evidence) -> Budget:
    """Four queries. The alarms of at most `queries.LEDGER` windows are counted."""
    scene = evidence.scene
    windows = queries.newest_windows(scene.version, evidence.backdrop.end - YEAR)
    incidents = queries.incidents_since(scene.version, windows[-1][1]) if windows else []
    return Budget(
        evidence=evidence,
        allowed=scene.policy.false_alarms_per_year,
        deployments=queries.streaming_deployments(scene.baseline),
        watched=len(windows),
        since=windows[-1][1],
        whole=len(windows) < queries.LEDGER,
        alarms=alarms_in(pk for pk, _ in windows),
        incidents=incidents,
    )
