"""Enrolment: a one-time token turns a collector's public key into a sender."""

import base64
import binascii
from typing import Annotated

import msgspec
from django.http import HttpRequest
from ninja import Router, Schema, Status

from countersign.statement import Refused
from detectors import plans
from governance import senders

from .bodies import described_json, read_json

router = Router(tags=["Senders"])

SenderName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$(?!\n)")]
Secret = Annotated[str, msgspec.Meta(max_length=200)]


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`public_key`: the 32 raw bytes of an Ed25519 public key in base64."""

    token: Secret
    name: SenderName
    public_key: Secret


class EnrolledKey(Schema):
    """The bearer token is told only here. `appliance_public_key` (base64) signs the plans."""

    keyid: str
    name: str
    bearer: str
    appliance_public_key: str


@router.post("/keys", response={201: EnrolledKey}, openapi_extra=described_json(NewKey))
def post_key(request: HttpRequest) -> Status[EnrolledKey]:
    """Enrol an Ed25519 public key with a one-time token from an administrator."""
    new = read_json(request, NewKey)
    sender, bearer = senders.enrol_key(new.token, name=new.name, public_key=_raw(new.public_key))
    ours = plans.plan_key().public_key().public_bytes_raw()
    enrolled = EnrolledKey(
        keyid=sender.keyid,
        name=sender.name,
        bearer=bearer,
        appliance_public_key=base64.b64encode(ours).decode(),
    )
    return Status(201, enrolled)


def _raw(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise Refused("key.malformed", "A public key is 32 bytes in base64.", "$.public_key")
    return key
