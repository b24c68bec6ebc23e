"""A replay of the policy in force tells what really happened; a proposal's, what it changes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from countersign.statement import Refused
from detectors import clock, jobs, recording, replay
from detectors.history import looks
from detectors.inbox import Told
from detectors.models import Examination, Measurement, Statement, Stream, Window
from detectors.replay import told_under
from governance import policies, proposals
from governance.handling import resolve_incident
from governance.models import (
    Entry,
    Incident,
    Membership,
    Model,
    PolicyVersion,
    Replay,
    ReplayedModel,
)
from governance.policies import Level
from governance.policy_settings import Settings
from tests.cast import person, somebody
from tests.detectors.test_clock import HALF_PAST, arrive, hourly
from tests.detectors.test_recording import in_two_connections
from tests.detectors.world import GONE, HOLES, OLDER, ORDINARY, World

__all__ = ["hourly"]  # a fixture

NOBODYS_CONCERN = Settings(tolerance=0.2)
FALSE_ALARM = Incident.Verdict.FALSE_ALARM
STRICTER = Settings(tolerance=0.005)


def week(world: World, number: int, shares: dict[str, Any] = ORDINARY, **changes: Any) -> Any:
    window = world.window(number, shares, **changes)
    world.send(window)
    examine()
    return window


def examine() -> None:
    for pk in recording.overdue(timezone.now() + timedelta(days=1)):
        recording.examine_and_record(pk)


def dan() -> User:
    return person("dan")


def proposed(settings: Settings, level: Level | None = None) -> PolicyVersion:
    return proposals.propose(level or Level(), settings, by=dan(), reason="because")


def replayed(settings: Settings, level: Level | None = None) -> dict[str, Any]:
    """What a proposal would have changed for the one model."""
    asked = replay.start(proposed(settings, level), 90, by=dan())
    assert replay.go_on(asked.pk) is False
    found: dict[str, Any] = ReplayedModel.objects.get(replay=asked).found
    return found


def as_it_happened(model: Model) -> list[tuple[Any, ...]]:
    rows = Incident.objects.filter(version__model=model).order_by("opened_at", "pk")
    return [(i.version_id, i.deployment, i.cause, i.first_window, i.severity) for i in rows]


def as_replayed(model: Model, policy: policies.Policy | None = None) -> list[tuple[Any, ...]]:
    told = _told(model, policy or policies.in_force(model))
    return sorted(((*t.key, t.start, t.severity) for t in told), key=str)


def _told(model: Model, policy: policies.Policy) -> list[Told]:
    now = timezone.now()
    asked = Replay(since=now - timedelta(days=90), until=now, version_id=0)
    return told_under(policy, model, asked)


@pytest.fixture
def troubled(world: World) -> World:
    """Two deployments; drift, holes, a resolved incident, a gone column, labels in two pieces."""
    for number in range(3):
        week(world, number)
        week(world, number, deployment="staging")
    for number in range(3, 7):
        week(world, number, OLDER)
        week(world, number, deployment="staging")
    drift = Incident.objects.get(cause="drift", deployment="production")
    resolve_incident(drift, FALSE_ALARM, actor="user:1", reason="A campaign.")
    for number in range(7, 10):
        window = week(world, number, HOLES if number > 7 else OLDER)
        world.send(world.outcomes(window, bias=0.25))
        examine()
        world.send(world.outcomes(window, bias=0.25, revision=2))
        examine()
    week(world, 7, GONE, deployment="staging")
    return world


def test_a_replay_of_the_policy_in_force_tells_exactly_what_happened(troubled: World) -> None:
    model = troubled.version.model
    happened = as_it_happened(model)
    assert {cause for _, _, cause, *_ in happened} == {"drift", "data_quality", "performance"}
    assert as_replayed(model) == sorted(happened, key=str)


def test_its_streams_end_where_the_real_ones_are(troubled: World) -> None:
    model = troubled.version.model
    track = replay.Track(policies.in_force(model))
    for look in looks(model, timezone.now()):
        track.findings(look)
    for stream in Stream.objects.exclude(state=b""):
        states = track.states[stream.baseline_id, stream.deployment]
        assert states[stream.kind].tobytes() == bytes(stream.state)


def test_a_replay_writes_nothing_but_its_result(troubled: World) -> None:
    tables = (Incident, Examination, Measurement)
    before = [table.objects.count() for table in tables]
    streams = list(Stream.objects.order_by("pk").values_list("step", "state"))
    windows = list(Window.objects.order_by("pk").values())
    replayed(NOBODYS_CONCERN)
    assert [table.objects.count() for table in tables] == before
    assert list(Stream.objects.order_by("pk").values_list("step", "state")) == streams
    assert list(Window.objects.order_by("pk").values()) == windows


def test_a_larger_tolerance_loses_the_incident_and_names_it(world: World) -> None:
    for number in range(4):
        week(world, number, OLDER if number > 1 else ORDINARY)
    [incident] = Incident.objects.all()
    found = replayed(NOBODYS_CONCERN)
    assert found["numbers"] == {"gained": 0, "lost": 1, "changed": 0}
    assert (found["now"], found["then"], found["real"], found["again"]) == (1, 0, 1, 1)
    [lost] = found["lost"]
    assert (lost["incident"], lost["cause"], lost["version"]) == (incident.pk, "drift", "1")
    assert found["same"] is False


def test_a_smaller_tolerance_gains_an_incident(world: World) -> None:
    lax = approved(proposed(NOBODYS_CONCERN))
    for number in range(4):
        week(world, number, OLDER if number > 1 else ORDINARY)
    assert not Incident.objects.exists()
    assert policies.in_force().versions == (lax.pk,)
    found = replayed(Settings(tolerance=0.01))
    assert found["numbers"] == {"gained": 1, "lost": 0, "changed": 0}
    assert found["gained"][0]["incident"] is None


def test_a_smaller_budget_tells_later(world: World) -> None:
    shares = {n: (ORDINARY[n] + 0 * s if n != "age" else 0.75 * ORDINARY[n] + 0.25 * OLDER[n])
              for n, s in ORDINARY.items()}  # fmt: skip
    for number in range(9):
        week(world, number, shares if number > 1 else ORDINARY)
    found = replayed(Settings(false_alarms_per_year=0.1))
    assert found["numbers"]["gained"] == 0
    assert found["numbers"]["lost"] + found["numbers"]["changed"] == 1


def test_a_higher_severity_changes_incidents_and_gains_none(world: World) -> None:
    for number in range(4):
        week(world, number, OLDER if number > 1 else ORDINARY)
    found = replayed(Settings(severities={"drift": "high"}))  # type: ignore[dict-item]
    assert found["numbers"] == {"gained": 0, "lost": 0, "changed": 1}
    assert (found["changed"][0]["severity"], found["changed"][0]["severity_then"]) == (
        Incident.objects.get().severity,
        "high",
    )


def test_what_decides_nothing_about_incidents_is_not_computed_twice(world: World) -> None:
    week(world, 0)
    assert replayed(Settings(review_days=30, quiet_hours="22:00-07:00"))["same"] is True


def test_a_shorter_grace_gains_what_came_late_and_a_longer_one_loses_it(hourly: World) -> None:
    arrive(hourly, 20, 19, 18)
    arrive(hourly, 17, late=timedelta(hours=3))
    arrive(hourly, 14)
    clock.notice_gaps(HALF_PAST)
    assert as_replayed(hourly.version.model) == sorted(
        as_it_happened(hourly.version.model), key=str
    )
    assert replayed(Settings(grace_seconds=3_600))["changed"][0]["cause"] == "feed"
    quiet = policies.Policy(grace_seconds=30 * 86_400)
    assert as_replayed(hourly.version.model, quiet) == []


def test_only_models_of_the_level_are_replayed(world: World) -> None:
    other = Model.objects.create(name="cards", business_unit="cards")
    for level, about in (
        (Level("cards"), [other.pk]),
        (Level(model="loans"), [world.version.model_id]),
        (Level(), [other.pk, world.version.model_id]),
        (Level(tier=3), []),
    ):
        assert replay.start(proposed(STRICTER, level), 30, by=dan()).about == about


def test_it_goes_on_model_by_model_and_says_when_it_is_done(world: World) -> None:
    Model.objects.create(name="cards")
    asked = replay.start(proposed(NOBODYS_CONCERN), 30, by=dan())
    assert replay.unfinished() == [asked.pk]
    assert [replay.go_on(asked.pk) for _ in range(3)] == [True, False, False]
    asked.refresh_from_db()
    assert asked.finished_at is not None
    assert asked.results.count() == 2
    assert replay.unfinished() == []
    assert Entry.objects.filter(kind="policy.replayed").count() == 1


def test_of_two_workers_at_one_replay_one_goes_on(world: World) -> None:
    asked = replay.start(proposed(NOBODYS_CONCERN), 30, by=dan())
    assert in_two_connections(replay.go_on, [asked.pk, asked.pk]) == [False, False]
    assert ReplayedModel.objects.count() == 1
    assert Entry.objects.filter(kind="policy.replayed").count() == 1


def test_a_replay_whose_worker_was_killed_is_taken_up_again(world: World) -> None:
    asked = replay.start(proposed(NOBODYS_CONCERN), 30, by=dan())
    Replay.objects.update(claimed_until=timezone.now() + replay.CLAIM)
    assert replay.unfinished() == []
    assert replay.unfinished(timezone.now() + 2 * replay.CLAIM) == [asked.pk]
    Replay.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    jobs.replay_policy(asked.pk)
    assert Replay.objects.get().finished_at is not None


def test_a_replay_at_which_workers_fail_is_given_up(world: World) -> None:
    """And it approves nothing; another may be asked for, and is counted anew."""
    week(world, 0)
    version = proposed(NOBODYS_CONCERN)
    asked = replay.start(version, 30, by=dan())
    Statement.objects.filter(kind="window").update(payload=b"{}")  # no worker can read it
    for _ in range(replay.MOST_TRIES):
        with pytest.raises(Refused, match="statement"):
            jobs.replay_policy(asked.pk)
        assert replay.unfinished() == []
        Replay.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert Entry.objects.filter(kind="policy.replay_failed").count() == 0
    jobs.replay_policy(asked.pk)
    asked.refresh_from_db()
    assert (asked.failed_at is None, asked.finished_at) == (False, None)
    assert (replay.unfinished(), ReplayedModel.objects.count()) == ([], 0)
    assert Entry.objects.filter(kind="policy.replay_failed").count() == 1
    dora = somebody("dora", Membership.Role.POLICY_ADMINISTRATOR)
    refused("policy.not_replayed", lambda: proposals.approve(version, by=dora))
    assert replay.start(version, 30, by=dan()).tries == 0


def test_a_level_without_models_has_a_replay_too(world: World) -> None:
    version = proposed(STRICTER, Level(tier=3))
    jobs.replay_policy(replay.start(version, 30, by=dan()).pk)
    assert Replay.objects.get().finished_at is not None


@pytest.mark.parametrize("days", [0, -1, 367, 10**9])
def test_a_period_is_a_year_at_most(world: World, days: int) -> None:
    refused("replay.days", lambda: replay.start(proposed(NOBODYS_CONCERN), days, by=dan()))


def test_what_cannot_be_replayed_is_refused(world: World) -> None:
    version = proposed(NOBODYS_CONCERN)
    refused("access.denied", lambda: replay.start(version, 30, by=person("ada")))
    replay.start(version, 30, by=dan())
    refused("replay.running", lambda: replay.start(version, 30, by=dan()))
    proposals.withdraw(version, by=dan())
    Replay.objects.update(finished_at=timezone.now())
    refused("policy.decided", lambda: replay.start(version, 30, by=dan()))


def test_from_the_proposal_to_the_policy_in_force(world: World) -> None:
    """Dan proposes, a worker replays, Dora approves."""
    week(world, 0)
    version = approved(proposed(Settings(severities={"feed": "high"})))  # type: ignore[dict-item]
    assert policies.in_force(world.version.model).versions == (version.pk,)


def approved(version: PolicyVersion) -> PolicyVersion:
    jobs.replay_policy(replay.start(version, 30, by=dan()).pk)
    dora = somebody("dora", Membership.Role.POLICY_ADMINISTRATOR)
    proposals.approve(version, by=dora)
    return version


def refused(rule: str, verb: Callable[[], Any]) -> None:
    with pytest.raises(Refused) as refusal:
        verb()
    assert refusal.value.rule == rule
