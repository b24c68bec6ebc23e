"""The incidents that people would have been told of: `governance.incidents.weigh`, in memory.

One per cause while it lasts. Silences and broken data hold findings back as they did; people
resolve what is open when they really did.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from detectors.history import Closed, Look, Overdue
from governance.incidents import REOPENED_WITHIN, Finding, breaks, judge
from governance.models import Incident, Silence, Version
from governance.policies import Policy
from governance.policy_settings import SEVERITIES, graver
from governance.silences import is_about

Key = tuple[int, str, str]  # version, deployment, cause


@dataclass
class Told:
    """An incident as a replay opens it; `start` is its first window, `closed` when it was over."""

    key: Key
    version: Version
    at: datetime
    start: datetime
    severity: str
    title: str
    closed: datetime | None = None
    false_alarm: bool = False

    def overlaps(self, other: "Told") -> bool:
        """Whether both were open at some moment, about the same."""
        before = other.closed is None or self.at <= other.closed
        after = self.closed is None or other.at <= self.closed
        return self.key == other.key and before and after


@dataclass
class Inbox:
    """What was told so far, what of it is open, and when the data were broken."""

    policy: Policy
    silences: Sequence[Silence]
    told: list[Told] = field(default_factory=list)
    last: dict[Key, Told] = field(default_factory=dict)
    broken: dict[tuple[int, str], list[tuple[datetime, datetime]]] = field(default_factory=dict)

    def weigh(self, findings: Iterable[Finding], what: Look | Overdue) -> None:
        """Open or continue one incident per cause."""
        on = what if isinstance(what, Overdue) else what.window
        version = what.version if isinstance(what, Overdue) else what.window.baseline.version
        breaking = self.broken.setdefault((version.pk, on.deployment), [])
        judged = [(f, judge(f, version.model.tier, self.policy)[0]) for f in findings]
        breaking += [(on.start, on.end) for f, _ in judged if breaks(asdict(f))]
        for finding, severity in sorted(judged, key=lambda j: SEVERITIES.index(j[1])):
            drift = finding.cause == Incident.Cause.DRIFT
            if drift and any(start <= on.start <= end for start, end in breaking):
                continue
            if any(self._silences(s, version, finding, what.at) for s in self.silences):
                continue
            key = (version.pk, on.deployment, finding.cause)
            known = self._open(key) or self._reopened(key, what.at)
            if known is None:
                known = Told(key, version, what.at, on.start, severity, finding.sentence)
                self.last[key] = known
                self.told.append(known)
            known.severity = graver(severity, known.severity)
            known.start = min(known.start, on.start)

    def close(self, closed: Closed) -> None:
        """Somebody resolved it."""
        told = self._open(closed.key)
        if told:
            told.closed, told.false_alarm = closed.at, closed.false_alarm

    def _open(self, key: Key) -> Told | None:
        told = self.last.get(key)
        return told if told and told.closed is None else None

    def _reopened(self, key: Key, at: datetime) -> Told | None:
        """One that was resolved lately and was no false alarm goes on."""
        told = self.last.get(key)
        if told is None or told.closed is None or told.false_alarm:
            return None
        if told.closed < at - REOPENED_WITHIN:
            return None
        told.closed = None
        return told

    def _silences(self, one: Silence, version: Version, finding: Finding, at: datetime) -> bool:
        lasts = one.starts_at <= at < min(one.ends_at, one.lifted_at or one.ends_at)
        return lasts and is_about(one, version.model_id, finding.cause, finding.name)
