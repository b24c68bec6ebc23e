"""Windows that should have come and did not. The clock, not a statement, brings these findings."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from detectors.models import Gap, Window
from governance import incidents, policies
from governance.audit import entries

MOST_AT_ONCE = 1_000


def notice_gaps(now: datetime | None = None) -> int:
    """Write down every window that is overdue, once, and open an incident. Returns how many."""
    now = now or timezone.now()
    return sum(_notice(window, now) for window in _latest_live_windows())


def missed_slots(last_end: datetime, length: timedelta, deadline: datetime) -> list[datetime]:
    """Starts of the windows that follow `last_end` and whose end lies before the deadline."""
    count = min(int((deadline - last_end) / length), MOST_AT_ONCE) if deadline > last_end else 0
    return [last_end + i * length for i in range(count)]


def _latest_live_windows() -> list[Window]:
    """The newest window of each model's deployment that runs now (a replay of history doesn't)."""
    return list(
        Window.objects.filter(replay=False)
        .select_related("baseline__version__model")
        .order_by("baseline__version__model", "deployment", "-end")
        .distinct("baseline__version__model", "deployment")
    )


def _notice(latest: Window, now: datetime) -> int:
    policy = policies.in_force()
    length = timedelta(seconds=latest.baseline.window_seconds)
    deadline = now - timedelta(seconds=policy.grace_seconds)
    slots = missed_slots(latest.end, length, deadline)
    if not slots:
        return 0
    with transaction.atomic():
        made = [gap for start in slots if (gap := _new_gap(latest, start, length, now))]
        for gap in made:
            entries.record(
                "window.missing",
                actor=incidents.SYSTEM,
                version=str(latest.baseline.version),
                deployment=latest.deployment,
                start=gap.start,
            )
        if made:
            _open_incident(latest, made, len(slots), policy)
    return len(made)


def _new_gap(latest: Window, start: datetime, length: timedelta, now: datetime) -> Gap | None:
    """The gap, if nobody had noticed it. Two clocks may tick at once; only one of them writes."""
    gap, made = Gap.objects.get_or_create(
        baseline=latest.baseline,
        deployment=latest.deployment,
        start=start,
        defaults={"end": start + length, "noticed_at": now},
    )
    return gap if made else None


def _open_incident(latest: Window, made: list[Gap], missing: int, policy: policies.Policy) -> None:
    window = made[-1]
    many = "1 expected window has" if missing == 1 else f"{missing} expected windows have"
    finding = incidents.Finding(
        cause="feed",
        detector="missing_window",
        name="windows",
        severity="high",
        value=float(missing),
        limit=0.0,
        unit="windows",
        sentence=(
            f"{many} not arrived. The last one ended at {latest.end:%Y-%m-%d %H:%M} UTC. Until "
            "windows arrive again, nobody can say how the model is doing; look whether the "
            "collector, its network or the model itself has stopped."
        ),
    )
    occasion = incidents.Occasion(
        latest.baseline.version, latest.deployment, window.start, window.end
    )
    incidents.weigh([finding], occasion, policy)
