"""Exemptions: a model need not follow some settings until a day, if a second person agrees.

Only settings of the alert policy can be exempted; nobody is exempted from privacy. An exemption
that is over stops working by itself: it is no longer read.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import access
from governance.audit import entries
from governance.models import Exemption, Model
from governance.policies import lock_policies
from governance.policy_settings import ORDERS, Settings, plain
from governance.proposals import checked_reason

LONGEST = timedelta(days=366)


def request_exemption(
    model: Model,
    settings: Settings,
    *,
    owner: User,
    expires_at: datetime,
    reason: str,
    by: User,
) -> Exemption:
    """Ask for one. It holds from its approval on. Raises `Refused`."""
    access.demand(by, "exception.request", model)
    reason, said = checked_reason(reason), plain(settings)
    if not timezone.now() < expires_at <= timezone.now() + LONGEST:
        raise Refused(
            "exemption.expiry", f"It ends within {LONGEST.days} days from now.", "$.expires_at"
        )
    if not said or any(ORDERS[name] is None for name in said):
        raise Refused(
            "exemption.settings",
            "It is about settings that have an order; others a model's own policy says.",
            "$.settings",
        )
    with transaction.atomic():
        exemption = Exemption.objects.create(
            model=model,
            said=said,
            reason=reason,
            owner=owner,
            expires_at=expires_at,
            requested_by=by,
        )
        _record("exemption.requested", exemption, by, reason=reason)
    return exemption


def approve_exemption(exemption: Exemption, *, by: User) -> None:
    """Let it hold: neither who asked nor who owns it may. Raises `Refused`."""
    access.demand(by, "exception.approve", exemption.model)
    if by.pk in (exemption.requested_by_id, exemption.owner_id):
        raise Refused(
            "exemption.same_person", "Another person than who asked and who owns it approves."
        )
    now = timezone.now()
    with transaction.atomic():
        lock_policies()
        waiting = Exemption.objects.filter(
            pk=exemption.pk, approved_at=None, ended_at=None, expires_at__gt=now
        )
        if not waiting.update(approved_by=by, approved_at=now):
            raise Refused("exemption.decided", "It was approved, ended or is over already.")
        _record("exemption.approved", exemption, by)


def end_exemption(exemption: Exemption, *, by: User) -> None:
    """Before its time, or before it was approved. Raises `Refused`."""
    if not access.may(by, "exception.approve", exemption.model.business_unit):
        access.demand(by, "exception.request", exemption.model)
    with transaction.atomic():
        lock_policies()
        open_ones = Exemption.objects.filter(pk=exemption.pk, ended_at=None)
        if not open_ones.update(ended_at=timezone.now()):
            raise Refused("exemption.decided", "It was ended already.")
        _record("exemption.ended", exemption, by)


def _record(kind: str, exemption: Exemption, by: User, **content: str) -> None:
    entries.record(
        kind,
        actor=f"user:{by.pk}",
        content=content,
        exemption=exemption.pk,
        model=exemption.model.name,
        settings=sorted(exemption.said),
        expires=exemption.expires_at,
    )
