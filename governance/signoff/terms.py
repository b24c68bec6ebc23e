"""How many signatures a tier needs, for how long they hold, and what is checked before signing."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from countersign.statement import Refused
from governance.access import demand
from governance.audit import entries
from governance.models import SignOffTerms

MOST_SIGNATURES = 9
LONGEST_REVIEW = 3_660  # days
CHECKLIST = {
    "purpose": "The purpose and its limits are stated, and this version fits them.",
    "evidence": "I have read the frozen evidence: performance, fairness, drift, open incidents.",
    "monitoring": "The monitors and the conditions suffice to notice when it fails.",
    "independence": "I neither developed nor submitted this version.",
}


@dataclass(frozen=True)
class Terms:
    """`quorum`: signatures needed. `review_days`: until the sign-off must be reviewed."""

    quorum: int
    review_days: int


DEFAULTS = {1: Terms(2, 180), 2: Terms(2, 365), 3: Terms(1, 730)}


def terms_of(tier: int | None) -> Terms:
    """What holds for a tier now. A model without a tier is treated like the most important."""
    tier = tier or 1
    said = SignOffTerms.objects.filter(tier=tier).order_by("-pk").first()
    return Terms(said.quorum, said.review_days) if said else DEFAULTS[tier]


def set_terms(tier: int, terms: Terms, *, person: User, reason: str) -> None:
    """Let a tier need something else, from the next request on. Raises `Refused`."""
    demand(person, "policy.approve")
    possible = 1 <= terms.quorum <= MOST_SIGNATURES and 1 <= terms.review_days <= LONGEST_REVIEW
    if tier not in DEFAULTS or not possible:
        raise Refused("signoff.terms", "A tier is 1 to 3, a quorum 1 to 9, a review 1 to 3660 days")
    if not reason.strip():
        raise Refused("policy.no_reason", "Say why the policy is changed.")
    actor = f"user:{person.pk}"
    told = {"tier": tier, "quorum": terms.quorum, "review_days": terms.review_days}
    with transaction.atomic():
        SignOffTerms.objects.create(**told, reason=reason.strip(), actor=actor)
        entries.record("signoff.terms_set", actor=actor, content={"reason": reason}, **told)
