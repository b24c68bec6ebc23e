"""Baselines: what a version's columns looked like when it was known to be good."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from countersign.statement import Baseline
from detectors import intake, plans
from governance import registry

from .uploads import Accepted, accept, answer, described

router = Router(tags=["Statements"])


class AcceptedBaseline(Accepted):
    """`plan`: the digest of the plan that was made from the baseline."""

    plan: str


@router.post(
    "/versions/{model}/{version}/baseline",
    response={202: AcceptedBaseline, 200: AcceptedBaseline},
    openapi_extra=described(Baseline),
)
def post_baseline(request: HttpRequest, model: str, version: str) -> Status[dict[str, Any]]:
    """Upload a baseline; the plan and the monitors are made from it."""

    def verb(upload: intake.Upload) -> intake.Receipt:
        upload.caller.demand_model(model)
        return intake.accept_baseline(upload, registry.find_version(model, version))

    receipt = accept(request, verb)
    return answer(receipt, plan=plans.plan_digest_of(receipt.digest))
