"""Alert policies as files: what is in force, each version, and proposing one."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status

from countersign.statement import Refused
from governance import proposals
from governance.models import PolicyVersion
from governance.policy_files import LARGEST, read_file, write_file

from .bodies import content_type, read_body
from .credentials import Bearer, LoggedIn, models_of, person_of

YAML = "application/yaml"
router = Router(tags=["Policies"])


class Line(Schema):
    """One version; its file is at /policies/{number}."""

    number: int
    level: str
    status: str
    digest: str


@router.get("/policies", response=list[Line], auth=Bearer("read"))
def list_policies(request: HttpRequest) -> list[dict[str, Any]]:
    """What each level says now."""
    rows = _visible(request).filter(status=PolicyVersion.Status.IN_FORCE)
    return [_line(version) for version in rows.order_by("pk")]


@router.get(
    "/policies/{int:number}",
    auth=Bearer("read"),
    openapi_extra={"responses": {200: {"content": {YAML: {"schema": {"type": "string"}}}}}},
)
def get_policy(request: HttpRequest, number: int) -> HttpResponse:
    """A version as the file that proposes it (docs/formats/policy.json)."""
    version = _visible(request).filter(pk=number).first() if number < 2**63 else None
    if version is None:
        raise Refused("policy.unknown", "No policy version has this number.")
    return HttpResponse(write_file(version), content_type=f"{YAML}; charset=utf-8")


@router.post(
    "/policies",
    response={201: Line},
    auth=LoggedIn(),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {YAML: {"schema": {"$ref": "#/components/schemas/PolicyFile"}}},
        }
    },
)
def propose_policy(request: HttpRequest) -> Status[dict[str, Any]]:
    """Propose what a file says, as the person who is logged in. Another one approves, on a page."""
    if content_type(request) != YAML:
        raise Refused("upload.content_type", f"This address takes {YAML}.")
    level, settings, reason = read_file(read_body(request, LARGEST))
    version = proposals.propose(level, settings, by=person_of(request), reason=reason)
    return Status(201, _line(version))


def _visible(request: HttpRequest) -> QuerySet[PolicyVersion]:
    """The policies of wider levels, and those of the models that the key or token is for."""
    rows = PolicyVersion.objects.filter(Q(model=None) | Q(model__in=models_of(request)))
    return rows.select_related("model")


def _line(version: PolicyVersion) -> dict[str, Any]:
    return {
        "number": version.pk,
        "level": str(version),
        "status": version.status,
        "digest": version.digest,
    }
