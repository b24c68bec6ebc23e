"""Where people are told: routes, a test of each, and the log of deliveries."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from countersign.statement import Refused
from governance import notify
from governance.access import models_of
from governance.models import Attempt, Delivery, Route

from .doors import open_to
from .incident_forms import RouteForm
from .people import actor_of

PER_PAGE = 50


@require_safe
@open_to("route.manage")
def show(request: HttpRequest) -> HttpResponse:
    """All routes, and a form for another one."""
    return _page(request, RouteForm(initial={"least": "medium"}))


@require_POST
@never_cache
@open_to("route.manage")
def make(request: HttpRequest) -> HttpResponse:
    """A new route; a webhook's secret is shown on this page, now, and never again."""
    form = RouteForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            secret = notify.make_route(
                form.route(), said["address"], said["secret"], actor=actor_of(request)
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _page(request, RouteForm(initial={"least": "medium"}), secret=secret)
    return _page(request, form, status=422)


@require_POST
@open_to("route.manage")
def test(request: HttpRequest, number: int) -> HttpResponse:
    """Send a message that says it is a test."""
    route = get_object_or_404(Route, pk=number)
    notify.test_route(route, actor=actor_of(request))
    messages.success(request, f"A test goes out on {route.name}; the log of deliveries says how.")
    return redirect("deliveries")


@require_POST
@open_to("route.manage")
def switch(request: HttpRequest, number: int) -> HttpResponse:
    """On or off."""
    route = get_object_or_404(Route, pk=number)
    notify.switch_route(route, on="on" in request.POST, actor=actor_of(request))
    return redirect("routes")


@require_safe
@open_to("route.manage")
def deliveries(request: HttpRequest) -> HttpResponse:
    """What was told, what waits, what was not sent and why; each attempt."""
    attempts = Prefetch("attempts", Attempt.objects.order_by("-pk"))
    rows = Delivery.objects.select_related("route", "incident").prefetch_related(attempts)
    page = Paginator(rows.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    seen = models_of(request.user).values("pk")
    shown = {d.incident_id for d in page if d.incident_id}
    visible = Delivery.objects.filter(
        incident__in=shown, incident__version__model__in=seen
    ).values_list("incident", flat=True)
    return render(request, "deliveries.html", {"page": page, "visible": set(visible)})


def _page(
    request: HttpRequest, form: RouteForm, secret: str = "", status: int = 200
) -> HttpResponse:
    context = {"form": form, "secret": secret, "routes": Route.objects.order_by("-active", "name")}
    return render(request, "routes.html", context, status=status)
