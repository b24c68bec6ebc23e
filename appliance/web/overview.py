"""What needs attention? Open incidents first, then every model; on a new appliance, what to do."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from governance import notify
from governance.access import models_of
from governance.models import Incident

from . import queries
from .doors import open_to
from .words import opened

INCIDENTS = 50
MODELS = 50
DAY = timedelta(days=1)


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """The first page."""
    models = models_of(request.user)
    looks = queries.looks(models)
    if not looks.windows:
        return _first_steps(request, models)
    incidents = list(queries.open_incidents(models)[: INCIDENTS + 1])
    standings = queries.standings(models.order_by("name")[: MODELS + 1])
    context = {
        "looks": looks,
        "incidents": incidents[:INCIDENTS],
        "more_incidents": len(incidents) > INCIDENTS,
        "mine": [i for i in incidents if _is_mine_today(i, request)],
        "troubled": notify.troubled(),
        "standings": standings[:MODELS],
        "more_models": len(standings) > MODELS,
        "answer": opened([incident.severity for incident in incidents]),
    }
    return render(request, "overview.html", context)


def _is_mine_today(incident: Incident, request: HttpRequest) -> bool:
    """Whether it is this person's, due by tomorrow and not put off."""
    now = timezone.now()
    asleep = incident.snoozed_until is not None and incident.snoozed_until > now
    return incident.owner_id == request.user.pk and incident.due_at < now + DAY and not asleep


def _first_steps(request: HttpRequest, models: queries.Models) -> HttpResponse:
    context = {
        "steps": queries.first_steps(models),
        "address": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "first_steps.html", context)
