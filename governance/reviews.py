"""What people ask of a model, what they find wrong, and what they allow it for a time.

Findings are closed by evidence, and not by whoever had to mend them. Exceptions end by themselves,
and hold only when a second person has agreed.
"""

from datetime import date, datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from countersign.statement import Refused
from governance import changes
from governance.accounts import called
from governance.audit import entries
from governance.models import (
    Model,
    ModelException,
    Objective,
    Requirement,
    ReviewFinding,
    Version,
)

LONGEST_EXCEPTION = timedelta(days=366)


def raise_finding(
    model: Model,
    *,
    title: str,
    severity: str,
    owner: str,
    due: date,
    actor: str,
    text: str = "",
    version: Version | None = None,
) -> ReviewFinding:
    """Say what must be mended, by whom and until when."""
    with transaction.atomic():
        finding = ReviewFinding.objects.create(
            model=model,
            version=version,
            title=title,
            text=text,
            severity=severity,
            owner=owner,
            due=due,
            raised_by=actor,
        )
        entries.record(
            "finding.raised",
            actor=actor,
            content={"title": title, "owner": owner, **({"text": text} if text else {})},
            finding=finding.pk,
            model=model.name,
            version=version.name if version else None,
            severity=severity,
            due=due.isoformat(),
        )
    return finding


def close_finding(
    finding: ReviewFinding, *, evidence: str, person: User, evidence_digest: str = ""
) -> None:
    """Close it by evidence, and by a digest of the document that shows it, if there is one.

    Raises `Refused` (`finding.own`, `finding.evidence`, `finding.closed`).
    """
    if _is_one_of(person, finding.owner, finding.model.owner):
        raise Refused("finding.own", "Whoever owns the finding or the model doesn't close it.")
    if not evidence.strip():
        raise Refused("finding.evidence", "Say what shows that it is mended.")
    actor = f"user:{person.pk}"
    with transaction.atomic():
        closed = ReviewFinding.objects.filter(pk=finding.pk, closed_at=None).update(
            closed_at=timezone.now(),
            closed_by=person,
            evidence=evidence,
            evidence_digest=evidence_digest,
        )
        if not closed:
            raise Refused("finding.closed", "The finding is closed already.")
        entries.record(
            "finding.closed",
            actor=actor,
            content={"evidence": evidence},
            finding=finding.pk,
            model=finding.model.name,
            evidence_digest=evidence_digest,
        )


def request_exception(
    model: Model, *, title: str, reason: str, owner: str, expires_at: datetime, person: User
) -> ModelException:
    """Ask for an exception; it holds once somebody else has agreed.

    Raises `Refused` (`exception.expiry`).
    """
    now = timezone.now()
    if not now < expires_at <= now + LONGEST_EXCEPTION:
        raise Refused("exception.expiry", "An exception ends later than now, within a year.")
    with transaction.atomic():
        asked = ModelException.objects.create(
            model=model,
            title=title,
            reason=reason,
            owner=owner,
            expires_at=expires_at,
            requested_by=person,
        )
        entries.record(
            "exception.requested",
            actor=f"user:{person.pk}",
            content={"title": title, "reason": reason, "owner": owner},
            exception=asked.pk,
            model=model.name,
            expires=expires_at,
        )
    return asked


def decide_exception(asked: ModelException, *, approve: bool, person: User) -> None:
    """Agree or refuse: neither who asked nor who owns it may.

    Raises `Refused` (`exception.own`, `exception.decided`).
    """
    if asked.requested_by_id == person.pk or _is_one_of(person, asked.owner):
        raise Refused("exception.own", "Whoever asked for an exception or owns it doesn't decide.")
    now = timezone.now()
    with transaction.atomic():
        open_ones = ModelException.objects.filter(approved=None, ended_at=None, expires_at__gt=now)
        decided = open_ones.filter(pk=asked.pk).update(
            approved=approve, decided_by=person, decided_at=now
        )
        if not decided:
            raise Refused("exception.decided", "The exception is decided, ended or over.")
        kind = "exception.approved" if approve else "exception.refused"
        entries.record(kind, actor=f"user:{person.pk}", exception=asked.pk, model=asked.model.name)


def end_exception(asked: ModelException, *, actor: str) -> None:
    """End it before its time, or withdraw it. Raises `Refused` (`exception.decided`)."""
    now = timezone.now()
    with transaction.atomic():
        live = ModelException.objects.filter(ended_at=None, expires_at__gt=now)
        if not live.filter(pk=asked.pk).exclude(approved=False).update(ended_at=now):
            raise Refused("exception.decided", "The exception is decided, ended or over.")
        entries.record("exception.ended", actor=actor, exception=asked.pk, model=asked.model.name)


def exceptions_in_force(model: Model, when: datetime) -> QuerySet[ModelException]:
    """Those that hold at that moment."""
    rows = ModelException.objects.filter(model=model, approved=True, decided_at__lte=when)
    return rows.filter(Q(ended_at=None) | Q(ended_at__gt=when), expires_at__gt=when)


def set_objective(model: Model, text: str, *, actor: str) -> Objective:
    """Say what the business wants of the model."""
    with transaction.atomic():
        objective = Objective.objects.create(model=model, text=text)
        _note(model, f"objective {objective.pk}", {}, {"text": text}, actor)
    return objective


def require(
    objective: Objective,
    *,
    text: str,
    monitor: str,
    metric: str,
    at_least: float | None,
    at_most: float | None,
    actor: str,
) -> Requirement:
    """Say what must hold for an objective, and how that is measured.

    Raises `Refused` (`requirement.bounds`).
    """
    if at_least is None and at_most is None:
        raise Refused("requirement.bounds", "A requirement has a lowest value, a highest, or both.")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise Refused("requirement.bounds", "The lowest value is not above the highest.")
    facts = {
        "text": text,
        "monitor": monitor,
        "metric": metric,
        "at_least": at_least,
        "at_most": at_most,
    }
    with transaction.atomic():
        requirement = Requirement.objects.create(objective=objective, **facts)
        _note(objective.model, f"requirement {requirement.pk}", {}, facts, actor)
    return requirement


def retire(what: Objective | Requirement, *, actor: str) -> None:
    """It no longer holds; what was asked for until now stays readable."""
    now = timezone.now()
    objective = what if isinstance(what, Objective) else what.objective
    with transaction.atomic():
        if type(what).objects.filter(pk=what.pk, retired_at=None).update(retired_at=now):
            about = f"{type(what).__name__.lower()} {what.pk}"
            _note(objective.model, about, {"retired": False}, {"retired": True}, actor)


def _is_one_of(person: User, *names: str) -> bool:
    return bool(called(person) & {name.strip().lower() for name in names})


def _note(
    model: Model, about: str, before: changes.Facts, after: changes.Facts, actor: str
) -> None:
    changes.note("objective.changed", model, about, before, after, actor=actor)
