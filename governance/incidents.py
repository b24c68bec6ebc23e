"""From findings to incidents: one open incident per version, deployment and cause.

A finding is something a detector saw that the policy says people should hear of. Each is written
down as a `Sighting` with what became of it: it joins the incident of its cause, or it is held back,
by a silence that somebody made or because the data themselves are broken. The first finding of a
cause opens the incident; one that comes soon after the incident was resolved opens it again. After
a while without findings an incident is said to be quiet; closing it is left to people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from governance import notify, silences
from governance.audit import entries
from governance.models import Incident, IncidentStep, Sighting, Version
from governance.policies import Policy
from governance.policy_settings import SEVERITIES, graver
from governance.severity import DUE, certainty, severity

SYSTEM = "countersign"
REOPENED_WITHIN = timedelta(days=7)  # after this long the same cause is a new incident
QUIET_AFTER = 14  # windows
# While one of these lasts, drift of the same version says more about the data than about people.
BREAKS = {"column_gone", "volume"}

_OPEN = [Incident.Status.OPEN, Incident.Status.ACKNOWLEDGED]


@dataclass(frozen=True)
class Finding:
    """One thing that a detector saw in one window, ready to be read by a person.

    `value`, `low`, `high`, `limit` share the unit named in `unit`; `rows` is the sample they rest
    on. `sentence` says it in plain words. `weight` orders findings of one cause (larger is worse).
    `severity` is the finding's impact, as `governance.severity` understands it.
    """

    cause: str
    detector: str
    name: str
    sentence: str
    severity: str
    weight: float = 0.0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    reference: float | None = None
    unit: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class Occasion:
    """The window that the findings are about."""

    version: Version
    deployment: str
    start: datetime
    end: datetime


def weigh(
    findings: Iterable[Finding], occasion: Occasion, policy: Policy, causes: Sequence[str] = ()
) -> list[Incident]:
    """Write findings down; open or continue one incident per cause. In the caller's transaction."""
    sightings = [_sighting(finding, occasion, policy) for finding in findings]
    told = silences.hold_back(sightings)
    by_cause = groupby(sorted(told, key=_data_first), key=lambda s: s.cause)
    groups = [(cause, _worst_first(group)) for cause, group in by_cause]
    return [
        _open_or_continue(cause, group, occasion, policy, causes)
        for cause, group in groups
        if not _held_by_broken_data(cause, group)
    ]


def note_quiet(occasion: Occasion) -> None:
    """A window was examined: whatever incident it added nothing to is quiet for one window more.

    In the caller's transaction, after `weigh`.
    """
    seen = _sightings_of(occasion).filter(start=occasion.start).values("cause")
    quiet = (
        _of(occasion)
        .filter(status__in=_OPEN, quiet_until__lt=occasion.start)
        .exclude(cause__in=seen)
        .select_for_update()
    )
    for incident in quiet:
        incident.quiet_windows += 1
        incident.quiet_until = occasion.start
        incident.save(update_fields=["quiet_windows", "quiet_until"])
        if incident.quiet_windows == QUIET_AFTER:
            step(incident, IncidentStep.Kind.QUIET, SYSTEM, f"for {QUIET_AFTER} windows")


def step(incident: Incident, kind: str, actor: str, text: str = "") -> None:
    """Write down what happened to an incident."""
    IncidentStep.objects.create(incident=incident, kind=kind, actor=actor, text=text)


def judge(finding: Finding, tier: int | None, policy: Policy) -> tuple[str, str]:
    """How severe a finding is under a policy, and how certain it is."""
    sure = certainty(finding.value, finding.low, finding.high, finding.limit)
    return policy.severity_of(finding.cause, severity(finding.severity, sure, tier)), sure


def _sighting(finding: Finding, on: Occasion, policy: Policy) -> Sighting:
    """The finding as it is kept: its severity judged, its impact and certainty beside it."""
    judged, sure = judge(finding, on.version.model.tier, policy)
    return Sighting(
        version=on.version,
        deployment=on.deployment,
        cause=finding.cause,
        detector=finding.detector,
        name=finding.name,
        start=on.start,
        end=on.end,
        weight=finding.weight,
        finding=asdict(finding)
        | {"severity": judged, "impact": finding.severity, "certainty": sure},
    )


def _data_first(sighting: Sighting) -> tuple[bool, str]:
    """Drift comes last: by then it is written down whether the data are broken."""
    return sighting.cause == Incident.Cause.DRIFT, sighting.cause


def _held_by_broken_data(cause: str, group: list[Sighting]) -> bool:
    """Drift is held back, and kept, while a column is gone or most rows are."""
    if cause != Incident.Cause.DRIFT:
        return False
    one = group[0]
    nearby = Sighting.objects.filter(
        version=one.version,
        deployment=one.deployment,
        detector__in=BREAKS,
        start__lte=one.start,
        end__gte=one.start,
    )
    broken = next((s for s in nearby if breaks(s.finding)), None)
    if broken is None:
        return False
    for sighting in group:
        sighting.fate, sighting.incident = Sighting.Fate.INHIBITED, broken.incident
    silences.keep_held(group)
    return True


def breaks(finding: dict[str, Any]) -> bool:
    """Whether it says that the data are broken.

    Fewer rows than ever are a fault of the feed; more of them need not be.
    """
    if finding["detector"] == "volume":
        return bool(finding["value"] < (finding["limit"] or 1))
    return finding["detector"] in BREAKS


def _open_or_continue(
    cause: str, group: list[Sighting], on: Occasion, policy: Policy, causes: Sequence[str]
) -> Incident:
    incident = _locked(cause, on)
    if incident is None:
        try:
            with transaction.atomic():
                incident = _open(cause, group, on, policy, causes)
        except IntegrityError:  # another window opened it in this moment
            incident = _locked(cause, on)
            if incident is None:
                raise
            _continue(incident, group, on, causes)
    else:
        _continue(incident, group, on, causes)
    for sighting in group:
        sighting.incident = incident
    Sighting.objects.bulk_create(group)
    return incident


def _locked(cause: str, on: Occasion) -> Incident | None:
    """The incident that is open, or was resolved lately; locked until the transaction ends.

    One that was called a false alarm is over: if the cause comes again, that is a new one.
    """
    rows = _of(on).filter(cause=cause).select_for_update()
    lately = timezone.now() - REOPENED_WITHIN
    return (
        rows.filter(status__in=_OPEN).first()
        or rows.filter(resolved_at__gte=lately)
        .exclude(verdict=Incident.Verdict.FALSE_ALARM)
        .order_by("-resolved_at")
        .first()
    )


def _continue(
    incident: Incident, group: list[Sighting], on: Occasion, causes: Sequence[str]
) -> None:
    """One window more of an incident that is there already."""
    before, event = incident.severity, ""
    if incident.status == Incident.Status.RESOLVED:
        _reopen(incident, on)
        event = "reopened"
    if on.start >= incident.last_window:
        incident.findings = [s.finding for s in group]
        incident.causes = list(causes) or incident.causes
        incident.title = _title(group)
    incident.severity = graver(before, group[0].finding["severity"])
    incident.first_window = min(incident.first_window, on.start)
    incident.last_window = max(incident.last_window, on.start)
    incident.quiet_windows, incident.quiet_until = 0, max(incident.quiet_until, on.start)
    incident.windows += 1
    if incident.severity != before:
        incident.due_at = min(incident.due_at, timezone.now() + DUE[incident.severity])
        incident.snoozed_until = None
        step(incident, IncidentStep.Kind.WORSENED, SYSTEM, f"from {before} to {incident.severity}")
        event = event or "worsened"
    incident.save()
    if event:
        notify.tell(incident, event)


def _reopen(incident: Incident, on: Occasion) -> None:
    incident.status, incident.verdict, incident.resolved_at = Incident.Status.OPEN, "", None
    incident.snoozed_until = None
    incident.due_at = timezone.now() + DUE[incident.severity]
    step(incident, IncidentStep.Kind.REOPENED, SYSTEM, _period(on))
    entries.record("incident.reopened", actor=SYSTEM, incident=incident.pk)


def _open(
    cause: str, group: list[Sighting], on: Occasion, policy: Policy, causes: Sequence[str]
) -> Incident:
    incident = Incident.objects.create(
        version=on.version,
        deployment=on.deployment,
        cause=cause,
        severity=group[0].finding["severity"],
        title=_title(group),
        findings=[s.finding for s in group],
        causes=list(causes),
        policy=asdict(policy) | {"digest": policy.digest},
        first_window=on.start,
        last_window=on.start,
        quiet_until=on.start,
        due_at=timezone.now() + DUE[group[0].finding["severity"]],
    )
    step(incident, IncidentStep.Kind.OPENED, SYSTEM, _period(on))
    entries.record(
        "incident.opened", actor=SYSTEM, incident=incident.pk, cause=cause, policy=policy.digest
    )
    notify.tell(incident, "opened")
    return incident


def _of(on: Occasion) -> QuerySet[Incident]:
    return Incident.objects.filter(version=on.version, deployment=on.deployment)


def _sightings_of(on: Occasion) -> QuerySet[Sighting]:
    return Sighting.objects.filter(version=on.version, deployment=on.deployment)


def _worst_first(group: Iterable[Sighting]) -> list[Sighting]:
    return sorted(group, key=lambda s: (SEVERITIES.index(s.finding["severity"]), -s.weight, s.name))


def _title(group: list[Sighting]) -> str:
    """The worst finding's sentence; how many columns there are besides it."""
    more = len({s.name for s in group}) - 1
    also = {0: "", 1: " One more figure changed."}.get(more, f" {more} more figures changed.")
    sentence: str = group[0].finding["sentence"]
    return (sentence.split(". ", maxsplit=1)[0].rstrip(".") + "." + also)[:200]


def _period(on: Occasion) -> str:
    return f"{on.start:%Y-%m-%d %H:%M} to {on.end:%Y-%m-%d %H:%M} UTC"
