"""One version of a model: may it go on deciding? The answer first, then what it rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from detectors.models import Baseline, Gap, Monitor, Window
from governance import policies
from governance.models import Incident, Version

from . import history, queries, sign_offs
from .about import about
from .doors import find_model, open_to
from .panels import Panels
from .panels.evidence import Scene
from .terms import Term, detector
from .words import count, duration, listed, many, opened, period

NEWEST = 12  # windows on the version's page; the others have a page of their own
PER_PAGE = 50


@dataclass(frozen=True)
class Line:
    """One window in the table, or the gap where one should be."""

    period: str
    rows: str
    labelled: str
    late: bool
    missing: bool
    examined_at: datetime | None
    found: str
    incidents: Sequence[Incident]


@dataclass(frozen=True)
class Watch:
    """One monitor in words."""

    term: Term
    columns: str
    names: str


@require_safe
@open_to("model.see")
def show_model(request: HttpRequest, model: str) -> HttpResponse:
    """The model's newest version."""
    found = find_model(request, model)
    version = found.versions.select_related("model").order_by("-registered_at", "-pk").first()
    if version is None:
        return render(request, "model_bare.html", {"model": found})
    return _page(request, version)


@require_safe
@open_to("model.see")
def show_version(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """One version."""
    return _page(request, _version(request, model, version))


@require_safe
@open_to("model.see")
def show_windows(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """All windows of one deployment, by page."""
    found = _version(request, model, version)
    deployments = queries.deployments_of(found)
    deployment = _chosen(request, deployments)
    pages = Paginator(queries.windows_of(found, deployment), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    windows = list(page.object_list)
    context = {
        "version": found,
        "deployments": deployments,
        "deployment": deployment,
        "page": page,
        "lines": _lines(
            windows,
            queries.gaps_of(found, deployment, windows[-1].start) if windows else [],
            history.found_in(windows, policies.in_force(found.model).false_alarms_per_year),
            queries.incidents_of(found, deployment),
        ),
    }
    return render(request, "windows.html", context)


def _page(request: HttpRequest, version: Version) -> HttpResponse:
    deployments = queries.deployments_of(version)
    deployment = _chosen(request, deployments)
    baseline = version.baselines.order_by("-revision").first()
    said = policies.everything_said()
    policy = policies.composed(policies.Level.of(version.model), said).policy
    [standing] = queries.standings([version.model], said)
    context = {
        "version": version,
        "standing": standing,
        "baseline": baseline,
        "deployments": deployments,
        "deployment": deployment,
        "address": request.build_absolute_uri("/").rstrip("/"),
        **sign_offs.of_version(request, version),
    }
    if baseline is not None:
        context |= _watched(baseline, policy)
    windows = list(queries.windows_of(version, deployment)[: queries.HISTORY])
    if windows:
        assert baseline is not None
        context |= _evidence(version, deployment, baseline, windows, policy)
    return render(request, "version.html", context)


def _evidence(
    version: Version,
    deployment: str,
    baseline: Baseline,
    windows: list[Window],
    policy: policies.Policy,
) -> dict[str, object]:
    incidents = queries.incidents_of(version, deployment)
    gaps = queries.gaps_of(version, deployment, windows[-1].start)
    unresolved = [i for i in incidents if i.status != Incident.Status.RESOLVED]
    found = history.found_in(windows[:NEWEST], policy.false_alarms_per_year)
    context: dict[str, object] = {
        "incidents": incidents[:NEWEST],
        "open": unresolved,
        "lines": _lines(windows[:NEWEST], gaps, found, incidents),
        "answer": opened([incident.severity for incident in unresolved]),
    }
    examined = [w for w in windows if w.examinations.all()]
    if examined:
        recently = [key for keys in found.values() for key in keys]
        held_to = queries.newest_baseline(examined, baseline)
        scene = Scene(
            version,
            held_to,
            deployment,
            examined,
            incidents,
            about(held_to.pk),
            policy,
            gaps,
            recently,
        )
        context["panels"] = Panels.read(scene)
        context["newest"] = period(scene.held[0].start, scene.held[0].end)
    return context


def _watched(baseline: Baseline, policy: policies.Policy) -> dict[str, object]:
    """What is watched, and how rarely all of it together may be wrong."""
    monitors = list(baseline.monitors.order_by("pk"))
    return {
        "watches": [_watch(monitor) for monitor in monitors],
        "about": about(baseline.pk),
        "streams": count(about(baseline.pk).streams),
        "budget": policy.false_alarms_per_year,
        "window_length": duration(baseline.window_seconds),
        "grace": duration(policy.grace_seconds),
    }


def _watch(monitor: Monitor) -> Watch:
    columns = many(len(monitor.columns), "column") if monitor.columns else "all rows"
    return Watch(detector(monitor.detector), columns, listed(monitor.columns, 12))


def _lines(
    windows: Sequence[Window],
    gaps: Iterable[Gap],
    found: dict[int, history.Found],
    incidents: Iterable[Incident],
) -> list[Line]:
    """The windows and, in their places, those that did not come; the newest first."""
    if not windows:
        return []
    lines = [(w.start, _line(w, found.get(w.pk, {}), incidents)) for w in windows]
    first = windows[-1].start
    lines += [(gap.start, _missing(gap, incidents)) for gap in gaps if gap.start >= first]
    return [line for _, line in sorted(lines, key=lambda each: each[0], reverse=True)]


def _line(window: Window, found: history.Found, incidents: Iterable[Incident]) -> Line:
    looks = list(window.examinations.all())
    latest = looks[-1] if looks else None
    words = listed(history.in_words(found), 3)
    about = _about(window.start, incidents)
    quiet = "Part of" if about else "Nothing beyond chance"
    return Line(
        period=period(window.start, window.end),
        rows=count(latest.rows) if latest else "",
        labelled=count(latest.labelled) if latest and latest.labelled else "",
        late=window.late,
        missing=False,
        examined_at=latest.examined_at if latest else None,
        found=words or (quiet if latest else "Waits to be examined"),
        incidents=about,
    )


def _missing(gap: Gap, incidents: Iterable[Incident]) -> Line:
    about = [i for i in _about(gap.start, incidents) if i.cause == Incident.Cause.FEED]
    found = "This window should have come"
    return Line(period(gap.start, gap.end), "", "", False, True, None, found, about)


def _about(start: datetime, incidents: Iterable[Incident]) -> list[Incident]:
    return [i for i in incidents if i.first_window <= start <= i.last_window]


def _version(request: HttpRequest, model: str, version: str) -> Version:
    rows = find_model(request, model).versions.select_related("model")
    return get_object_or_404(rows, name=version)


def _chosen(request: HttpRequest, deployments: list[queries.Deployment]) -> str:
    """The deployment that was asked for, or the one with the newest window."""
    names = [deployment.name for deployment in deployments]
    asked = request.GET.get("deployment", "")
    return asked if asked in names else names[0] if names else ""
