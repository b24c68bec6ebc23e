"""A model's past as it was examined: which statements each examination had, and what it measured.

Read in batches, so that a long past fits into little memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, Q

from detectors.figures import Figures
from detectors.models import Examination, Gap, Measurement, Part, Window
from governance.models import Incident, IncidentStep, Model, Silence, Version

MOST = 4_000  # examinations of a model; of a longer past, the newest
AT_ONCE = 100  # examinations read together
# The figures that findings read: whether drift harms, whole rows that moved, larger errors.
READ_BY_FINDINGS = ("estimated_performance", "realised_error", "rowwide", "pairs")


@dataclass(frozen=True)
class Look:
    """One examination: its window, what had come by then, and what it measured.

    `came` is when the first part of the last of its shards came; `deployments`, how many of the
    baseline's had sent windows by then.
    """

    at: datetime
    window: Window
    counts: list[bytes]
    labels: list[bytes]
    came: datetime
    deployments: int
    measured: list[Figures]


@dataclass(frozen=True)
class Overdue:
    """A live window that was not there when its time was over."""

    at: datetime
    version: Version
    deployment: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Closed:
    """An incident that somebody resolved, perhaps as a false alarm."""

    at: datetime
    key: tuple[int, str, str]  # version, deployment, cause
    false_alarm: bool


def looks(model: Model, until: datetime) -> Iterator[Look]:
    """Every examination of the model's windows, as they followed each other."""
    rows = Examination.objects.filter(
        window__baseline__version__model=model, examined_at__lte=until
    )
    newest = rows.order_by("-examined_at", "-pk").values_list("pk", flat=True)[:MOST]
    order = list(newest)[::-1]
    streamed = _first_examinations(model)
    for i in range(0, len(order), AT_ONCE):
        yield from _batch(order[i : i + AT_ONCE], streamed)


def is_cut(model: Model) -> bool:
    """Whether the past is longer than what is read of it."""
    return Examination.objects.filter(window__baseline__version__model=model).count() > MOST


def overdue(model: Model, grace: timedelta, until: datetime) -> list[Overdue]:
    """The live windows that had not come when this much time had passed after their end.

    A deployment is watched from its first window on: that one is never overdue.
    """
    windows = list(
        Window.objects.filter(baseline__version__model=model, replay=False)
        .select_related("baseline__version__model")
        .order_by("deployment", "received_at")
    )
    first = {w.deployment: w.pk for w in reversed(windows)}
    late = [w for w in windows if w.received_at > w.end + grace and w.pk != first[w.deployment]]
    never = [
        gap
        for gap in Gap.objects.filter(baseline__version__model=model).select_related(
            "baseline__version__model"
        )
        if not any(_covers(window, gap) for window in windows)
    ]
    missing: list[Window | Gap] = [*late, *never]
    found = [
        Overdue(each.end + grace, each.baseline.version, each.deployment, each.start, each.end)
        for each in missing
    ]
    return sorted((o for o in found if o.at <= until), key=lambda o: o.at)


def closings(model: Model, until: datetime) -> list[Closed]:
    """When people resolved the model's incidents."""
    steps = IncidentStep.objects.filter(
        incident__version__model=model, kind=IncidentStep.Kind.RESOLVED, at__lte=until
    ).order_by("at")
    false_alarm = f"{Incident.Verdict.FALSE_ALARM.label}. "
    about = steps.values_list(
        "at", "text", "incident__version", "incident__deployment", "incident__cause"
    )
    return [
        Closed(at, (version, where, cause), text.startswith(false_alarm))
        for at, text, version, where, cause in about
    ]


def silences(model: Model) -> list[Silence]:
    """Every silence that was ever about the model."""
    return list(Silence.objects.filter(Q(model=None) | Q(model=model)).order_by("pk"))


def _covers(window: Window, gap: Gap) -> bool:
    same = window.deployment == gap.deployment
    return same and window.start < gap.end and gap.start < window.end


def _first_examinations(model: Model) -> dict[tuple[int, str], int]:
    """The first examination of each baseline's deployments: from then on it has streams."""
    rows = Examination.objects.filter(window__baseline__version__model=model)
    firsts = rows.order_by().values_list("window__baseline", "window__deployment")
    return {(b, d): first for b, d, first in firsts.annotate(Min("pk"))}


def _batch(ids: Sequence[int], streamed: dict[tuple[int, str], int]) -> Iterator[Look]:
    rows = Examination.objects.select_related("window__baseline__version__model").in_bulk(ids)
    parts: dict[int, list[Part]] = {}
    windows = {row.window_id for row in rows.values()}
    for part in Part.objects.filter(window__in=windows).select_related("statement").order_by("pk"):
        parts.setdefault(part.window_id, []).append(part)
    measured: dict[int, list[Figures]] = {pk: [] for pk in ids}
    for m in Measurement.objects.filter(examination__in=ids, detector__in=READ_BY_FINDINGS):
        figures = Figures.of_fields(
            m.detector, m.names, value=m.value, low=m.low, high=m.high, p_value=m.p_value,
            limit=m.limit,
        )  # fmt: skip
        measured[m.examination_id].append(figures)
    for pk in ids:
        row = rows[pk]
        by_then = parts[row.window_id][: row.generation]  # each part is one generation more
        deployments = sum(
            first <= pk for (b, _), first in streamed.items() if b == row.window.baseline_id
        )
        yield _look(row, by_then, deployments, measured[pk])


def _look(
    row: Examination, parts: Sequence[Part], deployments: int, measured: list[Figures]
) -> Look:
    newest: dict[tuple[str, int], Part] = {}
    firsts: dict[int, datetime] = {}
    for part in parts:
        before = newest.get((part.kind, part.shard))
        if before is None or part.revision > before.revision:
            newest[part.kind, part.shard] = part
        if part.kind == Part.Kind.COUNTS:
            firsts.setdefault(part.shard, part.statement.received_at)
    payloads = {
        kind: [bytes(newest[key].statement.payload) for key in sorted(newest) if key[0] == kind]
        for kind in Part.Kind.values
    }
    return Look(
        at=row.examined_at,
        window=row.window,
        counts=payloads[Part.Kind.COUNTS],
        labels=payloads[Part.Kind.LABELS],
        came=max(firsts.values()),
        deployments=deployments,
        measured=measured,
    )
