"""What the appliance itself signs of a sign-off: once that it passed, and once that it ended."""

import msgspec
from django.conf import settings
from django.utils import timezone

from countersign import dsse
from countersign.approval import Agreement
from countersign.statement import decode
from countersign.summary import (
    CONDITIONAL,
    FAILED,
    Resource,
    Summary,
    Verifier,
    encode,
    resource_uri,
)
from governance.audit import entries
from governance.models import SignOff, SignOffSummary

from .keys import summary_key
from .requests import digest

Result = SignOffSummary.Result


def passed(sign_off: SignOff) -> SignOffSummary:
    """Sum up that the quorum approved. Inside the transaction of the last approval."""
    _, agreement = decode(bytes(sign_off.agreement), Agreement)
    levels = [agreement.level] + ([CONDITIONAL] if sign_off.conditions else [])
    return _sum_up(sign_off, Result.PASSED, levels, "")


def fail(sign_off: SignOff, reason: str) -> SignOffSummary:
    """Sum up that an approved version no longer passes, by which rule."""
    return _sum_up(sign_off, Result.FAILED, FAILED, reason)


def _sum_up(sign_off: SignOff, result: str, levels: list[str], reason: str) -> SignOffSummary:
    version, now = sign_off.version, timezone.now()
    agreement = _joined(sign_off)
    decisions = [bytes(row.envelope) for row in sign_off.decisions.order_by("pk")]
    signed = [("agreement", agreement), *(("decision", envelope) for envelope in decisions)]
    summary = Summary(
        verifier=Verifier(f"https://{settings.COUNTERSIGN_ORIGIN}"),
        time_verified=now,
        resource_uri=resource_uri(version.model.name, version.name),
        policy=_resource("policy", bytes(sign_off.policy)),
        input_attestations=[
            *(_resource(kind, content) for kind, content in signed),
            _resource("evidence", bytes(sign_off.evidence)),
        ],
        verification_result="PASSED" if result == Result.PASSED else "FAILED",
        verified_levels=levels,
        review_by=sign_off.expires_at if result == Result.PASSED else None,
        reason=reason,
    )
    envelope = dsse.sign(encode(summary, str(version), version.digest), summary_key())
    entry = entries.record(
        f"signoff.{result.lower()}",
        actor="countersign",
        version=str(version),
        request=sign_off.identity,
        artefact=version.digest,
        summary=digest(envelope),
        reason=reason,
    )
    return SignOffSummary.objects.create(
        sign_off=sign_off,
        result=result,
        envelope=envelope,
        agreement=agreement,
        made_at=now,
        entry=entry.pk,
    )


def _joined(sign_off: SignOff) -> bytes:
    """One envelope of the agreement with the signatures of all who approved: t of n."""
    approvals = sign_off.decisions.exclude(agreement=b"").order_by("pk")
    envelopes = [dsse.parse(bytes(row.agreement)) for row in approvals]
    return msgspec.json.encode(dsse.joined(envelopes))


def _resource(kind: str, content: bytes) -> Resource:
    return Resource(f"countersign:{kind}", {"sha256": digest(content)})
