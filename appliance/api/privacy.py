"""Privacy cards: what is claimed of a model's statements, and what its ledger has left."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from appliance.privacy_card import as_json, card_of
from governance import registry

from .credentials import Bearer

router = Router(tags=["Privacy"], auth=Bearer("upload", "read"))


class Ledger(Schema):
    """What was given away in the last `days` days, as zCDP's rho and as epsilon at `delta`.

    `runs_out` is when nothing is left at the present rate; null if that never happens.
    """

    days: int
    epsilon_limit: float
    delta: float
    rho_limit: float
    rho_spent: float
    rho_left: float
    epsilon_spent: float
    statements: int
    runs_out: datetime | None


class PrivacyCard(Schema):
    """`protection` is what the plan in force demands; `guarantee` is null without noise.

    `terms`: each term of NIST SP 800-226, and what is to be said of it.
    """

    model: str
    business_unit: str
    tier: int | None
    differential_privacy: bool
    summary: str
    demanded_by_policy: dict[str, Any]
    plan: str | None
    protection: dict[str, Any]
    guarantee: dict[str, Any] | None
    ledger: Ledger
    statements_without_noise: int
    terms: dict[str, str]


@router.get("/models/{model}/privacy", response=PrivacyCard)
def get_privacy(request: HttpRequest, model: str) -> dict[str, Any]:
    """The model's privacy card."""
    return as_json(card_of(registry.find_model(model), timezone.now()))
