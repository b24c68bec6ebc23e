"""Windows that should have come and did not. The clock, not a statement, brings these findings.

A deployment of a model is watched from its first live window on. Time is walked along once: what
no live window covers is written down as missing when its time is over, and the watch's mark moves
on. So a tick costs the same however long the history is, and a window that comes after it was
given up is late, but not missing a second time.

Whichever version sends, its windows cover the deployment's time; the one that sent last is
expected to go on. Windows need no grid: a collector's first window starts when the collector does.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from detectors.models import Gap, Stream, Watch, Window
from governance import incidents, policies
from governance.audit import entries

MOST_AT_ONCE = 1_000  # of a deployment's windows and gaps in one tick; the next one goes on


def notice_gaps(now: datetime | None = None) -> int:
    """Write down every window that is overdue, once, and open an incident. Returns how many."""
    now = now or timezone.now()
    _begin_watches()
    said = policies.everything_said()
    noticed = 0
    for watch in Watch.objects.select_related("model").order_by("checked_until"):
        policy = policies.composed(policies.Level.of(watch.model), said).policy
        deadline = now - timedelta(seconds=policy.grace_seconds)
        if watch.checked_until < deadline:
            noticed += _check(watch.pk, deadline, policy)
    return noticed


def _begin_watches() -> None:
    """Watch every deployment that sends live windows and is not watched yet.

    Whatever was examined has a `Stream`; there are few, so no tick reads through all windows.
    """
    there = {"baseline": OuterRef("baseline"), "deployment": OuterRef("deployment")}
    replayed = Window.objects.filter(**there).order_by("-end").values("replay")[:1]
    watched = Watch.objects.filter(
        model=OuterRef("baseline__version__model"), deployment=OuterRef("deployment")
    )
    streams = (
        Stream.objects.filter(~Exists(watched), kind=Stream.Kind.COUNTS)
        .annotate(replayed=Subquery(replayed))
        .filter(replayed=False)
        .select_related("baseline__version")
    )
    watches = [
        Watch(
            model_id=stream.baseline.version.model_id,
            deployment=stream.deployment,
            baseline=stream.baseline,
            checked_until=stream.baseline.uploads.filter(deployment=stream.deployment, replay=False)
            .earliest("start")
            .start,
        )
        for stream in streams
    ]
    watches.sort(key=lambda watch: watch.checked_until)
    Watch.objects.bulk_create(watches, ignore_conflicts=True)


def _check(watch_id: int, deadline: datetime, policy: policies.Policy) -> int:
    """Bring one watch forward and write what it came past. Of two clocks, one does it."""
    with transaction.atomic():
        watch = (
            Watch.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .select_related("baseline__version__model")
            .filter(pk=watch_id, checked_until__lt=deadline)
            .first()
        )
        if watch is None:
            return 0
        gaps = _come_past(watch, deadline)
        watch.save(update_fields=["baseline", "checked_until"])
        if gaps:
            _write(gaps, watch, policy)
        return len(gaps)


def _come_past(watch: Watch, deadline: datetime) -> list[Gap]:
    """Move the watch's mark towards the deadline; returns the gaps on the way.

    Before a window, half a window's length or more is a gap. Before the deadline, which falls
    anywhere, only whole windows are overdue.
    """
    windows = _windows_ahead(watch, deadline)
    gaps: list[Gap] = []
    for window in windows:
        gaps += _missing(watch, window.start, MOST_AT_ONCE - len(gaps), rounding=0.5)
        if len(gaps) == MOST_AT_ONCE:
            return gaps
        if window.end >= watch.checked_until:
            watch.checked_until, watch.baseline = window.end, window.baseline
    if len(windows) < MOST_AT_ONCE:
        gaps += _missing(watch, deadline, MOST_AT_ONCE - len(gaps), rounding=0)
    return gaps


def _windows_ahead(watch: Watch, deadline: datetime) -> list[Window]:
    """What covers the time from the mark to the deadline, the earliest first."""
    return list(
        _live_windows(watch)
        .filter(end__gt=watch.checked_until, start__lt=deadline)
        .select_related("baseline__version__model")
        .order_by("start", "end", "baseline")[:MOST_AT_ONCE]
    )


def _live_windows(watch: Watch) -> QuerySet[Window]:
    return Window.objects.filter(
        baseline__version__model=watch.model_id, deployment=watch.deployment, replay=False
    )


def _missing(watch: Watch, until: datetime, most: int, *, rounding: float) -> list[Gap]:
    """The windows that fit between the mark and `until`; the mark moves to the last one's end."""
    length = timedelta(seconds=watch.baseline.window_seconds)
    start = watch.checked_until
    fit = int((until - start) / length + rounding)
    gaps = [
        Gap(
            baseline=watch.baseline,
            deployment=watch.deployment,
            start=start + i * length,
            end=min(start + (i + 1) * length, until),
            noticed_at=timezone.now(),
        )
        for i in range(min(fit, most))
    ]
    if gaps:
        watch.checked_until = gaps[-1].end
    return gaps


def _write(gaps: list[Gap], watch: Watch, policy: policies.Policy) -> None:
    """Rows, log entries and the incident, in the caller's transaction."""
    Gap.objects.bulk_create(gaps)
    for gap in gaps:
        entries.record(
            "window.missing",
            actor=incidents.SYSTEM,
            version=str(gap.baseline.version),
            deployment=gap.deployment,
            start=gap.start,
            end=gap.end,
        )
    finding = _finding(gaps, watch)
    # The first and the last tell the incident its period; each of a thousand would take seconds.
    for gap in dict.fromkeys([gaps[0], gaps[-1]]):
        occasion = incidents.Occasion(gap.baseline.version, gap.deployment, gap.start, gap.end)
        incidents.weigh([finding], occasion, policy)


def _finding(gaps: list[Gap], watch: Watch) -> incidents.Finding:
    """How many windows are missing by now, also those told of before if none came in between."""
    newest = gaps[-1]
    last = newest.baseline.uploads.filter(
        deployment=newest.deployment, replay=False, end__lte=newest.start
    ).latest("end")
    since = min(last.end, gaps[0].start)
    missing = Gap.objects.filter(
        baseline__version__model=watch.model_id, deployment=watch.deployment, start__gte=since
    ).count()
    again = _live_windows(watch).filter(end__gt=newest.end).exists()
    return incidents.Finding(
        cause="feed",
        detector="missing_window",
        name="windows",
        severity="high",
        value=float(missing),
        limit=0.0,
        unit="windows",
        sentence=_hole(missing, since, newest.end) if again else _silence(missing, last.end),
    )


def _hole(missing: int, since: datetime, until: datetime) -> str:
    many = "1 window is" if missing == 1 else f"{missing} windows are"
    return (
        f"{many} missing between {since:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M} UTC; windows "
        "have arrived again since. Nobody can say how the model did in that time; look whether "
        "the collector, its network or the model itself had stopped."
    )


def _silence(missing: int, last_end: datetime) -> str:
    many = "1 expected window has" if missing == 1 else f"{missing} expected windows have"
    return (
        f"{many} not arrived. The last one ended at {last_end:%Y-%m-%d %H:%M} UTC. Until "
        "windows arrive again, nobody can say how the model is doing; look whether the "
        "collector, its network or the model itself has stopped."
    )
