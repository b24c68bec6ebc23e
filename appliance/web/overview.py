"""What needs attention? Open incidents first, then every model; on a new appliance, what to do."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from governance.models import Model

from . import queries
from .words import many

INCIDENTS = 50
MODELS = 50


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """The first page."""
    looks = queries.looks()
    if not looks.windows:
        return _first_steps(request)
    incidents = list(queries.open_incidents()[: INCIDENTS + 1])
    standings = queries.standings(Model.objects.order_by("name")[: MODELS + 1])
    context = {
        "looks": looks,
        "incidents": incidents[:INCIDENTS],
        "more_incidents": len(incidents) > INCIDENTS,
        "standings": standings[:MODELS],
        "more_models": len(standings) > MODELS,
        "overdue": [s for s in standings if s.overdue and not s.incidents],
        "answer": _answer([incident.severity for incident in incidents]),
    }
    return render(request, "overview.html", context)


def _first_steps(request: HttpRequest) -> HttpResponse:
    context = {
        "steps": queries.first_steps(),
        "address": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "first_steps.html", context)


def _answer(severities: list[str]) -> str:
    """
    >>> _answer([]), _answer(["high", "low"]), _answer(["low"])
    ('Nothing needs attention.', '2 incidents are open; 1 is high.', '1 incident is open.')
    """
    if not severities:
        return "Nothing needs attention."
    if len(severities) > INCIDENTS:
        return f"More than {INCIDENTS} incidents are open."
    high = severities.count("high")
    also = f"; {many(high, 'is high', 'are high')}" if high else ""
    return f"{many(len(severities), 'incident is open', 'incidents are open')}{also}."
