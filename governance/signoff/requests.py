"""Ask for a sign-off: evidence, policy and quorum are frozen, so that what is signed is what was
read. A request ends by its quorum, a rejection, a withdrawal or its time; time never approves.
"""

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from countersign.approval import Agreement
from countersign.statement import Refused, encode
from countersign.summary import level
from governance import policies
from governance.access import EVERYWHERE, ROLES_OF, demand
from governance.accounts import called
from governance.audit import entries
from governance.incidents import SYSTEM
from governance.models import Model, SignOff, Version

from .guard import kept_by_the_database
from .terms import CHECKLIST, quorum_of

OPEN_FOR = timedelta(days=30)  # that long a request can be decided on
LARGEST_EVIDENCE = 2 * 1024 * 1024
MOST_WORDS = 2_000

Evidence = Mapping[str, Any]
Status = SignOff.Status


def request_sign_off(version: Version, evidence: Evidence, *, person: User, reason: str) -> SignOff:
    """A person asks that the version be signed off. Raises `Refused`."""
    demand(person, "signoff.request", version.model)
    return _freeze(version, evidence, submitter=person, actor=f"user:{person.pk}", reason=reason)


def request_by_pipeline(
    version: Version, evidence: Evidence, *, actor: str, reason: str
) -> SignOff:
    """A pipeline asks. Somebody stands behind it, so the developers must be known by name."""
    if not version.developers.exists():
        raise Refused("signoff.no_developer", "Nobody is named as a developer of this version.")
    return _freeze(version, evidence, submitter=None, actor=actor, reason=reason)


def ask_again(ended: SignOff, evidence: Evidence, *, reason: str) -> None:
    """A review of what was approved, on behalf of who asked before; unless one waits already.

    If none can be asked for, the approval ends all the same, and people ask.
    """
    if not SignOff.objects.filter(version=ended.version, status=Status.WAITING).exists():
        with suppress(Refused):
            _freeze(ended.version, evidence, submitter=ended.submitter, actor=SYSTEM, reason=reason)


def withdraw(sign_off: SignOff, *, person: User) -> None:
    """Take a request back. Raises `Refused` (`signoff.closed`) once it is decided."""
    demand(person, "signoff.request", sign_off.version.model)
    with transaction.atomic():
        close(sign_off, Status.WAITING, Status.WITHDRAWN)
        entries.record("signoff.withdrawn", actor=f"user:{person.pk}", request=sign_off.identity)


def close(sign_off: SignOff, before: str, after: str, **changes: object) -> None:
    """`moved`, or raise `Refused` (`signoff.closed`, `signoff.not_in_force`)."""
    if moved(sign_off, before, after, **changes):
        return
    if before == Status.APPROVED:
        raise Refused("signoff.not_in_force", "There is no approval in force to be ended.")
    raise Refused("signoff.closed", "This request no longer waits for signatures.")


def moved(sign_off: SignOff, before: str, after: str, **changes: object) -> bool:
    """The one way from a status to another. Of two at once, the second moves nothing."""
    mine = SignOff.objects.filter(pk=sign_off.pk, status=before)
    return bool(mine.update(status=after, decided_at=timezone.now(), **changes))


def find_sign_off(identity: str) -> SignOff:
    """A request by its identity. Raises `Refused` (`signoff.unknown`)."""
    rows = SignOff.objects.select_related("version__model", "submitter")
    found = rows.filter(identity=identity).first()
    if found is None:
        raise Refused("signoff.unknown", "There is no request of this identity.")
    return found


def eligible(version: Version, submitter: User | None) -> list[User]:
    """Who may decide on the version, if this person submits it."""
    people = User.objects.filter(
        is_active=True,
        memberships__role__in=ROLES_OF["signoff.decide"],
        memberships__business_unit__in=[EVERYWHERE, version.model.business_unit],
    )
    developers = {
        name.strip().lower() for name in version.developers.values_list("name", flat=True)
    }
    return [
        person
        for person in people.distinct()
        if person != submitter and developers.isdisjoint(called(person))
    ]


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _freeze(
    version: Version, evidence: Evidence, *, submitter: User | None, actor: str, reason: str
) -> SignOff:
    reason = reason.strip()
    if not reason or len(reason) > MOST_WORDS:
        raise Refused("signoff.reason", "Say why, in at most 2000 characters.", "$.reason")
    told, policy = _canonical(evidence), policies.in_force(version.model)
    quorum = quorum_of(version.model, policy)
    if len(told) > LARGEST_EVIDENCE:
        raise Refused("signoff.evidence", "The evidence is too large to be frozen.")
    # A review that the system asks for waits until there are enough people.
    if actor != SYSTEM and len(eligible(version, submitter)) < quorum:
        raise Refused(
            "signoff.too_few_approvers",
            f"{quorum} people must sign who neither submit nor developed it.",
        )
    frozen = _canonical(_judged_by(version.model, policy, quorum))
    agreement = _agreement(version, told, frozen, quorum)
    now = timezone.now()
    with kept_by_the_database():
        sign_off = SignOff.objects.create(
            version=version,
            identity=agreement.request,
            submitter=submitter,
            actor=actor,
            reason=reason,
            evidence=told,
            policy=frozen,
            agreement=encode(agreement, version.digest),
            quorum=quorum,
            requested_at=now,
            expires_at=now + OPEN_FOR,
        )
        entries.record(
            "signoff.requested",
            actor=actor,
            content={"reason": reason},
            version=str(version),
            request=agreement.request,
            evidence=agreement.evidence,
            policy=agreement.policy,
            quorum=quorum,
        )
    return sign_off


def _agreement(version: Version, evidence: bytes, policy: bytes, quorum: int) -> Agreement:
    return Agreement(
        model=version.model.name,
        version=version.name,
        request=secrets.token_hex(16),
        evidence=digest(evidence),
        policy=digest(policy),
        quorum=quorum,
        level=level(version.model.tier),
    )


def _judged_by(model: Model, policy: policies.Policy, quorum: int) -> dict[str, Any]:
    """The policy as it is now."""
    return {
        "tier": model.tier,
        "quorum": quorum,
        "review_days": policy.review_days,
        "checklist": CHECKLIST,
        "monitoring": policy.digest,
    }


def _canonical(value: Mapping[str, Any]) -> bytes:
    """Keys sorted, no white space; figures that are not finite are null."""
    return msgspec.json.encode(value, order="sorted")


def expired(now: datetime) -> QuerySet[SignOff]:
    """Requests and approvals whose time is over."""
    running = Q(status__in=[Status.WAITING, Status.APPROVED])
    rows = SignOff.objects.select_related("version__model", "submitter")
    return rows.filter(running, expires_at__lte=now)
