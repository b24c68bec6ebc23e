"""Windows: what a collector counted over one period."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from countersign.statement import Window
from detectors import intake

from .uploads import Accepted, accept, answer, described

router = Router(tags=["Statements"])


@router.post("/windows", response={202: Accepted, 200: Accepted}, openapi_extra=described(Window))
def post_window(request: HttpRequest) -> Status[dict[str, Any]]:
    """Upload the counts of a window, or of one shard of it."""
    return answer(accept(request, intake.accept_window))
