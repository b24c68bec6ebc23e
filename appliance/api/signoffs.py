"""Sign-offs: pipelines ask, people sign elsewhere, and anybody's signature is brought here."""

import base64
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status

from countersign.approval import Text
from countersign.dsse import Envelope
from detectors.sign_offs import evidence_of
from governance import registry
from governance.models import SignOff
from governance.signoff import bundles, decisions, requests

from .bodies import described_json, read_json
from .credentials import Bearer, caller_of, models_of

router = Router(tags=["Sign-offs"])

MOST = 200
State = Literal[
    "waiting", "approved", "rejected", "withdrawn", "revoked", "expired", "broken", "superseded"
]

NameAsked = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class NewSignOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the version should be signed off."""

    reason: Annotated[Text, msgspec.Meta(min_length=1)]


class NewDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person signed: the decision and, where it approves, the agreement."""

    decision: Envelope
    agreement: Envelope | None = None


class SignOffLine(Schema):
    """`expires`: until when it may be decided on; once approved, when it is to be reviewed."""

    request: str = Field(alias="identity")
    model: str = Field(alias="version.model.name")
    version: str = Field(alias="version.name")
    status: str
    quorum: int
    approvals: int
    requested: datetime = Field(alias="requested_at")
    expires: datetime = Field(alias="expires_at")


class WholeSignOff(SignOffLine):
    """With what is signed: `agreement` (the statement's bytes in base64), evidence and policy.

    `countersign approve` takes this document.
    """

    agreement: str
    evidence: str
    policy: str

    @staticmethod
    def resolve_agreement(row: SignOff) -> str:
        """In base64: every byte counts."""
        return base64.b64encode(bytes(row.agreement)).decode()

    @staticmethod
    def resolve_evidence(row: SignOff) -> str:
        """The JSON text whose SHA-256 is signed."""
        return bytes(row.evidence).decode()

    @staticmethod
    def resolve_policy(row: SignOff) -> str:
        """The JSON text whose SHA-256 is signed."""
        return bytes(row.policy).decode()


class RecordedDecision(Schema):
    """What a decision made of its request."""

    request: str
    decision: str
    entry: int
    status: str


@router.post(
    "/versions/{model}/{version}/sign-offs",
    auth=Bearer("register"),
    response={201: SignOffLine},
    openapi_extra=described_json(NewSignOff),
)
def post_sign_off(request: HttpRequest, model: str, version: str) -> Status[SignOff]:
    """Ask for a sign-off: freeze evidence, policy and quorum."""
    new = read_json(request, NewSignOff)
    found = registry.find_version(model, version)
    actor = caller_of(request).actor
    sign_off = requests.request_by_pipeline(
        found, evidence_of(found), actor=actor, reason=new.reason
    )
    return Status(201, sign_off)


@router.get("/sign-offs", auth=Bearer("read"), response=list[SignOffLine])
def get_sign_offs(request: HttpRequest, status: State | None = None) -> QuerySet[SignOff]:
    """The newest sign-offs, at most 200, of one status or of all."""
    mine = SignOff.objects.filter(version__model__in=models_of(request))
    rows = mine.select_related("version__model").order_by("-pk")
    return (rows.filter(status=status) if status else rows)[:MOST]


@router.get("/sign-offs/{identity}", auth=Bearer("read"), response=WholeSignOff)
def get_sign_off(request: HttpRequest, identity: str) -> SignOff:
    """One request with all that is signed: what `countersign approve` reads."""
    found = requests.find_sign_off(identity)
    caller_of(request).demand_model(found.version.model.name)
    return found


@router.post(
    "/decisions",
    response={201: RecordedDecision},
    openapi_extra=described_json(NewDecision) | {"security": [{}]},
)
def post_decision(request: HttpRequest) -> Status[dict[str, Any]]:
    """Hand in what a person signed with an enrolled key; the signature says who it was."""
    new = read_json(request, NewDecision)
    agreement = msgspec.json.encode(new.agreement) if new.agreement else b""
    row = decisions.decide(msgspec.json.encode(new.decision), agreement)
    row.sign_off.refresh_from_db()
    told = {
        "request": row.sign_off.identity,
        "decision": row.digest,
        "entry": row.entry,
        "status": row.sign_off.status,
    }
    return Status(201, told)


@router.get("/gate", auth=Bearer("read"), response={200: dict[str, Any]})
def get_gate(
    request: HttpRequest,
    digest: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")],
    model: NameAsked = None,
    version: NameAsked = None,
) -> HttpResponse:
    """The bundle that `countersign gate` checks offline, for an artefact's SHA-256.

    The model must be named where several have a version of this digest.
    """
    models = models_of(request)
    if model is not None:
        caller_of(request).demand_model(model)
        models = models.filter(name=model)
    return HttpResponse(
        bundles.bundle_of(digest, models, version=version), content_type="application/json"
    )
