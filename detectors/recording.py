"""Claim a window, examine it outside any transaction, and write what was found in one.

Two workers may arrive at once, and either may be killed at any moment. Claims are conditional
updates that expire; what was found is written together with `Window.examined`, or not at all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from detectors.alarms import State
from detectors.examination import Case, Result, examine
from detectors.models import Examination, Measurement, Part, Stream, Window
from governance import incidents, policies
from governance.audit import entries

CLAIM = timedelta(seconds=20)  # far longer than an examination takes, short enough to wait for
RETRIES = 8
SWEPT_AT_ONCE = 500


class Overtaken(Exception):
    """Somebody else moved the stream or took the claim while we computed."""


@dataclass(frozen=True)
class Claim:
    """Our hold on a window: valid while the row still says so."""

    window: Window
    until: datetime


def examine_and_record(window_id: int) -> bool:
    """Examine a window that is ready and not yet examined. False when there was nothing to do."""
    claim = _claim(window_id)
    if claim is None:
        return False
    for attempt in range(RETRIES):
        try:
            case, streams = _case(claim.window)
            _record(claim, examine(case), streams)
            return True
        except Overtaken:
            if attempt == RETRIES - 1 or not _still_ours(claim):
                break
    Window.objects.filter(pk=window_id, claimed_until=claim.until).update(claimed_until=None)
    return False


def overdue(now: datetime | None = None) -> list[int]:
    """Windows that are ready, not examined, and that nobody holds."""
    ready = _to_do(now or timezone.now()).order_by("ready_at")
    return list(ready.values_list("pk", flat=True)[:SWEPT_AT_ONCE])


def _to_do(now: datetime) -> QuerySet[Window]:
    return Window.objects.filter(
        ~Q(examined=F("generation")),
        Q(claimed_until=None) | Q(claimed_until__lt=now),
        ready_at__lte=now,
    )


def _claim(window_id: int) -> Claim | None:
    now = timezone.now()
    until = now + CLAIM
    if not _to_do(now).filter(pk=window_id).update(claimed_until=until):
        return None
    window = Window.objects.select_related("baseline__version__model").get(pk=window_id)
    return Claim(window, until)


def _still_ours(claim: Claim) -> bool:
    return Window.objects.filter(pk=claim.window.pk, claimed_until=claim.until).exists()


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
    seen = set(window.examinations.order_by().values_list("rows", "labelled"))
    case = Case(
        window=window,
        counts=_newest_statements(window, Part.Kind.COUNTS),
        labels=_newest_statements(window, Part.Kind.LABELS),
        states={kind: np.frombuffer(s.state, np.float32) for kind, s in streams.items()},
        fresh_counts=not seen,
        fresh_labels=all(labelled is None for _, labelled in seen),
        deployments=Stream.objects.filter(baseline=window.baseline, kind="counts").count(),
        policy=policies.in_force(),
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
        _finish(claim)
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
        opened = incidents.weigh(
            result.findings, occasion, policies.in_force(), causes=result.causes
        )
        entries.record(
            "window.examined",
            actor=incidents.SYSTEM,
            window=window.pk,
            generation=window.generation,
            statements=[*result.statements],
            findings=len(result.findings),
            incidents=[incident.pk for incident in opened],
        )


def _finish(claim: Claim) -> None:
    mine = Window.objects.filter(pk=claim.window.pk, claimed_until=claim.until)
    if not mine.update(examined=claim.window.generation, claimed_until=None):
        raise Overtaken


def _advance(stream: Stream, state: State) -> None:
    unmoved = Stream.objects.filter(pk=stream.pk, step=stream.step)
    if not unmoved.update(step=stream.step + 1, state=state.astype(np.float32).tobytes()):
        raise Overtaken
