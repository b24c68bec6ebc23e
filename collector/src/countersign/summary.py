"""What the appliance says of a sign-off: a SLSA Verification Summary, as an in-toto statement.

`PASSED` when the quorum of approvals is there; `FAILED` when the sign-off ends: revoked, expired,
or a condition no longer holds. It is signed once and never changed; a later one replaces it.
See slsa.dev/spec/v1.0/verification_summary. Fields of our own are named `countersign_…`, as that
specification allows; whoever doesn't know them ignores them.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .statement import Subject, decode_as, encode_as
from .tables import Digest, Moment, Wire

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
CONDITIONAL = "MRM_WITH_CONDITIONS"
FAILED = ["FAILED"]  # the level of whatever did not pass, as SLSA writes it

Uri = Annotated[str, Meta(max_length=300)]


class Verifier(Wire, frozen=True):
    """Who says it."""

    id: Uri


class Resource(Wire, frozen=True):
    """Something that the summary rests on. An attestation's digest covers its whole envelope."""

    uri: Uri
    digest: dict[Literal["sha256"], Digest]


class Summary(Wire, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The verdict on one version's artefact, by the frozen evidence and policy."""

    verifier: Verifier
    time_verified: Moment
    resource_uri: Uri
    policy: Resource
    input_attestations: Annotated[list[Resource], Meta(max_length=20)]
    verification_result: Literal["PASSED", "FAILED"]
    verified_levels: Annotated[list[Annotated[str, Meta(max_length=60)]], Meta(max_length=5)]
    review_by: Moment | None = msgspec.field(default=None, name="countersign_reviewBy")
    reason: Annotated[str, Meta(max_length=64)] = msgspec.field(
        default="", name="countersign_reason"
    )


_DECODER = msgspec.json.Decoder(Summary)


def level(tier: int | None) -> str:
    """
    >>> level(1), level(None)
    ('MRM_TIER1_APPROVED', 'MRM_UNTIERED_APPROVED')
    """
    return f"MRM_TIER{tier}_APPROVED" if tier else "MRM_UNTIERED_APPROVED"


def resource_uri(model: str, version: str) -> str:
    """
    >>> resource_uri("loans", "1")
    'countersign:loans/1'
    """
    return f"countersign:{model}/{version}"


def encode(summary: Summary, name: str, version_digest: str) -> bytes:
    """The statement's bytes; `name` is model/version."""
    return encode_as(PREDICATE_TYPE, summary, name, version_digest)


def decode(payload: bytes) -> tuple[Subject, Summary]:
    """Parse strictly; raises `Refused` and nothing else, whatever the bytes."""
    return decode_as(PREDICATE_TYPE, payload, _DECODER)
