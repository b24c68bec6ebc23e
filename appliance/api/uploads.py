"""An upload's way from the request to intake: who vouches for it, which bytes, and the receipt."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.http import HttpRequest
from django.utils import timezone
from ninja import Schema, Status

from countersign import dsse
from countersign.statement import MAX_BYTES, Predicate, Refused
from detectors import firewall
from detectors.intake import Receipt, Upload
from detectors.refusals import record_refusal
from governance import senders
from governance.pace import TooFast, keep_pace
from governance.senders import Caller

from .bodies import JSON, content_type, read_body
from .credentials import bearer

ENVELOPE = "application/vnd.dsse+json"


class Accepted(Schema):
    """A statement's SHA-256, the number of its log entry, and when it was received."""

    digest: str
    entry: int
    received: datetime


def accept(request: HttpRequest, verb: Callable[[Upload], Receipt]) -> Receipt:
    """Find out who vouches for the bytes, then hand them to one of intake's verbs."""
    with _refusals_recorded(None):
        caller, signed, signatures = _vouched(request)
    _keep_pace(caller)
    with _refusals_recorded(caller):
        caller.demand("upload")
        payload = read_body(request, MAX_BYTES) if signed is None else signed
        firewall.refuse_profiles(payload)  # whatever it is said to be
        if content_type(request) not in (ENVELOPE, JSON):
            raise Refused("upload.content_type", f"A statement is sent as {ENVELOPE} or {JSON}.")
        return verb(Upload(payload, signatures, caller, timezone.now()))


def answer(receipt: Receipt, **more: str) -> Status[dict[str, Any]]:
    """202 for a new statement, 200 for one that was here already."""
    told = {"digest": receipt.digest, "entry": receipt.entry, "received": receipt.received}
    return Status(202 if receipt.new else 200, told | more)


def described(kind: type[Predicate]) -> dict[str, Any]:
    """What OpenAPI says of an upload: a statement as it is, or in an envelope."""
    statement = {"$ref": f"#/components/schemas/{kind.__name__}Statement"}
    envelope = {"$ref": "#/components/schemas/Envelope"}
    return {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": statement}, ENVELOPE: {"schema": envelope}},
        },
        "security": [{"Bearer": []}, {}],
    }


def _vouched(request: HttpRequest) -> tuple[Caller, bytes | None, list[dict[str, str]]]:
    """Who vouches for an upload; by a signature of these bytes, or by a token for the body."""
    if content_type(request) == ENVELOPE:
        payload, signatures, caller = _verified(read_body(request, dsse.MAX_ENVELOPE))
        return caller, payload, signatures
    return bearer(request), None, []


def _verified(data: bytes) -> tuple[bytes, list[dict[str, str]], Caller]:
    """Bytes, signatures and signer of an envelope. What is parsed later is what was verified."""
    envelope = dsse.parse(data)
    known = [s for each in envelope.signatures if (s := senders.find_sender(each.keyid))]
    keys = [Ed25519PublicKey.from_public_bytes(bytes(sender.public_key)) for sender in known]
    payload = dsse.verify(envelope, keys)
    return payload, msgspec.to_builtins(envelope.signatures), senders.signer(known[0])


def _keep_pace(caller: Caller) -> None:
    """Raises `TooFast`; of a minute's refusals only the first is recorded, or they would flood."""
    try:
        keep_pace(caller.actor, timezone.now())
    except TooFast as refusal:
        if refusal.first:
            record_refusal(caller, refusal.rule)
        raise


@contextmanager
def _refusals_recorded(caller: Caller | None) -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        record_refusal(caller, refusal.rule)
        raise
