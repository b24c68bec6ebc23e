"""Whether a signed decision is about this request, by this person, now, and complete."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.contrib.auth.models import User

from countersign import dsse
from countersign.approval import APPROVALS, MEANINGS, Agreement, Condition, Decision
from countersign.statement import Refused, Subject, decode, digest_of
from governance.models import ApproverKey, Incident, SignOff

from .keys import name_of
from .terms import CHECKLIST

SKEW = timedelta(minutes=5)  # between the signer's clock and ours


def check_decision(
    said: Decision, subject: Subject, sign_off: SignOff, person: User, now: datetime
) -> None:
    """Raise `Refused` unless this person says this about this very request, now."""
    if _about(said, subject) != _asked(sign_off):
        raise Refused(
            "signoff.other_request",
            "The decision names another request, version, evidence or policy.",
            "$.predicate",
        )
    if said.name != name_of(person):
        raise Refused(
            "signoff.name",
            "The name in the signature is not that of the key's holder.",
            "$.predicate.name",
        )
    if abs(said.at - now) > SKEW:
        raise Refused(
            "signoff.clock",
            "The signature's time is more than 5 minutes off this appliance's clock.",
            "$.predicate.at",
        )
    _check_completeness(said)


def _check_completeness(said: Decision) -> None:
    approves = said.act in APPROVALS
    if said.meaning != MEANINGS[said.act]:
        raise Refused(
            "signoff.meaning",
            "The meaning is not the sentence that belongs to the act.",
            "$.predicate.meaning",
        )
    if approves and not set(CHECKLIST) <= set(said.checklist):
        raise Refused(
            "signoff.checklist",
            "Who approves confirms every point of the checklist.",
            "$.predicate.checklist",
        )
    if not approves and not said.reason.strip():
        raise Refused("signoff.reason", "Who rejects or revokes says why.", "$.predicate.reason")
    conditional = said.act == "approve_with_conditions"
    if bool(said.conditions) != conditional or not all(map(_is_a_bound, said.conditions)):
        raise Refused(
            "signoff.conditions",
            "Only an approval with conditions has some, each with one bound on something watched.",
            "$.predicate.conditions",
        )
    if said.review_by is not None and (not approves or said.review_by <= said.at):
        raise Refused(
            "signoff.conditions", "A review lies after the approval.", "$.predicate.review_by"
        )


def check_agreement(data: bytes, key: ApproverKey, sign_off: SignOff) -> None:
    """Raise `Refused` unless the same key signed the request's very agreement."""
    body, signers = dsse.verified(dsse.parse(data), [public_key(key)]) if data else (b"", set())
    if body != bytes(sign_off.agreement) or signers != {key.keyid}:
        raise Refused("signoff.agreement", "Who approves signs the request's agreement as it is.")


def public_key(key: ApproverKey) -> Ed25519PublicKey:
    """What verifies this key's signatures."""
    return Ed25519PublicKey.from_public_bytes(bytes(key.public_key))


def _asked(sign_off: SignOff) -> tuple[object, ...]:
    subject, agreement = decode(bytes(sign_off.agreement), Agreement)
    identity = digest_of(bytes(sign_off.agreement))
    return subject, sign_off.identity, agreement.evidence, agreement.policy, identity


def _about(said: Decision, subject: Subject) -> tuple[object, ...]:
    return subject, said.request, said.evidence, said.policy, said.agreement


def _is_a_bound(condition: Condition) -> bool:
    figures = {"incidents": Incident.Severity.values, "drift": ["alarms"]}
    known = condition.figure in figures.get(condition.kind, [condition.figure])
    return known and (condition.at_least is None) != (condition.at_most is None)
