"""Incidents, for pipelines and dashboards of the customer's own."""

from datetime import datetime
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema

from governance.models import Incident

from .credentials import Bearer, models_of

router = Router(tags=["Incidents"], auth=Bearer("read"))

MOST = 200


class IncidentSummary(Schema):
    """`findings`: what the newest window showed, worst first."""

    id: int
    model: str = Field(alias="version.model.name")
    version: str = Field(alias="version.name")
    deployment: str
    cause: str
    status: str
    severity: str
    title: str
    opened: datetime = Field(alias="opened_at")
    first_window: datetime
    last_window: datetime
    windows: int
    findings: list[dict[str, Any]]


@router.get("/incidents", response=list[IncidentSummary])
def get_incidents(
    request: HttpRequest, status: Literal["open", "acknowledged", "resolved"] | None = None
) -> QuerySet[Incident]:
    """The newest incidents, at most 200, of one status or of all."""
    mine = Incident.objects.filter(version__model__in=models_of(request))
    incidents = mine.select_related("version__model").order_by("-opened_at", "-pk")
    if status is not None:
        incidents = incidents.filter(status=status)
    return incidents[:MOST]
