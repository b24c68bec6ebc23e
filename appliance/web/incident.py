"""One incident: what was seen, how sure it is, what may be behind it, and what people did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from countersign.tables import Column
from detectors.models import Measurement, Window
from governance.access import may, models_of, people_who_may
from governance.incidents import QUIET_AFTER
from governance.models import Incident, IncidentStep
from governance.severity import CERTAIN, LIKELY
from governance.suggestions import suggest

from . import plots, queries
from .about import about
from .charts import Backdrop, Chart
from .doors import open_to
from .history import NO_SERIES, Key, Series, series_of
from .incident_forms import Assignment, Comment, Resolution, Snooze
from .panels import cost
from .panels.evidence import figures_of
from .people import names_of
from .sightings import children_of, held_back_by
from .terms import MEANINGS, RATES, SEVERITIES, Term, detector, metric
from .words import between, day, duration, in_unit, many

AFTER = 20  # windows in the charts, at most, after the last that the incident is about
CHARTED = 3  # findings
STEPS = 40  # of the steps, the newest


@dataclass(frozen=True)
class Seen:
    """A finding, ready to be read."""

    name: str
    term: Term
    severity: str
    sentence: str
    value: str
    interval: str
    limit: str
    reference: str
    rows: str


@dataclass(frozen=True)
class Did:
    """A step, with the name of whoever took it."""

    step: IncidentStep
    name: str


@require_safe
@open_to("model.see")
def show(request: HttpRequest, number: int) -> HttpResponse:
    """The incident."""
    return page(request, find_incident(request, number))


def find_incident(request: HttpRequest, number: int) -> Incident:
    """The incident of that number among those that the person sees. Raises `Http404`."""
    rows = Incident.objects.select_related("version__model", "owner")
    return get_object_or_404(rows, pk=number, version__model__in=models_of(request.user))


def page(
    request: HttpRequest, incident: Incident, form: forms.Form | None = None, status: int = 200
) -> HttpResponse:
    """Everything about it; `form` is one that was not filled in well."""
    steps = list(incident.steps.order_by("-at", "-pk")[: STEPS + 1])
    names = names_of(step.actor for step in steps)
    model = incident.version.model
    context = {
        "incident": incident,
        "handles": may(request.user, "incident.handle", model.business_unit),
        "forms": _forms(incident, form),
        "given": form and form.prefix,
        "seen": [_seen(finding, incident.title) for finding in incident.findings],
        "children": children_of(incident),
        "held": held_back_by(incident),
        "suggestions": suggest(incident.cause, incident.findings),
        "charts": _charts(incident),
        "cost": _cost(incident),
        "meaning": MEANINGS[incident.cause],
        "severity_meaning": SEVERITIES[incident.severity],
        "why_so_severe": _why_so_severe(incident),
        "recovery": _recovery(incident),
        "steps": [Did(step, names[step.actor]) for step in steps[:STEPS]],
        "more_steps": len(steps) > STEPS,
        "rules": _rules(incident.policy),
        "windows": many(incident.windows, "window"),
        "first": day(incident.first_window),
        "last": day(incident.last_window),
    }
    return render(request, "incident.html", context, status=status)


def _forms(incident: Incident, given: forms.Form | None) -> dict[str, forms.Form]:
    """Every form by its name: the one that was filled in, the others fresh."""
    people = people_who_may("incident.handle", incident.version.model)
    now = {"owner": incident.owner, "due": incident.due_at.date(), "seen": incident.owner_id}
    fresh: dict[str, forms.Form] = {
        "resolve": Resolution(prefix="resolve"),
        "assign": Assignment(prefix="assign", people=people, initial=now),
        "snooze": Snooze(prefix="snooze"),
        "comment": Comment(prefix="comment"),
    }
    return fresh | ({str(given.prefix): given} if given else {})


def _why_so_severe(incident: Incident) -> str:
    """What the worst of its findings rests on; empty for one from before this was kept."""
    worst = incident.findings[0]
    if "impact" not in worst:
        return ""
    tier = incident.version.model.tier
    matters = f"tier {tier}" if tier else "a model without a tier, taken as tier 2"
    sure = {
        CERTAIN: "certain: the window shows it alone",
        LIKELY: "likely: several windows together show it",
    }[worst["certainty"]]
    return f"Impact {worst['impact']}; {sure}; {matters}."


def _recovery(incident: Incident) -> str:
    """Whether it is over, as far as the windows say."""
    if not incident.quiet_windows:
        return "not yet"
    quiet = f"quiet for {many(incident.quiet_windows, 'window')}"
    return quiet if incident.quiet_windows >= QUIET_AFTER else f"{quiet} of {QUIET_AFTER}"


def _seen(finding: dict[str, Any], title: str) -> Seen:
    unit = partial(in_unit, unit=finding["unit"])
    performs = finding["detector"] == "realised_performance"
    rows = finding["rows"]
    return Seen(
        name=metric(finding["name"]).name if performs else finding["name"],
        term=detector(finding["detector"]),
        severity=finding["severity"],
        sentence="" if finding["sentence"] == title else finding["sentence"],
        value=unit(finding["value"]),
        interval=between(finding["low"], finding["high"], unit),
        limit=unit(finding["limit"]),
        reference=unit(finding["reference"]),
        rows="" if rows is None else f"{rows:,}",
    )


def _rules(policy: dict[str, Any]) -> list[tuple[str, str]]:
    """The policy that judged, in words; values of a policy that had fewer rules are left out."""
    tolerance = policy.get("tolerance")
    grace = policy.get("grace_seconds")
    rules = [
        ("False alarms allowed per version and year", _number(policy.get("false_alarms_per_year"))),
        (
            "Change of a share that is nobody's concern",
            "" if tolerance is None else f"{100 * tolerance:g} % of the rows",
        ),
        ("Smallest count that may cross", _number(policy.get("min_count"))),
        ("Time of grace for a window", "" if grace is None else duration(grace)),
        ("Digest of the policy (SHA-256)", policy.get("digest", "")),
    ]
    return [(name, value) for name, value in rules if value]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _charts(incident: Incident) -> list[Chart]:
    """How the figures of the worst findings came about. Four queries."""
    baseline = incident.version.baselines.order_by("-revision").first()
    if baseline is None:
        return []
    until = incident.last_window + AFTER * timedelta(seconds=baseline.window_seconds)
    windows = queries.windows_of(incident.version, incident.deployment).filter(start__lte=until)
    shown: Sequence[Window] = list(windows[: queries.HISTORY])
    if not shown:
        return []
    findings = [(f["detector"], f["name"]) for f in incident.findings[:CHARTED]]
    series = series_of(shown, [key for finding in findings for key in _needed(*finding)])
    backdrop = queries.behind(
        queries.backdrop_of(incident.version, shown), [incident], incident.cause
    )
    columns = {column.name: column for column in about(baseline.pk).columns}
    charts = [
        chart for finding in findings for chart in _drawn(*finding, series, backdrop, columns)
    ]
    by_title = {chart.title: chart for chart in charts if chart.line or chart.dots}
    return [replace(c, wide=i == 0) for i, c in enumerate(by_title.values())]


def _needed(slug: str, name: str) -> list[Key]:
    """Which figures the chart of a finding takes; none where nothing of it is told over time."""
    if slug == "drift_alarm":
        return [("alarm", f"{name}:shift"), ("ks", name), ("q", name)]
    if slug in RATES or slug in {"quality_shift", "rowwide"}:
        return [({"quality_shift": "quality"}.get(slug, slug), name)]
    if slug == "column_gone":
        return [("missing", name)]
    if slug == "realised_performance":
        return [("estimated_performance", name), (slug, name)]
    if slug == "error_shift":
        return [("estimated_error", "mae"), ("realised_error", "mae")]
    return [("volume", "rows")]


def _drawn(
    slug: str, name: str, series: dict[Key, Series], on: Backdrop, columns: Mapping[str, Column]
) -> list[Chart]:
    """The charts of a finding."""
    needed = [series.get(key, NO_SERIES) for key in _needed(slug, name)]
    if slug == "drift_alarm":
        evidence, ks, q = needed
        moved = ks if ks.points else q
        return [plots.moved(name, "", moved, on), plots.evidence(name, "shift", evidence, on)]
    if slug in RATES or slug == "column_gone":
        return [plots.rate("missing" if slug == "column_gone" else slug, name, needed[0], on)]
    if slug in {"realised_performance", "error_shift"}:
        figure = "mae" if slug == "error_shift" else name
        return [plots.performance(figure, (needed[0], needed[1]), on)]
    if slug == "quality_shift":
        there = name in columns and columns[name].edges  # a later baseline may have left it out
        return [plots.metered(columns[name], "quality", needed, on)] if there else []
    if slug == "rowwide":
        return [plots.rowwide(name, needed[0], on)]
    return [plots.volume(needed[0], on)]


def _cost(incident: Incident) -> str:
    """What the incident's newest window costs, by known outcomes or else by the scores."""
    told = {
        m.detector: m
        for m in Measurement.objects.filter(
            detector__in=cost.DETECTORS,
            examination__window__baseline__version=incident.version,
            examination__window__deployment=incident.deployment,
            examination__window__start=incident.last_window,
        )
        .select_related("examination__window")
        .order_by("examination__generation")
    }
    for slug, how in (
        (cost.REALISED, "By the outcomes known so far"),
        (cost.ESTIMATED, "Estimated from the scores"),
    ):
        if slug in told:
            currency = about(told[slug].examination.window.baseline_id).currency
            words = cost.sentence(figures_of(told[slug]), currency)
            if words:
                return f"{how}, {words}"
    return ""
