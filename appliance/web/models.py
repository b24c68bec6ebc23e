"""Which models are watched here, and how does each stand?"""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from governance.access import models_of

from . import queries
from .doors import open_to

PER_PAGE = 50


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """All models of the person's units, by name."""
    pages = Paginator(models_of(request.user).order_by("name"), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {"page": page, "standings": queries.standings(page.object_list)}
    return render(request, "models.html", context)
