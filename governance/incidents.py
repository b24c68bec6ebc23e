"""From findings to incidents: one open incident per version, deployment and cause.

A finding is something a detector saw that the policy says people should hear of. Findings of one
cause join the incident that is already open; the first one opens it. Nothing here closes an
incident: people do, with a reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby

from django.db import IntegrityError, transaction

from governance.audit import entries
from governance.models import Incident, IncidentStep, Version
from governance.policies import Policy
from governance.policy_settings import SEVERITIES

SYSTEM = "countersign"


class AlreadyResolved(ValueError):
    """Somebody else resolved the incident first (`incident.already_resolved`)."""


class ReasonMissing(ValueError):
    """Resolving needs a reason (`incident.reason_missing`)."""


@dataclass(frozen=True)
class Finding:
    """One thing that a detector saw in one window, ready to be read by a person.

    `value`, `low`, `high`, `limit` share the unit named in `unit`; `rows` is the sample they rest
    on. `sentence` says it in plain words. `weight` orders findings of one cause (larger is worse).
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
    """Open or continue one incident per cause. Inside the caller's transaction."""
    findings = [replace(f, severity=policy.severity_of(f.cause, f.severity)) for f in findings]
    by_cause = groupby(sorted(findings, key=lambda f: f.cause), key=lambda f: f.cause)
    return [
        _open_or_continue(cause, _worst_first(group), occasion, policy, causes)
        for cause, group in by_cause
    ]


def acknowledge_incident(incident: Incident, *, actor: str) -> None:
    """Say "I have it". The second person who does so changes nothing."""
    with transaction.atomic():
        changed = Incident.objects.filter(pk=incident.pk, status=Incident.Status.OPEN).update(
            status=Incident.Status.ACKNOWLEDGED
        )
        if changed:
            _step(incident, IncidentStep.Kind.ACKNOWLEDGED, actor)
            entries.record("incident.acknowledged", actor=actor, incident=incident.pk)


def resolve_incident(incident: Incident, *, actor: str, reason: str) -> None:
    """Close it, with the reason that the next reader will want. Raises when there is none."""
    reason = reason.strip()
    if not reason:
        raise ReasonMissing("Say why it is resolved.")
    with transaction.atomic():
        changed = (
            Incident.objects.filter(pk=incident.pk)
            .exclude(status=Incident.Status.RESOLVED)
            .update(status=Incident.Status.RESOLVED)
        )
        if not changed:
            raise AlreadyResolved("Somebody resolved this incident already.")
        _step(incident, IncidentStep.Kind.RESOLVED, actor, reason)
        entries.record(
            "incident.resolved", actor=actor, content={"reason": reason}, incident=incident.pk
        )


def _open_or_continue(
    cause: str, findings: list[Finding], on: Occasion, policy: Policy, causes: Sequence[str]
) -> Incident:
    same = {"version": on.version, "deployment": on.deployment, "cause": cause}
    incident = _unresolved(same)
    if incident is None:
        try:
            with transaction.atomic():
                return _open(same, findings, on, policy, causes)
        except IntegrityError:  # another window opened it in this moment
            incident = _unresolved(same)
            if incident is None:
                raise
    newest = on.start >= incident.last_window
    if newest:
        incident.findings = [asdict(f) for f in findings]
        incident.causes = list(causes) or incident.causes
        incident.title = _title(findings)
    incident.severity = min(incident.severity, findings[0].severity, key=SEVERITIES.index)
    incident.first_window = min(incident.first_window, on.start)
    incident.last_window = max(incident.last_window, on.start)
    incident.windows += 1
    incident.save()
    return incident


def _unresolved(same: dict[str, object]) -> Incident | None:
    """The incident that is still open, locked until the transaction ends."""
    return (
        Incident.objects.select_for_update()
        .filter(**same)
        .exclude(status=Incident.Status.RESOLVED)
        .first()
    )


def _open(
    same: dict[str, object],
    findings: list[Finding],
    on: Occasion,
    policy: Policy,
    causes: Sequence[str],
) -> Incident:
    incident = Incident.objects.create(
        **same,
        severity=findings[0].severity,
        title=_title(findings),
        findings=[asdict(f) for f in findings],
        causes=list(causes),
        policy=asdict(policy) | {"digest": policy.digest},
        first_window=on.start,
        last_window=on.start,
    )
    _step(incident, IncidentStep.Kind.OPENED, SYSTEM, _period(on))
    entries.record(
        "incident.opened",
        actor=SYSTEM,
        incident=incident.pk,
        cause=str(same["cause"]),
        policy=policy.digest,
    )
    return incident


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.weight, f.name))


def _title(findings: list[Finding]) -> str:
    """The worst finding's sentence; how many columns there are besides it."""
    more = len({f.name for f in findings}) - 1
    also = {0: "", 1: " One more figure changed."}.get(more, f" {more} more figures changed.")
    return (findings[0].sentence.split(". ")[0].rstrip(".") + "." + also)[:200]


def _period(on: Occasion) -> str:
    return f"{on.start:%Y-%m-%d %H:%M} to {on.end:%Y-%m-%d %H:%M} UTC"


def _step(incident: Incident, kind: str, actor: str, text: str = "") -> None:
    IncidentStep.objects.create(incident=incident, kind=kind, actor=actor, text=text)
