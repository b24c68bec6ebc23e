"""All incidents, by who has them, unit, severity and state; and how often they were right."""

from dataclasses import dataclass

import numpy as np
from django.core.paginator import Paginator
from django.db.models import Case, Count, IntegerField, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from detectors.statistics.proportions import wilson
from governance.access import models_of
from governance.models import Incident
from governance.policy_settings import SEVERITIES

from .doors import open_to
from .words import between, many, share

PER_PAGE = 30
SHOWN = 20  # lines of the precision table

STATES = {
    "unresolved": ("Not resolved", ~Q(status="resolved")),
    "open": ("Nobody has it", Q(status="open")),
    "resolved": ("Resolved", Q(status="resolved")),
    "all": ("All", Q()),
}


@dataclass(frozen=True)
class Filter:
    """One row of choices: the name in the address, and each choice with its words."""

    name: str
    words: str
    choices: list[tuple[str, str, str]]  # value, words, address
    chosen: str


@dataclass(frozen=True)
class Precision:
    """How many of the incidents that people judged were real."""

    about: str
    real: int
    judged: int
    share: str
    interval: str


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """The list."""
    models = models_of(request.user)
    seen = Incident.objects.filter(version__model__in=models)
    units = sorted(set(models.exclude(business_unit="").values_list("business_unit", flat=True)))
    filters = _filters(request, units)
    rank = [When(severity=severity, then=i) for i, severity in enumerate(SEVERITIES)]
    rows = (
        _chosen(request, seen, {f.name: f.chosen for f in filters})
        .select_related("version__model", "owner")
        .order_by(Case(*rank, output_field=IntegerField()), "due_at", "pk")
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "filters": filters,
        "page": page,
        "incidents": page.object_list,
        "answer": many(page.paginator.count, "incident") if page.paginator.count else "None.",
        "precision": precision(seen, "version__model__name"),
        "by_policy": precision(seen, "policy__digest"),
    }
    return render(request, "incidents.html", context)


def precision(rows: QuerySet[Incident], by: str) -> list[Precision]:
    """By model or by policy: the share of judged incidents that were no false alarm."""
    judged = (
        rows.filter(status=Incident.Status.RESOLVED)
        .values_list(by)
        .annotate(
            real=Count("pk", filter=~Q(verdict=Incident.Verdict.FALSE_ALARM)), judged=Count("pk")
        )
        .order_by("-judged", by)
    )
    return [_precision(*row) for row in judged[:SHOWN]]


def _precision(about: str, real: int, judged: int) -> Precision:
    value, low, high = (float(x) for x in wilson(np.array(real), np.array(judged)))
    return Precision(
        about=about,
        real=real,
        judged=judged,
        share=share(value, 0),
        interval=between(low, high, lambda x: share(x, 0)),
    )


def _filters(request: HttpRequest, units: list[str]) -> list[Filter]:
    asked = [
        ("whose", "Whose", [("", "Everybody’s"), ("mine", "Mine")]),
        ("state", "State", [(key, words) for key, (words, _) in STATES.items()]),
        ("severity", "Severity", [("", "Any"), *((s, s.capitalize()) for s in SEVERITIES)]),
    ]
    if units:
        asked.append(("unit", "Unit", [("", "Any"), *((unit, unit) for unit in units)]))
    return [_filter(request, *each) for each in asked]


def _filter(request: HttpRequest, name: str, words: str, choices: list[tuple[str, str]]) -> Filter:
    """An unknown choice in the address counts as the first one."""
    asked = request.GET.get(name, "")
    chosen = asked if asked in dict(choices) else choices[0][0]
    addresses = []
    for value, said in choices:
        query = request.GET.copy()
        query.pop("page", None)
        query[name] = value
        addresses.append((value, said, f"?{query.urlencode()}"))
    return Filter(name, words, addresses, chosen)


def _chosen(
    request: HttpRequest, rows: QuerySet[Incident], chosen: dict[str, str]
) -> QuerySet[Incident]:
    rows = rows.filter(STATES[chosen["state"]][1])
    if chosen["whose"]:
        rows = rows.filter(owner=request.user.pk)
    if chosen["severity"]:
        rows = rows.filter(severity=chosen["severity"])
    if chosen.get("unit"):
        rows = rows.filter(version__model__business_unit=chosen["unit"])
    return rows
