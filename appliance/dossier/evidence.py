"""The dossier's sections about what was watched, what the windows showed, and privacy."""

from datetime import datetime
from typing import Any

from appliance.privacy_card import card_of
from appliance.web.objectives import aims
from appliance.web.panels import Panels
from appliance.web.terms import detector
from appliance.web.words import duration, listed, many, period
from detectors.models import Baseline, Gap, Window
from governance.models import Model, Version

from .blocks import Block, Section, charts, facts, section, table, text
from .people import moment

QUESTIONS = (
    ("performance", "Performance"),
    ("fairness", "Fairness"),
    ("slices", "Parts of the rows"),
    ("drift", "Drift"),
    ("together", "Columns together"),
    ("leaning", "What it leans on"),
    ("cost", "Cost"),
)


def sections(version: Version, panels: Panels | None) -> list[Section]:
    """What is asked and watched, and what the newest windows showed."""
    baseline = version.baselines.order_by("-revision").first()
    found = [objectives(version.model), _plan(version, baseline)]
    if panels is None:
        return [*found, section("Evidence", text("No window has been examined yet."))]
    scene = panels.evidence.scene
    newest = period(scene.held[0].start, scene.held[0].end)
    about = f"Deployment {scene.deployment}, newest window {newest}."
    found += [
        _panel(title, about, panel)
        for name, title in QUESTIONS
        if (panel := getattr(panels, name)) is not None
    ]
    found += [_panel(meters.question.title, about, meters) for meters in panels.service]
    integrity = section(
        "Data integrity", text(about), _rates(panels), charts(panels.integrity.charts)
    )
    return [*found, integrity]


def _panel(title: str, about: str, panel: Any) -> Section:
    """The sentence that the page leads with, its figures by group, and its charts."""
    return section(title, text(about), text(panel.answer), *_groups(panel), charts(panel.charts))


def _groups(panel: Any) -> list[Block]:
    return [
        table(
            ("Group", *(f.term.name for f in found.groups[0].figures)),
            [
                (
                    f"{found.column}: {group.name}",
                    *(
                        f"{f.words} ({f.interval})" if f.interval else f.words
                        for f in group.figures
                    ),
                )
                for group in found.groups
            ],
            "",
        )
        for view in getattr(panel, "views", ())
        for found in view.tables
        if found.groups
    ]


def _rates(panels: Panels) -> Block:
    rows = [(r.column, r.term.name, r.words, r.limit_words) for r in panels.integrity.over]
    heads = ("Column", "Rate", "Now", "Limit")
    return table(heads, rows, "In the newest window no column is over its limit.")


def objectives(model: Model) -> Section:
    """What is asked of the model, and whether that is measured and holds."""
    verdicts = {None: "not measured", True: "holds", False: "does not hold"}
    rows = [
        (
            aim.objective.text,
            asked.requirement.text,
            f"{asked.metric.name} {asked.bound}, by {asked.monitor.name.lower()}",
            " ".join(filter(None, [asked.value, verdicts[asked.holds], asked.where, asked.when])),
        )
        for aim in aims(model)
        for asked in aim.asked
    ]
    heads = ("Objective", "Must hold", "Metric and monitor", "Measured last")
    return section("Objectives and requirements", table(heads, rows, "No requirement is set."))


def _plan(version: Version, baseline: Baseline | None) -> Section:
    if baseline is None:
        return section("Monitoring plan", text("There is no baseline, so nothing is watched yet."))
    windows = Window.objects.filter(baseline__version=version)
    gaps = Gap.objects.filter(baseline__version=version).count()
    told = [
        ("Baseline", f"revision {baseline.revision}, accepted {moment(baseline.accepted_at)}"),
        ("Baseline, SHA-256", baseline.statement.digest),
        ("Plan, SHA-256", baseline.plan_digest),
        ("A window is due every", duration(baseline.window_seconds)),
        ("Windows that came", windows.count()),
        ("Windows that did not come in time", gaps),
    ]
    rows = [
        (
            detector(each.detector).name,
            detector(each.detector).meaning,
            listed(each.columns, 12) or "all rows",
        )
        for each in baseline.monitors.order_by("pk")
    ]
    return section(
        "Monitoring plan", facts(told), table(("Monitor", "What it sees", "Over"), rows, "")
    )


def incidents(version: Version) -> Section:
    """Every incident of the version, and how it ended."""
    rows = [
        (
            f"{i.pk}: {i.title}",
            i.get_severity_display(),
            i.get_status_display(),
            moment(i.opened_at),
        )
        for i in version.incidents.order_by("pk")
    ]
    heads = ("Incident", "Severity", "Status", "Opened")
    many_or_none = f"{many(len(rows), 'incident')} so far." if rows else "There was none."
    return section("Incidents", text(many_or_none), table(heads, rows, ""))


def privacy(model: Model, until: datetime) -> Section:
    """The privacy card, in the terms of NIST SP 800-226."""
    card = card_of(model, until)
    return section("Privacy card", text(card.answer), facts(card.terms))
