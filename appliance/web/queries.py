"""What the pages ask the database. Each function is a constant number of queries."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from detectors.models import Baseline, Event, Examination, Gap, Measurement, Stream, Window
from governance import policies
from governance.models import Incident, IncidentStep, Model, Sender, Version
from governance.policy_settings import SEVERITIES

from .about import about
from .charts import Backdrop, Mark
from .terms import EVENTS

HISTORY = 200  # windows that charts show at most
LEDGER = 400  # windows whose alarms the budget's ledger counts at most
MARKS = 12  # events that charts show at most
YEAR = 365 * 86_400  # seconds
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Models = QuerySet[Model] | list[int]  # or their ids


@dataclass
class Standing:
    """How a model stands. `expected`: when the next window is due at the latest, grace included."""

    model: Model
    versions: Sequence[Version]
    open: Counter[str] = field(default_factory=Counter)
    last: datetime | None = None
    expected: datetime | None = None

    @property
    def overdue(self) -> bool:
        return self.expected is not None and self.expected < timezone.now()

    @property
    def worst(self) -> str:
        """The highest severity among its open incidents; empty without any."""
        return next((s for s in SEVERITIES if self.open[s]), "")

    @property
    def incidents(self) -> int:
        return self.open.total()


@dataclass(frozen=True)
class Looks:
    """How much was examined, and since when."""

    windows: int
    first: datetime | None
    last: datetime | None
    waiting: int
    last_resolved: datetime | None

    @property
    def quiet_since(self) -> datetime | None:
        """Without open incidents: since the last one was resolved, or else since the first look."""
        return self.last_resolved or self.first


@dataclass(frozen=True)
class FirstSteps:
    """How far a new appliance has come."""

    enrolled: bool
    baseline: bool
    window: bool


def open_incidents(models: Models) -> QuerySet[Incident]:
    """What is not resolved of these models, the most severe first, then the oldest."""
    rank = [When(severity=severity, then=i) for i, severity in enumerate(SEVERITIES)]
    return (
        Incident.objects.filter(version__model__in=models)
        .exclude(status=Incident.Status.RESOLVED)
        .select_related("version__model", "owner")
        .order_by(Case(*rank, output_field=IntegerField()), "opened_at", "pk")
    )


def looks(models: Models) -> Looks:
    """How much of these models this appliance has examined."""
    seen = Examination.objects.filter(window__baseline__version__model__in=models).aggregate(
        windows=Count("window", distinct=True), first=Min("examined_at"), last=Max("examined_at")
    )
    windows = Window.objects.filter(baseline__version__model__in=models)
    waiting = windows.filter(~Q(examined=F("generation")), ready_at__lte=timezone.now())
    resolved = IncidentStep.objects.filter(
        kind=IncidentStep.Kind.RESOLVED, incident__version__model__in=models
    )
    return Looks(
        **seen,
        waiting=waiting.count(),
        last_resolved=resolved.aggregate(last=Max("at"))["last"],
    )


def first_steps(models: Models) -> FirstSteps:
    """What has been done of the three first steps for any of these models."""
    return FirstSteps(
        enrolled=Sender.objects.exists(),
        baseline=Baseline.objects.filter(version__model__in=models).exists(),
        window=Window.objects.filter(baseline__version__model__in=models).exists(),
    )


def standings(models: Iterable[Model], said: policies.Said | None = None) -> list[Standing]:
    """How these models stand, in their order. As many queries, however many models there are.

    `said` is `policies.everything_said()`, for who has asked already.
    """
    newest = Version.objects.order_by("-registered_at", "-pk")
    ids = [model.pk for model in models]
    rows = Model.objects.filter(pk__in=ids).prefetch_related(Prefetch("versions", newest))
    found = {m.pk: Standing(m, list(m.versions.all())) for m in rows}
    for model, severity, number in (
        open_incidents(ids)
        .order_by()
        .values_list("version__model", "severity")
        .annotate(Count("pk"))
    ):
        found[model].open[severity] = number
    _add_windows(found, said or policies.everything_said())
    return [found[pk] for pk in ids]


def _add_windows(found: dict[int, Standing], said: policies.Said) -> None:
    """When each model's last window ended, and when the next is due; replays await nothing."""
    due: dict[tuple[int, str], datetime] = {}
    for model, deployment, length, last, live in (
        Window.objects.filter(baseline__version__model__in=found)
        .values_list("baseline__version__model", "deployment", "baseline__window_seconds")
        .annotate(Max("end"), live=Max("end", filter=Q(replay=False)))
    ):
        standing = found[model]
        standing.last = max(standing.last or last, last)
        if live is not None:
            policy = policies.composed(policies.Level.of(standing.model), said).policy
            expected = live + timedelta(seconds=length + policy.grace_seconds)
            due[model, deployment] = max(due.get((model, deployment), expected), expected)
    for (model, _), expected in due.items():
        found[model].expected = min(found[model].expected or expected, expected)


@dataclass(frozen=True)
class Deployment:
    """Where a version runs, and how many windows came from there."""

    name: str
    windows: int
    last: datetime


def deployments_of(version: Version) -> list[Deployment]:
    """Where the version runs, the one with the newest window first."""
    rows = (
        Window.objects.filter(baseline__version=version)
        .values_list("deployment")
        .annotate(windows=Count("pk"), last=Max("end"))
        .order_by("-last", "deployment")
    )
    return [Deployment(*row) for row in rows]


def windows_of(version: Version, deployment: str) -> QuerySet[Window]:
    """The windows of one deployment, the newest first, each with its looks, the newest last."""
    looks = Prefetch("examinations", Examination.objects.order_by("generation"))
    return (
        Window.objects.filter(baseline__version=version, deployment=deployment)
        .order_by("-start", "-end", "-pk")
        .prefetch_related(looks)
    )


def newest_measurements(*asked: tuple[Sequence[Window], Iterable[str]]) -> dict[str, Measurement]:
    """Each detector's figures for the newest of its windows that has any, by detector.

    `asked` are windows, and the detectors that are looked up in them.
    """
    wanted = Q()
    for windows, detectors in asked:
        wanted |= Q(detector__in=detectors, examination__window__in=windows)
    rows = (
        Measurement.objects.filter(wanted)
        .select_related("examination__window")
        .order_by("detector", "-examination__window__start", "-examination__generation")
        .distinct("detector")
    )
    return {row.detector: row for row in rows}


def gaps_of(version: Version, deployment: str, since: datetime) -> list[Gap]:
    """Windows that did not come, the newest first, and still have not."""
    arrived = Window.objects.filter(baseline__version=version, deployment=deployment)
    gaps = Gap.objects.filter(baseline__version=version, deployment=deployment, start__gte=since)
    came = arrived.filter(start__lt=OuterRef("end"), end__gt=OuterRef("start"))
    return list(gaps.exclude(Exists(came)).order_by("-start")[:HISTORY])


def newest_windows(version: Version, since: datetime) -> list[tuple[int, datetime]]:
    """Examined windows of all deployments that end after `since`, the newest first."""
    rows = Window.objects.filter(baseline__version=version, end__gt=since, examined__gt=0)
    return list(rows.order_by("-start", "-pk").values_list("pk", "start")[:LEDGER])


def newest_baseline(windows: Iterable[Window], newest: Baseline) -> Baseline:
    """The newest one that any of these windows was held against; mostly the `newest` of all."""
    held_to = {window.baseline_id for window in windows}
    if newest.pk in held_to:
        return newest
    return Baseline.objects.filter(pk__in=held_to).latest("revision")


def map_levels(windows: Iterable[Window], allowed: float) -> dict[int, float]:
    """By baseline: from which p-value on a map raises an alarm, if `allowed` false ones a year may
    be raised."""
    baselines = Baseline.objects.filter(pk__in={window.baseline_id for window in windows})
    counted = Count("stream", filter=Q(stream__kind=Stream.Kind.COUNTS))
    rows = baselines.annotate(deployments=counted).values_list(
        "pk", "window_seconds", "deployments"
    )
    return {
        pk: allowed * seconds / (YEAR * about(pk).streams * max(deployments, 1))
        for pk, seconds, deployments in rows
    }


def streaming_deployments(baseline: Baseline) -> int:
    """How many deployments share the budget."""
    return Stream.objects.filter(baseline=baseline, kind=Stream.Kind.COUNTS).count()


def incidents_since(version: Version, since: datetime) -> list[Incident]:
    """A version's incidents of all deployments that lasted to then or longer, newest first.

    `said` is what people said when they resolved it.
    """
    resolved = IncidentStep.objects.filter(incident=OuterRef("pk"), kind=IncidentStep.Kind.RESOLVED)
    rows = version.incidents.filter(last_window__gte=since)
    rows = rows.annotate(
        said=Coalesce(Subquery(resolved.values("text")[:1]), Value(""), output_field=TextField())
    )
    return list(rows.order_by("-opened_at", "-pk")[:HISTORY])


def incidents_of(version: Version, deployment: str) -> list[Incident]:
    """A version's newest incidents there."""
    rows = version.incidents.filter(deployment=deployment)
    return list(rows.order_by("-opened_at", "-pk")[:HISTORY])


def backdrop_of(version: Version, windows: Sequence[Window]) -> Backdrop:
    """The period of these windows with the events in it. `windows` are not empty."""
    start, end = min(w.start for w in windows), max(w.end for w in windows)
    events = version.events.filter(at__gte=start, at__lte=end).order_by("-at", "-pk")
    ends = {w.start: w.end for w in windows}
    return Backdrop(start, end, ends, marks=_marks(list(events[:MARKS])))


def behind(backdrop: Backdrop, incidents: Iterable[Incident], *causes: str) -> Backdrop:
    """The backdrop with the windows of those incidents that are of these causes."""
    spans = [
        (max(i.first_window, backdrop.start), backdrop.ends.get(i.last_window, i.last_window))
        for i in incidents
        if i.cause in causes and backdrop.start <= i.last_window <= backdrop.end
    ]
    return replace(backdrop, incidents=_merged(spans))


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Spans that overlap or touch become one, so that none is drawn twice."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _marks(events: list[Event]) -> list[Mark]:
    return [
        Mark(letter, event.at, EVENTS.get(event.kind, event.kind), event.label)
        for letter, event in zip(LETTERS, reversed(events), strict=False)
    ]
