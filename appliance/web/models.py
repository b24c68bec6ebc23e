"""Which models are watched here, and how does each stand?"""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from governance.models import Model

from . import queries

PER_PAGE = 50


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """All models, by name."""
    pages = Paginator(Model.objects.order_by("name"), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {"page": page, "standings": queries.standings(page.object_list)}
    return render(request, "models.html", context)
