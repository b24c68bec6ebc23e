"""What is asked of a model, down to the monitor that measures it, and whether it holds now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Prefetch

from detectors.models import Measurement, Window
from governance.models import Model, Objective, Requirement

from .terms import Term, detector, metric, metric_unit
from .words import period

NEWEST = 50  # windows in which a monitor's newest figures are looked for


@dataclass(frozen=True)
class Asked:
    """A requirement, and what its monitor measured last. `holds` is None where it measured nothing.

    `where` names the version and deployment of that window, `when` its period.
    """

    requirement: Requirement
    metric: Term
    monitor: Term
    bound: str
    value: str = ""
    where: str = ""
    when: str = ""
    holds: bool | None = None


@dataclass(frozen=True)
class Aim:
    """An objective with its requirements."""

    objective: Objective
    asked: Sequence[Asked]


def aims(model: Model) -> list[Aim]:
    """The objectives that hold, in the order in which they were set. Three queries."""
    live = Requirement.objects.filter(retired_at=None).order_by("pk")
    objectives = model.objectives.filter(retired_at=None).order_by("pk")
    rows = list(objectives.prefetch_related(Prefetch("requirements", live)))
    wanted = {each.monitor for row in rows for each in row.requirements.all()}
    measured = _newest(model, wanted)
    return [
        Aim(row, [_asked(each, measured.get(each.monitor)) for each in row.requirements.all()])
        for row in rows
    ]


def _newest(model: Model, detectors: Iterable[str]) -> dict[str, Measurement]:
    windows = Window.objects.filter(baseline__version__model=model, examined__gt=0)
    newest = list(windows.order_by("-start", "-pk").values_list("pk", flat=True)[:NEWEST])
    rows = (
        Measurement.objects.filter(detector__in=detectors, examination__window__in=newest)
        .select_related("examination__window__baseline__version")
        .order_by("detector", "-examination__window__start", "-examination__generation")
        .distinct("detector")
    )
    return {row.detector: row for row in rows}


def _asked(requirement: Requirement, found: Measurement | None) -> Asked:
    name = requirement.metric
    asked = Asked(requirement, metric(name), detector(requirement.monitor), bound_of(requirement))
    value = dict(zip(found.names, found.value, strict=True)).get(name) if found else None
    if found is None or value is None:
        return asked
    window = found.examination.window
    low, high = requirement.at_least, requirement.at_most
    return replace(
        asked,
        value=metric_unit(name)(value),
        where=f"version {window.baseline.version.name}, {window.deployment}",
        when=period(window.start, window.end),
        holds=(low is None or value >= low) and (high is None or value <= high),
    )


def bound_of(requirement: Requirement) -> str:
    """
    >>> bound_of(Requirement(metric="auc", at_least=0.8))
    'at least 0.800'
    >>> bound_of(Requirement(metric="ratio", at_least=0.8, at_most=1.25))
    'at least 0.800, at most 1.250'
    """
    write = metric_unit(requirement.metric)
    parts = [
        f"{words} {write(value)}"
        for words, value in (
            ("at least", requirement.at_least),
            ("at most", requirement.at_most),
        )
        if value is not None
    ]
    return ", ".join(parts)
