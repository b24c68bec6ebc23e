"""Incidents, for pipelines and dashboards of the customer's own."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema

from governance.models import Incident

from .credentials import Bearer

router = Router(tags=["Incidents"], auth=Bearer("read"))

MOST = 200


class IncidentSummary(Schema):
    """`findings`: what the newest window showed, worst first."""

    id: int
    model: str
    version: str
    deployment: str
    cause: str
    status: str
    severity: str
    title: str
    opened: datetime
    first_window: datetime
    last_window: datetime
    windows: int
    findings: list[dict[str, Any]]


@router.get("/incidents", response=list[IncidentSummary])
def get_incidents(
    request: HttpRequest, status: Literal["open", "acknowledged", "resolved"] | None = None
) -> list[IncidentSummary]:
    """The newest incidents, at most 200, of one status or of all."""
    incidents = Incident.objects.select_related("version__model").order_by("-opened_at", "-pk")
    if status is not None:
        incidents = incidents.filter(status=status)
    return [_summary(incident) for incident in incidents[:MOST]]


def _summary(incident: Incident) -> IncidentSummary:
    return IncidentSummary(
        id=incident.pk,
        model=incident.version.model.name,
        version=incident.version.name,
        opened=incident.opened_at,
        **{
            name: getattr(incident, name)
            for name in IncidentSummary.model_fields
            if name not in ("id", "model", "version", "opened")
        },
    )
