"""What needs attention? Open incidents first, then every model; on a new appliance, what to do."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from governance.models import Model

from . import queries
from .words import opened

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
        "answer": opened([incident.severity for incident in incidents]),
    }
    return render(request, "overview.html", context)


def _first_steps(request: HttpRequest) -> HttpResponse:
    context = {
        "steps": queries.first_steps(),
        "address": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "first_steps.html", context)
