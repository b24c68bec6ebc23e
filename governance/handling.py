"""What people do with an incident: take it on, pass it on, put it off, talk about it, resolve it.

Each verb is one conditional update in one transaction with its log entry. Of two people who do the
same at once one is first; the other changes nothing, and where that matters is told so.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from countersign.statement import Refused
from governance import access, notify
from governance.audit import entries
from governance.incidents import step
from governance.models import Incident, IncidentStep

LONGEST_SNOOZE = timedelta(days=30)
Kind, Status = IncidentStep.Kind, Incident.Status


def acknowledge_incident(incident: Incident, *, actor: str) -> None:
    """Say "I have it". The second person who does so changes nothing."""
    with transaction.atomic():
        mine = Incident.objects.filter(pk=incident.pk, status=Status.OPEN)
        if mine.update(status=Status.ACKNOWLEDGED):
            step(incident, Kind.ACKNOWLEDGED, actor)
            entries.record("incident.acknowledged", actor=actor, incident=incident.pk)
            notify.tell(incident, "acknowledged")


def assign_incident(incident: Incident, owner: User, due_at: datetime, *, actor: str) -> None:
    """Say who deals with it, and by when.

    `incident` is what the person saw: if somebody else has given it away since, that holds
    (`incident.changed`). Raises also `incident.owner`, `incident.resolved`.
    """
    model = incident.version.model
    if not access.may(owner, "incident.handle", model.business_unit):
        raise Refused("incident.owner", "This person may not handle it.", "$.owner")
    with transaction.atomic():
        seen = _unresolved(incident).filter(owner=incident.owner_id)
        if not seen.update(owner=owner, due_at=due_at):
            _refuse_changed(incident)
        step(incident, Kind.ASSIGNED, actor, f"to {owner.get_username()}, due {due_at:%Y-%m-%d}")
        entries.record(
            "incident.assigned",
            actor=actor,
            incident=incident.pk,
            owner=f"user:{owner.pk}",
            due=due_at,
        )


def snooze_incident(incident: Incident, until: datetime, *, actor: str, reason: str) -> None:
    """Put it off. It wakes by itself then, or if it becomes more severe before."""
    reason = _reason(reason)
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise Refused("incident.snooze", f"At most {LONGEST_SNOOZE.days} days from now.", "$.until")
    with transaction.atomic():
        if not _unresolved(incident).update(snoozed_until=until):
            _refuse_changed(incident)
        step(incident, Kind.SNOOZED, actor, f"until {until:%Y-%m-%d %H:%M} UTC. {reason}")
        entries.record(
            "incident.snoozed",
            actor=actor,
            content={"reason": reason},
            incident=incident.pk,
            until=until,
        )


def comment_incident(incident: Incident, text: str, *, actor: str) -> None:
    """Add something for the next reader."""
    text = _reason(text)
    with transaction.atomic():
        step(incident, Kind.COMMENTED, actor, text)
        entries.record(
            "incident.commented", actor=actor, content={"text": text}, incident=incident.pk
        )


def resolve_incident(incident: Incident, verdict: str, *, actor: str, reason: str) -> None:
    """Close it: what it was, and why it is over. Raises `Refused` (`incident.resolved`, ...)."""
    reason = _reason(reason)
    if verdict not in Incident.Verdict.values:
        raise Refused("incident.verdict", "Say what it was.", "$.verdict")
    with transaction.atomic():
        done = {"status": Status.RESOLVED, "resolved_at": timezone.now(), "verdict": verdict}
        if not _unresolved(incident).update(**done, snoozed_until=None):
            _refuse_changed(incident)
        step(incident, Kind.RESOLVED, actor, f"{Incident.Verdict(verdict).label}. {reason}")
        entries.record(
            "incident.resolved",
            actor=actor,
            content={"reason": reason},
            incident=incident.pk,
            verdict=verdict,
        )
        notify.tell(incident, "resolved")


def _unresolved(incident: Incident) -> QuerySet[Incident]:
    return Incident.objects.filter(pk=incident.pk).exclude(status=Status.RESOLVED)


def _refuse_changed(incident: Incident) -> None:
    if _unresolved(incident).exists():
        raise Refused("incident.changed", "Somebody else gave it to somebody in this moment.")
    raise Refused("incident.resolved", "Somebody resolved this incident already.")


def _reason(text: str) -> str:
    if not text.strip():
        raise Refused("incident.no_reason", "Say why, for the next reader.", "$.reason")
    return text.strip()
