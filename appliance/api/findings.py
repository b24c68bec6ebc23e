"""Findings of validators and auditors: told by their tools, asked for by dashboards.

Only people close findings, on the model's page: a token is nobody who could answer for it.
"""

from datetime import date, datetime
from typing import Literal

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema, Status

from countersign.tables import Slug
from governance import registry, reviews
from governance.models import ReviewFinding

from .bodies import described_json, read_json
from .credentials import Bearer, caller_of
from .registry import NotEmpty, Text

router = Router(tags=["Registry"], auth=Bearer("inventory"))
MOST = 1_000


class NewFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be mended, how much that matters, by whom and until when."""

    title: NotEmpty
    severity: Literal["high", "medium", "low"]
    owner: NotEmpty
    due: date
    text: Text = ""
    version: Slug | None = None


class Finding(Schema):
    """`closed` and `evidence_digest` are null and empty as long as it is open."""

    id: int
    model: str
    version: str | None
    title: str
    text: str
    severity: str
    owner: str
    due: date
    raised: datetime
    closed: datetime | None
    evidence: str
    evidence_digest: str


@router.get("/models/{model}/findings", response=list[Finding], auth=Bearer("read", "inventory"))
def get_findings(
    request: HttpRequest, model: str, status: Literal["open", "closed"] | None = None
) -> list[Finding]:
    """A model's newest findings, at most 1,000, of one status or of all."""
    rows: QuerySet[ReviewFinding] = registry.find_model(model).findings.all()
    if status is not None:
        rows = rows.filter(closed_at__isnull=status == "open")
    return [_told(f) for f in rows.select_related("model", "version").order_by("-pk")[:MOST]]


@router.post(
    "/models/{model}/findings", response={201: Finding}, openapi_extra=described_json(NewFinding)
)
def post_finding(request: HttpRequest, model: str) -> Status[Finding]:
    """Raise a finding."""
    new = read_json(request, NewFinding)
    finding = reviews.raise_finding(
        registry.find_model(model),
        version=registry.find_version(model, new.version) if new.version else None,
        title=new.title,
        text=new.text,
        severity=new.severity,
        owner=new.owner,
        due=new.due,
        actor=caller_of(request).actor,
    )
    return Status(201, _told(finding))


def _told(finding: ReviewFinding) -> Finding:
    return Finding(
        id=finding.pk,
        model=finding.model.name,
        version=finding.version.name if finding.version else None,
        title=finding.title,
        text=finding.text,
        severity=finding.severity,
        owner=finding.owner,
        due=finding.due,
        raised=finding.raised_at,
        closed=finding.closed_at,
        evidence=finding.evidence,
        evidence_digest=finding.evidence_digest,
    )
