"""From a request to a verdict: who may, what is signed, and what is refused under which rule."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import Key, SSlibKey

from countersign import dsse, summary
from countersign.approval import Condition
from countersign.statement import Refused
from governance import registry
from governance.audit import recent
from governance.models import (
    ApproverKey,
    Developer,
    Membership,
    SignOff,
    SignOffDecision,
    SignOffSummary,
)
from governance.signoff import checks, keys, requests
from governance.signoff.decisions import decide
from tests.cast import Role, somebody

from .cast import AUROC, Cast, Signer, signer

pytestmark = pytest.mark.django_db


def refused(rule: str, action: Any, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(Refused) as refusal:
        action(*args, **kwargs)
    assert refusal.value.rule == rule, str(refusal.value)


def status(sign_off: SignOff) -> str:
    sign_off.refresh_from_db()
    return sign_off.status


def test_two_people_approve_and_the_appliance_sums_it_up_once(cast: Cast) -> None:
    sign_off = cast.request()
    cast.vera.decide(sign_off)
    assert status(sign_off) == "waiting"
    assert not sign_off.summaries.exists()
    cast.paul.decide(sign_off)
    assert status(sign_off) == "approved"
    told = sign_off.summaries.get()
    _, verdict = summary.decode(
        dsse.verify(dsse.parse(bytes(told.envelope)), [keys.summary_key().public_key()])
    )
    assert (verdict.verification_result, verdict.verified_levels) == (
        "PASSED",
        ["MRM_TIER1_APPROVED"],
    )
    assert verdict.review_by == sign_off.expires_at
    kinds = [entry.kind for entry in recent.newest(5)]
    assert kinds[:3] == ["signoff.passed", "signoff.decided", "signoff.decided"]


def test_the_envelope_of_all_approvals_verifies_two_of_two_elsewhere(cast: Cast) -> None:
    told = cast.approved().summaries.get()
    envelope = Envelope.from_dict(json.loads(bytes(told.agreement)))
    public: list[Key] = [
        SSlibKey.from_crypto(s.key.public_key(), dsse.keyid(s.key.public_key()))
        for s in (cast.vera, cast.paul)
    ]
    stranger = SSlibKey.from_crypto(Ed25519PrivateKey.generate().public_key())
    assert len(envelope.verify(public, 2)) == 2
    with pytest.raises(VerificationError):
        envelope.verify([public[0], stranger], 2)
    envelope.payload += b" "
    with pytest.raises(VerificationError):
        envelope.verify(public, 2)


def test_conditions_of_all_who_approve_go_with_the_approval(cast: Cast) -> None:
    sign_off = cast.request()
    soon = datetime.now(UTC) + timedelta(days=30)
    cast.vera.decide(sign_off, "approve_with_conditions", review_by=soon)
    cast.paul.decide(sign_off)
    assert status(sign_off) == "approved"
    assert sign_off.conditions == [{"kind": "performance", "figure": "auroc", "at_least": 0.75}]
    assert sign_off.expires_at == soon
    _, verdict = summary.decode(
        dsse.payload_of(dsse.parse(bytes(sign_off.summaries.get().envelope)))
    )
    assert verdict.verified_levels == ["MRM_TIER1_APPROVED", "MRM_WITH_CONDITIONS"]


def test_one_rejection_ends_a_request(cast: Cast) -> None:
    sign_off = cast.request()
    cast.vera.decide(sign_off)
    cast.paul.decide(sign_off, "reject")
    assert status(sign_off) == "rejected"
    assert not sign_off.summaries.exists()
    cast.request()  # another may be made


def test_a_revocation_ends_an_approval_and_fails_the_version(cast: Cast) -> None:
    sign_off = cast.approved()
    cast.vera.decide(sign_off, "revoke")
    assert status(sign_off) == "revoked"
    told = SignOffSummary.objects.latest("pk")
    assert told.result == "FAILED"
    _, verdict = summary.decode(dsse.payload_of(dsse.parse(bytes(told.envelope))))
    assert (verdict.verified_levels, verdict.reason) == (["FAILED"], "signoff.revoked")


def test_a_later_approval_replaces_an_earlier_one(cast: Cast) -> None:
    first, second = cast.approved(), cast.approved()
    assert (status(first), status(second)) == ("superseded", "approved")
    assert SignOffSummary.objects.latest("pk").sign_off == second


def test_who_submitted_or_developed_it_decides_nothing(cast: Cast) -> None:
    submitter = signer("mia", Role.OWNER, Role.VALIDATOR)
    sign_off = cast.request(person=submitter.user)
    for each in (submitter, cast.dora):
        for act in ("approve", "reject"):
            refused("signoff.four_eyes", each.decide, sign_off, act)
    assert status(sign_off) == "waiting"
    assert (sign_off.approvals, sign_off.decisions.count()) == (0, 0)


def test_a_developer_is_known_by_half_a_name_and_a_blank_is_nobody(cast: Cast) -> None:
    User.objects.filter(username="vera").update(first_name="Veronica")
    cast.vera.user.refresh_from_db()
    sign_off = cast.request()
    Developer.objects.create(version=cast.version, name=" ")
    Developer.objects.create(version=cast.version, name="veronica ")
    refused("signoff.four_eyes", cast.vera.decide, sign_off)
    assert cast.vera.user not in requests.eligible(cast.version, cast.ada)
    cast.paul.decide(sign_off)


@pytest.mark.parametrize("name", ["VERA", "Vera Klein", "vera@bank.example"])
def test_a_developer_is_known_by_account_name_or_address(cast: Cast, name: str) -> None:
    User.objects.filter(username="vera").update(
        first_name="Vera", last_name="Klein", email="Vera@bank.example"
    )
    cast.vera.user.refresh_from_db()
    sign_off = cast.request()
    Developer.objects.create(version=cast.version, name=name)
    refused("signoff.four_eyes", cast.vera.decide, sign_off)
    assert cast.vera.user not in requests.eligible(cast.version, cast.ada)


def test_whoever_decided_is_no_developer_afterwards(cast: Cast) -> None:
    sign_off = cast.request()
    cast.vera.decide(sign_off)
    facts: dict[str, Any] = {"actor": "user:1", "run": "r1"}
    name = partial(registry.register_version, "loans", "1", cast.version.digest, **facts)
    refused("signoff.four_eyes", name, developers=["grace", "Vera"])
    assert registry.developers_of(cast.version) == ["Dora"]
    cast.version.refresh_from_db()
    assert cast.version.run == "", "a refusal leaves nothing half-written"
    name(developers=["grace"])


@pytest.mark.parametrize(
    "change",
    ["quorum = 1", "evidence = 'x'", "policy = 'x'", "submitter_id = NULL", "agreement = 'x'"],
)
def test_the_database_keeps_a_request_as_it_was_made(cast: Cast, change: str) -> None:
    sign_off = cast.request()
    with (
        pytest.raises(IntegrityError, match=r"signoff\.frozen"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE governance_signoff SET {change} WHERE id = %s", [sign_off.pk])


def test_the_database_lets_only_the_quorum_approve(cast: Cast) -> None:
    sign_off = cast.request()
    cast.vera.decide(sign_off)
    with pytest.raises(IntegrityError, match=r"signoff\.quorum"), transaction.atomic():
        SignOff.objects.filter(pk=sign_off.pk).update(status="approved", approvals=2)
    cast.paul.decide(sign_off, "reject")
    with pytest.raises(IntegrityError, match=r"signoff\.quorum"), transaction.atomic():
        SignOff.objects.filter(pk=sign_off.pk).update(status="approved")


def test_the_database_keeps_decisions(cast: Cast) -> None:
    cast.vera.decide(cast.request())
    with pytest.raises(IntegrityError, match=r"log\.append_only"), transaction.atomic():
        SignOffDecision.objects.update(act="reject")


def test_the_quorum_is_the_one_of_the_request(cast: Cast) -> None:
    sign_off = cast.request()
    cast.demand(signatures=1)
    cast.vera.decide(sign_off)
    assert status(sign_off) == "waiting"
    cast.paul.decide(sign_off, "reject")
    assert cast.request().quorum == 1


def test_a_request_needs_enough_people_and_one_at_a_time(cast: Cast) -> None:
    refused("signoff.reason", cast.request, reason="  ")
    refused("access.denied", cast.request, person=cast.dan)
    cast.demand(signatures=3)
    refused("signoff.too_few_approvers", cast.request)
    cast.demand(signatures=2)
    cast.request()
    refused("signoff.waiting", cast.request)


def test_a_pipeline_asks_only_where_developers_are_named(cast: Cast) -> None:
    asked = {"actor": "token:3", "reason": "Nightly."}
    Developer.objects.all().delete()
    refused("signoff.no_developer", requests.request_by_pipeline, cast.version, {}, **asked)
    Developer.objects.create(version=cast.version, name="dora")
    assert requests.request_by_pipeline(cast.version, {}, **asked).submitter is None


def test_what_is_withdrawn_or_over_takes_no_signature(cast: Cast) -> None:
    sign_off = cast.request()
    requests.withdraw(sign_off, person=cast.ada)
    refused("signoff.closed", cast.vera.decide, sign_off)
    refused("signoff.closed", requests.withdraw, sign_off, person=cast.ada)
    refused("signoff.not_in_force", cast.vera.decide, sign_off, "revoke")
    late = cast.request()
    SignOff.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    refused("signoff.closed", cast.vera.decide, late)


def test_the_same_signature_twice_is_a_replay(cast: Cast) -> None:
    sign_off = cast.request()
    envelopes = cast.vera.signed(sign_off)
    decide(*envelopes)
    refused("signoff.replayed", decide, *envelopes)
    refused("signoff.signed_already", cast.vera.decide, sign_off)
    refused("signoff.signed_already", cast.vera.decide, sign_off, "reject")
    sign_off.refresh_from_db()
    assert sign_off.approvals == 1


def test_an_old_approval_says_nothing_about_a_new_request(cast: Cast) -> None:
    old = cast.request()
    told, agreed = cast.vera.signed(old)
    cast.paul.decide(old, "reject")
    new = cast.request()
    refused("signoff.closed", decide, told, agreed)
    refused("signoff.other_request", cast.vera.decide, old, request=new.identity)
    decision, _ = cast.vera.signed(new)
    refused("signoff.agreement", decide, decision, agreed)
    assert not new.decisions.exists()


SAID_WRONG = {
    "another version": ({"version": "2"}, "signoff.other_request"),
    "other evidence": ({"evidence": "0" * 64}, "signoff.other_request"),
    "another policy": ({"policy": "0" * 64}, "signoff.other_request"),
    "another agreement": ({"agreement": "0" * 64}, "signoff.other_request"),
    "no such request": ({"request": "0" * 32}, "signoff.unknown"),
    "another's name": ({"name": "paul"}, "signoff.name"),
    "another meaning": ({"meaning": "I saw it."}, "signoff.meaning"),
    "nothing checked": ({"checklist": ["purpose"]}, "signoff.checklist"),
    "conditions without saying so": ({"conditions": [AUROC]}, "signoff.conditions"),
    "a review that was": (
        {"review_by": datetime(2020, 1, 1, tzinfo=UTC)},
        "signoff.conditions",
    ),
    "a clock ahead": ({"at": datetime.now(UTC) + timedelta(days=1)}, "signoff.clock"),
    "a clock behind": ({"at": datetime.now(UTC) - timedelta(days=1)}, "signoff.clock"),
}


@pytest.mark.parametrize(("changes", "rule"), SAID_WRONG.values(), ids=SAID_WRONG)
def test_what_was_signed_must_be_about_this_by_this_person_now(
    cast: Cast, changes: dict[str, Any], rule: str
) -> None:
    sign_off = cast.request()
    refused(rule, cast.vera.decide, sign_off, **changes)
    assert not sign_off.decisions.exists()


BOUNDS = {
    "none": Condition(kind="performance", figure="auroc"),
    "two": Condition(kind="performance", figure="auroc", at_least=0.1, at_most=0.9),
    "no severity": Condition(kind="incidents", figure="auroc", at_most=0.0),
    "no drift figure": Condition(kind="drift", figure="auroc", at_most=0.0),
}


@pytest.mark.parametrize("condition", BOUNDS.values(), ids=BOUNDS)
def test_a_condition_has_one_bound_on_something_watched(cast: Cast, condition: Condition) -> None:
    conditions = [condition]
    for act in ("approve_with_conditions", "approve_with_conditions"):
        refused("signoff.conditions", cast.vera.decide, cast.request(), act, conditions=conditions)
        break


def test_a_rejection_says_why(cast: Cast) -> None:
    refused("signoff.reason", cast.vera.decide, cast.request(), "reject", reason=" ")


def test_only_a_key_that_is_enrolled_valid_and_held_by_an_active_person_signs(cast: Cast) -> None:
    sign_off = cast.request()
    stranger = Signer(cast.vera.user, Ed25519PrivateKey.generate())
    refused("envelope.unsigned", stranger.decide, sign_off)
    refused("signoff.other_person", decide, *cast.vera.signed(sign_off), person=cast.paul.user)
    forged = json.loads(stranger.signed(sign_off)[0])
    forged["signatures"][0]["keyid"] = dsse.keyid(cast.vera.key.public_key())
    refused("envelope.bad_signature", decide, json.dumps(forged).encode())
    mixed = cast.vera.signed(sign_off)[0], cast.paul.signed(sign_off)[1]
    refused("signoff.agreement", decide, *mixed)
    outsider = signer("eve", Role.APPROVER)
    Membership.objects.filter(user=outsider.user).delete()
    refused("access.denied", outsider.decide, sign_off)
    cast.vera.user.is_active = False
    cast.vera.user.save()
    refused("signoff.approver_inactive", cast.vera.decide, sign_off)
    keys.revoke_approver_key(
        ApproverKey.objects.get(user=cast.paul.user), actor=f"user:{cast.paul.user.pk}"
    )
    refused("signoff.key_revoked", cast.paul.decide, sign_off)
    assert not sign_off.decisions.exists()


def altered(whole: bytes, step: int = 1) -> Iterator[bytes]:
    """The bytes with one of them changed, each in turn."""
    for at in range(0, len(whole), step):
        yield whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


def test_an_approval_altered_in_any_byte_is_refused(cast: Cast) -> None:
    """Every byte for the checks by themselves; every 7th all the way through the database."""
    sign_off = cast.request()
    decision, agreement = cast.vera.signed(sign_off)
    key = ApproverKey.objects.get(user=cast.vera.user)
    for wrong in altered(decision):
        with pytest.raises(Refused):
            dsse.verify(dsse.parse(wrong), [checks.public_key(key)])
    for wrong in altered(agreement):
        with pytest.raises(Refused):
            checks.check_agreement(wrong, key, sign_off)
    for pair in (
        *((wrong, agreement) for wrong in altered(decision, 7)),
        *((decision, wrong) for wrong in altered(agreement, 7)),
    ):
        with pytest.raises(Refused):
            decide(*pair)
    assert not sign_off.decisions.exists()
    decide(decision, agreement)


def test_a_summary_altered_in_any_byte_is_refused(cast: Cast) -> None:
    whole, ours = bytes(cast.approved().summaries.get().envelope), keys.summary_key().public_key()
    for wrong in altered(whole):
        with pytest.raises(Refused):
            dsse.verify(dsse.parse(wrong), [ours])
    dsse.verify(dsse.parse(whole), [ours])


def test_a_key_belongs_to_one_person(cast: Cast) -> None:
    public = cast.vera.key.public_key().public_bytes_raw()
    enrol = keys.enrol_approver_key
    refused("key.already_enrolled", enrol, cast.paul.user, label="x", public_key=public)
    refused("key.malformed", enrol, cast.paul.user, label="x", public_key=b"short")
    refused("access.denied", enrol, somebody("fay", Role.AUDITOR), label="x", public_key=bytes(32))
