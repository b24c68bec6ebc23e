"""Which models are there, whose are they, and how does each stand? The inventory."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from appliance import inventory
from countersign.statement import Refused
from governance import access, registry
from governance.models import Model

from . import queries
from .doors import open_to
from .people import actor_of
from .record_forms import NewModel

PER_PAGE = 50


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """All models of the person's units, by name."""
    return _page(request, NewModel())


@require_POST
@open_to("model.register")
def register(request: HttpRequest) -> HttpResponse:
    """Register a model of one of the person's units."""
    form = NewModel(request.POST)
    if form.is_valid():
        told = form.cleaned_data
        access.demand(request.user, "model.register", unit=told["business_unit"])
        try:
            model, _ = registry.register_model(**told, actor=actor_of(request))
        except Refused as refusal:
            form.add_error("name", f"{refusal.detail} ({refusal.rule})")
        else:
            return redirect("record", model.name)
    return _page(request, form, status=422)


def _page(request: HttpRequest, form: NewModel, status: int = 200) -> HttpResponse:
    pages = Paginator(access.models_of(request.user).order_by("name"), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    standings = queries.standings(page.object_list)
    rows = inventory.rows(Model.objects.filter(pk__in=[each.model.pk for each in standings]))
    context = {
        "page": page,
        "lines": list(zip(standings, rows, strict=True)),
        "form": form,
        "registers": access.may(request.user, "model.register"),
    }
    return render(request, "models.html", context, status=status)
