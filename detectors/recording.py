"""Claim a window, examine it outside any transaction, and write what was found in one.

Two workers may arrive at once, and either may be killed at any moment. Claims are conditional
updates that expire; what was found is written together with `Window.examined`, or not at all.

Windows of one deployment take turns, the earliest of those that wait first: the same uploads then
lead to the same alarms, whichever worker is faster. The turn is a lock of the database connection,
so a killed worker gives it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from detectors import sign_offs
from detectors.alarms import State
from detectors.examination import Case, Result, examine
from detectors.findings import wording
from detectors.models import Examination, Measurement, Part, Stream, Window
from governance import incidents, policies
from governance.audit import entries
from governance.signoff import conditions

CLAIM = timedelta(seconds=20)  # far longer than an examination takes, short enough to wait for
ATTEMPTS = 5  # after so many failures people are told
LONGEST = timedelta(hours=6)  # between two attempts
SWEPT_AT_ONCE = 500


class Overtaken(Exception):
    """Somebody else moved the stream or took the claim while we computed."""


@dataclass(frozen=True)
class Claim:
    """Our hold on a window: valid while the row still says so."""

    window: Window
    until: datetime


def examine_and_record(window_id: int) -> bool:
    """Examine one window of this one's deployment, the earliest that waits. False if none does."""
    baseline, deployment = Window.objects.values_list("baseline_id", "deployment").get(pk=window_id)
    with _turn(f"{baseline}/{deployment}"):
        waiting = _to_do(timezone.now()).filter(baseline=baseline, deployment=deployment)
        earliest = waiting.order_by("start").first()
        claim = _claim(earliest.pk) if earliest else None
        if claim is None:
            return False
        case, streams = _case(claim.window)
        try:
            _record(claim, examine(case), streams)
        except Overtaken:
            return False
        return True


def overdue(now: datetime | None = None) -> list[int]:
    """Windows that are ready, not examined, and that nobody holds."""
    ready = _to_do(now or timezone.now()).order_by("ready_at")
    return list(ready.values_list("pk", flat=True)[:SWEPT_AT_ONCE])


def tell_of_failures() -> int:
    """Tell people of windows whose examination fails again and again. Returns how many."""
    failing = Window.objects.filter(attempts__gte=ATTEMPTS, failure_told=False)
    return sum(_tell(window) for window in failing.select_related("baseline__version__model"))


def _to_do(now: datetime) -> QuerySet[Window]:
    return Window.objects.filter(
        ~Q(examined=F("generation")),
        Q(claimed_until=None) | Q(claimed_until__lt=now),
        ready_at__lte=now,
    )


@contextmanager
def _turn(stream: str) -> Iterator[None]:
    """Wait until no other worker examines a window of this deployment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [stream])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [stream])


def _claim(window_id: int) -> Claim | None:
    """Take hold of a window. The hold doubles with every failure: it is the pause before the next
    attempt, and it outlasts whatever was wrong."""
    now = timezone.now()
    window = Window.objects.select_related("baseline__version__model").get(pk=window_id)
    until = now + min(CLAIM * 2 ** min(window.attempts, 12), LONGEST)
    free = _to_do(now).filter(pk=window_id, generation=window.generation)
    if not free.update(claimed_until=until, attempts=F("attempts") + 1):
        return None
    return Claim(window, until)


def _tell(window: Window) -> bool:
    with transaction.atomic():
        told = Window.objects.filter(pk=window.pk, failure_told=False).update(failure_told=True)
        if told:
            finding = incidents.Finding(
                cause="feed",
                detector="examination",
                name="examination",
                sentence=wording.not_examined(ATTEMPTS),
                severity="high",
            )
            occasion = incidents.Occasion(
                window.baseline.version, window.deployment, window.start, window.end
            )
            policy = policies.in_force(window.baseline.version.model)
            incidents.weigh([finding], occasion, policy)
            entries.record("window.failed", actor=incidents.SYSTEM, window=window.pk)
    return bool(told)


def _case(window: Window) -> tuple[Case, dict[str, Stream]]:
    """Everything that an examination needs to know."""
    streams = {
        kind: Stream.objects.get_or_create(
            baseline=window.baseline,
            deployment=window.deployment,
            kind=kind,
            defaults={"state": b""},
        )[0]
        for kind in Stream.Kind.values
    }
    case = Case(
        window=window,
        counts=_newest_statements(window, Part.Kind.COUNTS),
        labels=_newest_statements(window, Part.Kind.LABELS),
        states={kind: np.frombuffer(s.state, np.float32) for kind, s in streams.items()},
        deployments=Stream.objects.filter(baseline=window.baseline, kind="counts").count(),
        policy=policies.in_force(window.baseline.version.model),
    )
    return case, streams


def _newest_statements(window: Window, kind: str) -> list[bytes]:
    """Payloads of the highest revision of each shard."""
    parts = (
        window.parts.filter(kind=kind)
        .order_by("shard", "-revision")
        .distinct("shard")
        .select_related("statement")
    )
    return [bytes(part.statement.payload) for part in parts]


def _record(claim: Claim, result: Result, streams: dict[str, Stream]) -> None:
    """One transaction: the window's mark, examination, figures, stream, incidents, log entry."""
    window = claim.window
    with transaction.atomic():
        _finish(claim, result)
        for kind, state in result.states.items():
            _advance(streams[kind], state)
        examination = Examination.objects.create(
            window=window,
            generation=window.generation,
            examined_at=timezone.now(),
            rows=result.rows,
            labelled=result.labelled,
        )
        Measurement.objects.bulk_create(
            Measurement(examination=examination, **figures.as_fields())
            for figures in result.figures
        )
        occasion = incidents.Occasion(
            window.baseline.version, window.deployment, window.start, window.end
        )
        policy = policies.in_force(window.baseline.version.model)
        opened = incidents.weigh(result.findings, occasion, policy, causes=result.causes)
        incidents.note_quiet(occasion)
        conditions.watch(occasion, sign_offs.values_of(result.figures), sign_offs.evidence_of)
        entries.record(
            "window.examined",
            actor=incidents.SYSTEM,
            window=window.pk,
            generation=window.generation,
            statements=[*result.statements],
            findings=len(result.findings),
            incidents=[incident.pk for incident in opened],
        )


def _finish(claim: Claim, result: Result) -> None:
    mine = Window.objects.filter(pk=claim.window.pk, claimed_until=claim.until)
    done = {"examined": claim.window.generation, "claimed_until": None, "attempts": 0}
    if not mine.update(**done, **result.progress):
        raise Overtaken


def _advance(stream: Stream, state: State) -> None:
    unmoved = Stream.objects.filter(pk=stream.pk, step=stream.step)
    if not unmoved.update(step=stream.step + 1, state=state.astype(np.float32).tobytes()):
        raise Overtaken
