"""What a proposed policy would have done: every examination once more, judged by it.

Each is taken as it was: the statements that had come, in the order of the time, and the figures
that were measured. What a policy decides is computed anew by the code that decides it every day:
limits, streams, alarms, lateness, findings, severities. So a replay of the policy in force tells
what really happened; the proposal is held against that replay, and the replay against what people
were really told (`real` and `again`).

Assumed: people would have resolved what there was to resolve at the times when they did; an
incident that nobody was told of stays open. A replay is done model by model, each in a task of its
own, and writes nothing but its result.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from countersign.statement import Refused
from detectors import history
from detectors.alarms import State
from detectors.examination import Case, examine
from detectors.history import Closed, Look, Overdue
from detectors.inbox import Inbox, Key, Told
from detectors.models import Stream
from governance import access
from governance.audit import entries
from governance.incidents import Finding
from governance.levels import Level, everything_said
from governance.models import Incident, Model, PolicyVersion, Replay, ReplayedModel
from governance.policies import Policy, composed
from governance.proposals import covered_models, with_version

LONGEST = 366  # days
CLAIM = timedelta(minutes=10)  # longer than a task may run
MOST_TRIES = 3  # at one model
LISTED = 50  # incidents of a kind, per model
# What of a policy decides about incidents.
DECIDES = ("false_alarms_per_year", "tolerance", "severities", "grace_seconds", "min_count")


@dataclass
class Track:
    """A model's past under one policy: what its streams hold, and what was examined of a window."""

    policy: Policy
    states: dict[tuple[int, str], dict[str, State]] = field(default_factory=dict)
    progress: dict[int, dict[str, Any]] = field(default_factory=dict)

    def findings(self, look: Look) -> list[Finding]:
        """Examine it again, and remember what the streams then hold."""
        window = look.window
        fresh: dict[str, Any] = {
            "counts_examined": "", "counts_streamed": False, "labels_streamed": b""
        }  # fmt: skip
        for name, value in self.progress.get(window.pk, fresh).items():
            setattr(window, name, value)
        grace = timedelta(seconds=self.policy.grace_seconds)
        window.late = not window.replay and look.came > window.end + grace
        stream = (window.baseline_id, window.deployment)
        nothing = {kind: np.empty(0, np.float32) for kind in Stream.Kind.values}
        states = self.states.setdefault(stream, nothing)
        result = examine(
            Case(
                window=window,
                counts=look.counts,
                labels=look.labels,
                states=states,
                deployments=look.deployments,
                policy=self.policy,
                measured=look.measured,
            )
        )
        states |= {kind: state.astype(np.float32) for kind, state in result.states.items()}
        self.progress[window.pk] = self.progress.get(window.pk, fresh) | result.progress
        return result.findings


def start(version: PolicyVersion, days: int, *, by: User) -> Replay:
    """Begin to replay a proposal over the last days. Raises `Refused`."""
    unit = version.model.business_unit if version.model else version.business_unit
    access.demand(by, "policy.propose", unit=unit)
    if not 1 <= days <= LONGEST:
        raise Refused("replay.days", f"From 1 to {LONGEST} days.", "$.days")
    said, now = everything_said(), timezone.now()
    try:
        with transaction.atomic():
            waiting = PolicyVersion.objects.select_for_update(no_key=True).filter(
                pk=version.pk, status=PolicyVersion.Status.PROPOSED
            )
            if not waiting.exists():
                raise Refused("policy.decided", "This proposal was decided or withdrawn already.")
            return Replay.objects.create(
                version=version,
                against=said.digest,
                since=now - timedelta(days=days),
                until=now,
                about=[model.pk for model in covered_models(version, said)],
                actor=f"user:{by.pk}",
            )
    except IntegrityError:
        raise Refused("replay.running", "This proposal is being replayed already.") from None


def unfinished(now: datetime | None = None) -> list[int]:
    """Replays that nobody is at."""
    return list(_free(now or timezone.now()).values_list("pk", flat=True))


def go_on(replay_id: int) -> bool:
    """Replay one model more, unless somebody is at it. Whether there is more to do.

    One at whose next model MOST_TRIES workers failed or died has failed.
    """
    now = timezone.now()
    mine = _free(now).filter(pk=replay_id)
    if _given_up(mine.filter(tries__gte=MOST_TRIES), now):
        return False
    if not mine.update(claimed_until=now + CLAIM, tries=F("tries") + 1):
        return False
    replay = Replay.objects.select_related("version__model").get(pk=replay_id)
    done = set(replay.results.values_list("model", flat=True))
    left = [pk for pk in replay.about if pk not in done]
    if left:
        model = Model.objects.get(pk=left[0])
        found = replayed(model, replay)
        ReplayedModel.objects.bulk_create(
            [ReplayedModel(replay=replay, model=model, found=found)], ignore_conflicts=True
        )
    _release(replay, finished=len(left) <= 1)
    return len(left) > 1


def replayed(model: Model, replay: Replay) -> dict[str, Any]:
    """What the proposal gains, loses and changes for one model, as `ReplayedModel.found`."""
    said, level = everything_said(), Level.of(model)
    now = composed(level, said).policy
    then = composed(level, with_version(said, replay.version)).policy
    told_now = told_under(now, model, replay)
    same = all(getattr(now, name) == getattr(then, name) for name in DECIDES)
    told_then = told_now if same else told_under(then, model, replay)
    real = _really_told(model, replay)
    return {
        "same": same,
        "cut": history.is_cut(model),
        "now": len(told_now),
        "then": len(told_then),
        "real": len(real),
        "again": sum((told.key, told.start) in real for told in told_now),
        **compared(told_now, told_then, real),
    }


def told_under(policy: Policy, model: Model, replay: Replay) -> list[Told]:
    """The incidents that a policy would have opened in the replay's time."""
    track, inbox = Track(policy), Inbox(policy, history.silences(model))
    for event in _events(model, timedelta(seconds=policy.grace_seconds), replay.until):
        match event:
            case Look():
                inbox.weigh(track.findings(event), event)
            case Overdue():
                inbox.weigh([_missing()], event)
            case Closed():
                inbox.close(event)
    return [told for told in inbox.told if told.at >= replay.since]


def compared(
    now: Sequence[Told], then: Sequence[Told], real: dict[tuple[Key, datetime], int]
) -> dict[str, Any]:
    """Incidents that only one of both has, and those that are others in both."""
    gained = [t for t in then if not any(t.overlaps(n) for n in now)]
    lost = [n for n in now if not any(n.overlaps(t) for t in then)]
    pairs = [(n, next((t for t in then if n.overlaps(t)), None)) for n in now]
    changed = [
        _row(n, real) | {"severity_then": t.severity, "start_then": t.start.isoformat()}
        for n, t in pairs
        if t and (t.severity, t.start) != (n.severity, n.start)
    ]
    return {
        "gained": [_row(t, real) for t in gained[:LISTED]],
        "lost": [_row(n, real) for n in lost[:LISTED]],
        "changed": changed[:LISTED],
        "numbers": {"gained": len(gained), "lost": len(lost), "changed": len(changed)},
    }


def _events(model: Model, grace: timedelta, until: datetime) -> Iterator[Look | Overdue | Closed]:
    """What happened, in the order of the time."""
    return heapq.merge(
        history.closings(model, until),
        history.overdue(model, grace, until),
        history.looks(model, until),
        key=attrgetter("at"),
    )


def _missing() -> Finding:
    return Finding(
        cause="feed",
        detector="missing_window",
        name="windows",
        sentence="An expected window had not arrived when its time was over.",
        severity="high",
    )


def _really_told(model: Model, replay: Replay) -> dict[tuple[Key, datetime], int]:
    """The incidents that were opened in the replay's time, by cause and first window."""
    rows = Incident.objects.filter(
        version__model=model, opened_at__gte=replay.since, opened_at__lte=replay.until
    )
    return {((i.version_id, i.deployment, i.cause), i.first_window): i.pk for i in rows}


def _row(told: Told, real: dict[tuple[Key, datetime], int]) -> dict[str, Any]:
    _, deployment, cause = told.key
    return {
        "version": told.version.name,
        "deployment": deployment,
        "cause": cause,
        "severity": told.severity,
        "title": told.title.split(". ", maxsplit=1)[0].rstrip(".")[:200],
        "start": told.start.isoformat(),
        "incident": real.get((told.key, told.start)),
    }


def _free(now: datetime) -> QuerySet[Replay]:
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return Replay.objects.filter(free, finished_at=None, failed_at=None)


def _given_up(hopeless: QuerySet[Replay], now: datetime) -> bool:
    with transaction.atomic():
        replay = hopeless.select_for_update().first()
        if replay is None:
            return False
        replay.failed_at = now
        replay.save(update_fields=["failed_at"])
        _record("policy.replay_failed", replay)
    return True


def _release(replay: Replay, *, finished: bool) -> None:
    with transaction.atomic():
        running = Replay.objects.filter(pk=replay.pk, finished_at=None, failed_at=None)
        finished_at = timezone.now() if finished else None
        if running.update(claimed_until=None, tries=0, finished_at=finished_at) and finished:
            _record("policy.replayed", replay)


def _record(kind: str, replay: Replay) -> None:
    entries.record(
        kind,
        actor=replay.actor,
        policy=replay.version_id,
        since=replay.since,
        until=replay.until,
        models=len(replay.about),
    )
