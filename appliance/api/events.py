"""Events: what happened around a model, for its charts."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from countersign.statement import Event
from detectors import intake

from .uploads import Accepted, accept, answer, described

router = Router(tags=["Statements"])


@router.post("/events", response={202: Accepted, 200: Accepted}, openapi_extra=described(Event))
def post_event(request: HttpRequest) -> Status[dict[str, Any]]:
    """Upload an event."""
    return answer(accept(request, intake.accept_event))
