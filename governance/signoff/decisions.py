"""Take a signed decision in. Whose it is, the signature says; a log-in or a token says nothing.

All of it happens in one transaction: the request's row is taken by a conditional update, so of two
decisions at once the second one waits, and finds what the first one made of it.
"""

from datetime import datetime, timedelta

import msgspec
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from countersign import dsse
from countersign.approval import APPROVALS, Decision
from countersign.statement import Refused, decode, digest_of
from governance.access import demand
from governance.audit import entries
from governance.models import ApproverKey, SignOff, SignOffDecision

from . import summaries
from .checks import check_agreement, check_decision, public_key
from .guard import RULES, kept_by_the_database
from .requests import Status, close, find_sign_off

MAX_DECISION = 64 * 1024


def decide(
    envelope: bytes, agreement: bytes = b"", *, person: User | None = None
) -> SignOffDecision:
    """Record a decision, and what it makes of its request. Raises `Refused`.

    `envelope` holds the decision, `agreement` the agreement of whoever approves. `person` is who is
    logged in, where somebody is: a key of somebody else's is refused then.
    """
    if max(len(envelope), len(agreement)) > MAX_DECISION:
        raise Refused("envelope.too_large", "A decision has at most 65536 bytes.")
    parsed = dsse.parse(envelope)
    now = timezone.now()
    with kept_by_the_database():
        key = _holder(parsed, person)
        payload = dsse.verify(parsed, [public_key(key)])
        subject, said = decode(payload, Decision)
        if SignOffDecision.objects.filter(digest=digest_of(payload)).exists():
            raise Refused(*RULES["decision_once"])
        sign_off = find_sign_off(said.request)
        action = "signoff.revoke" if said.act == "revoke" else "signoff.decide"
        demand(key.user, action, sign_off.version.model)
        check_decision(said, subject, sign_off, key.user, now)
        if said.act in APPROVALS:
            check_agreement(agreement, key, sign_off)
        _take(sign_off, said, now)
        decision = SignOffDecision.objects.create(
            sign_off=sign_off,
            user=key.user,
            key=key,
            act=said.act,
            digest=digest_of(payload),
            envelope=msgspec.json.encode(parsed),
            agreement=msgspec.json.encode(dsse.parse(agreement)) if said.act in APPROVALS else b"",
            received_at=now,
            entry=_log(sign_off, said, key, payload),
        )
        _follow(sign_off, said, now)
    return decision


def _holder(envelope: dsse.Envelope, person: User | None) -> ApproverKey:
    """The key that is said to have signed, its holder's account locked until we are done."""
    keys = ApproverKey.objects.select_related("user").filter(keyid__in=envelope.keyids)
    key = keys.select_for_update(no_key=True).first()
    if key is None:
        raise Refused("envelope.unsigned", "No enrolled key signed this decision.")
    if person is not None and key.user_id != person.pk:
        raise Refused("signoff.other_person", "The key that signed belongs to somebody else.")
    if key.revoked_at is not None:
        raise Refused("signoff.key_revoked", "The key that signed has been revoked.")
    if not key.user.is_active:
        raise Refused("signoff.approver_inactive", "The key's holder has no active account.")
    return key


def _take(sign_off: SignOff, said: Decision, now: datetime) -> None:
    """Hold the request's row, which must wait for this act; count an approval."""
    if said.act == "revoke":
        close(sign_off, Status.APPROVED, Status.REVOKED)
    elif said.act == "reject":
        close(sign_off, Status.WAITING, Status.REJECTED)
    else:
        waiting = SignOff.objects.filter(pk=sign_off.pk, status=Status.WAITING)
        if not waiting.filter(expires_at__gt=now).update(approvals=F("approvals") + 1):
            raise Refused("signoff.closed", "This request no longer waits for signatures.")


def _log(sign_off: SignOff, said: Decision, key: ApproverKey, payload: bytes) -> int:
    entry = entries.record(
        "signoff.decided",
        actor=f"user:{key.user_id}",
        content={"name": said.name} | ({"reason": said.reason} if said.reason else {}),
        version=str(sign_off.version),
        request=sign_off.identity,
        act=said.act,
        decision=digest_of(payload),
        key=key.keyid,
    )
    return entry.pk


def _follow(sign_off: SignOff, said: Decision, now: datetime) -> None:
    """The last signature of the quorum approves; a revocation ends what was approved."""
    if said.act == "revoke":
        summaries.fail(sign_off, "signoff.revoked")
    reached = SignOff.objects.filter(
        pk=sign_off.pk, status=Status.WAITING, approvals=F("quorum")
    ).exists()
    if reached:
        _approve(sign_off, now)


def _approve(sign_off: SignOff, now: datetime) -> None:
    approvals = [decode_decision(row) for row in sign_off.decisions.order_by("pk")]
    days = msgspec.json.decode(bytes(sign_off.policy))["review_days"]
    asked = [said.review_by for said in approvals if said.review_by is not None]
    conditions = [condition for said in approvals for condition in said.conditions]
    SignOff.objects.filter(version=sign_off.version, status=Status.APPROVED).update(
        status=Status.SUPERSEDED
    )
    close(
        sign_off,
        Status.WAITING,
        Status.APPROVED,
        expires_at=min([now + timedelta(days=days), *asked]),
        conditions=msgspec.to_builtins(conditions),
    )
    sign_off.refresh_from_db()
    summaries.passed(sign_off)


def decode_decision(row: SignOffDecision) -> Decision:
    """What a person signed; it was verified when it came in."""
    return decode(dsse.payload_of(dsse.parse(bytes(row.envelope))), Decision)[1]
