"""Outcomes: labels that became known for an earlier window."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from countersign.statement import Outcomes
from detectors import intake

from .uploads import Accepted, accept, answer, described

router = Router(tags=["Statements"])


@router.post(
    "/outcomes", response={202: Accepted, 200: Accepted}, openapi_extra=described(Outcomes)
)
def post_outcomes(request: HttpRequest) -> Status[dict[str, Any]]:
    """Upload all labels known so far for a window."""
    return answer(accept(request, intake.accept_outcomes))
