"""Plans: what a collector is to count, signed by the appliance."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from detectors import plans
from governance import registry

from .credentials import Bearer
from .uploads import ENVELOPE

router = Router(tags=["Plans"], auth=Bearer("upload", "read"))

ENVELOPE_ANSWER = {
    "responses": {
        200: {"content": {ENVELOPE: {"schema": {"$ref": "#/components/schemas/Envelope"}}}}
    }
}


@router.get("/versions/{model}/{version}/plan", openapi_extra=ENVELOPE_ANSWER)
def get_plan(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """The plan in force, as a signed envelope."""
    envelope = plans.plan_in_force(registry.find_version(model, version))
    return HttpResponse(envelope, content_type=ENVELOPE)
