"""What people do with an incident, one address for each verb."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from countersign.statement import Refused
from governance import handling
from governance.access import demand, people_who_may
from governance.models import Incident

from .doors import open_to
from .incident import find_incident, page
from .incident_forms import Assignment, Comment, Refusable, Resolution, Snooze
from .people import actor_of

OVERTAKEN = {
    "incident.resolved": "Somebody resolved this incident before you. Their reason stands below; "
    "what you sent was not recorded.",
    "incident.changed": "Somebody gave this incident to somebody else while you looked at it. "
    "What you sent was not recorded.",
}


@require_POST
@open_to("incident.handle")
def acknowledge(request: HttpRequest, number: int) -> HttpResponse:
    """ "I have it.\""""
    handling.acknowledge_incident(_handled(request, number), actor=actor_of(request))
    return redirect("incident", number)


@require_POST
@open_to("incident.handle")
def assign(request: HttpRequest, number: int) -> HttpResponse:
    """Somebody deals with it, until some day. What the person saw is what they change."""
    incident = _handled(request, number)
    people = people_who_may("incident.handle", incident.version.model)
    form = Assignment(request.POST, prefix="assign", people=people)

    def act() -> None:
        incident.owner_id = form.cleaned_data["seen"]
        owner = form.cleaned_data["owner"]
        handling.assign_incident(incident, owner, form.due_at(), actor=actor_of(request))

    return _done(request, incident, form, act)


@require_POST
@open_to("incident.handle")
def snooze(request: HttpRequest, number: int) -> HttpResponse:
    """Not now."""
    incident, form = _handled(request, number), Snooze(request.POST, prefix="snooze")
    return _done(
        request,
        incident,
        form,
        lambda: handling.snooze_incident(
            incident, form.until(), actor=actor_of(request), reason=form.cleaned_data["reason"]
        ),
    )


@require_POST
@open_to("incident.handle")
def comment(request: HttpRequest, number: int) -> HttpResponse:
    """Something for the next reader."""
    incident, form = _handled(request, number), Comment(request.POST, prefix="comment")
    return _done(
        request,
        incident,
        form,
        lambda: handling.comment_incident(
            incident, form.cleaned_data["text"], actor=actor_of(request)
        ),
    )


@require_POST
@open_to("incident.handle")
def resolve(request: HttpRequest, number: int) -> HttpResponse:
    """It is over, for a reason. Whoever comes second is told who was first."""
    incident, form = _handled(request, number), Resolution(request.POST, prefix="resolve")
    return _done(
        request,
        incident,
        form,
        lambda: handling.resolve_incident(
            incident,
            form.cleaned_data["verdict"],
            actor=actor_of(request),
            reason=form.cleaned_data["reason"],
        ),
    )


def _done(
    request: HttpRequest, incident: Incident, form: Refusable, act: Callable[[], None]
) -> HttpResponse:
    """Act on a form that is filled in well; show any other again, with what is wrong."""
    if form.is_valid():
        try:
            act()
        except Refused as refusal:
            if refusal.rule not in OVERTAKEN:
                form.refuse(refusal)
                return page(request, find_incident(request, incident.pk), form, status=422)
            messages.error(request, OVERTAKEN[refusal.rule])
        return redirect("incident", incident.pk)
    return page(request, incident, form, status=422)


def _handled(request: HttpRequest, number: int) -> Incident:
    incident = find_incident(request, number)
    demand(request.user, "incident.handle", incident.version.model)
    return incident
