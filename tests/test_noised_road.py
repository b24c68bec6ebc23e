"""The road under noise, for persons: policy, recipe, baseline, plan, windows, labels over HTTP, the
ledger, an examination; and what happens when the year's budget is spent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import LazySettings
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from countersign import Collector, Home
from countersign.sender import Flushed
from countersign.statement import Window, decode
from detectors import charges, plans
from detectors.models import Examination, Statement
from detectors.recording import examine_and_record, overdue
from governance import ledger, policies, senders, zcdp
from governance.models import Incident, Loss
from governance.policies import Level, Rules

WEEK = timedelta(days=7)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DIGEST = "d" * 64
ROLES = {"risk": "score", "repaid": "outcome", "sex": "group"}
NOISE: dict[str, Any] = {
    "mechanism": "discrete_gaussian",
    "scale": 8.0,
    "unit": "person",
    "contribution": 2,
}
rng = np.random.default_rng(5)


def people(count: int, week: int, age: float = 45.0) -> dict[str, Any]:
    """Applicants of a week, each with one row, but for one who has 101."""
    risk = rng.beta(2, 3, count)
    return {
        "moment": np.full(count, np.datetime64((BEGIN + week * WEEK).replace(tzinfo=None), "s")),
        "who": [f"{week}-{max(i, 100)}" for i in range(count)],
        "age": rng.normal(age, 12, count).clip(18, 95),
        "income": rng.lognormal(10, 0.5, count),
        "sex": rng.choice(["f", "m"], count),
        "risk": risk,
        "repaid": rng.random(count) < risk,
    }


def allow(epsilon: float) -> None:
    """What the policy says of everybody's privacy."""
    rules = Rules(**NOISE, epsilon_per_year=epsilon)
    policies.set_rules(Level(), rules, actor="user:1", reason="because")


@pytest.fixture
def home(live_server: LiveServer, settings: LazySettings, tmp_path: Path) -> Iterator[Home]:
    settings.COUNTERSIGN_DATA = tmp_path / "data"
    (tmp_path / "data").mkdir()
    token = senders.issue_one_time_token("enrol", actor="user:1")
    home = Home.enroll(live_server.url, token, directory=tmp_path / "home")
    home.register("loans", "3", DIGEST)
    yield home
    home.sender.stop()


def deliver(home: Home, statement: bytes) -> Flushed:
    home.sender.put(statement)
    return home.sender.flush()


def baseline(home: Home, **changes: Any) -> bytes:
    parts = [people(3_000, week) for week in range(-8, 0)]
    frame = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    recipe = {"noise": NOISE, "subject": "who", **changes}
    return Collector.baseline(
        frame,
        model="loans",
        version="3",
        digest=DIGEST,
        key=home.hashing_key,
        roles=ROLES,
        threshold=0.5,
        time="moment",
        window=WEEK,
        **recipe,
    )


def send_weeks(home: Home, collector: Collector, weeks: range, age: float = 45.0) -> list[Flushed]:
    sent = []
    for week in weeks:
        collector.add(people(3_000, week, age))
        start = BEGIN + week * WEEK
        sent.append(deliver(home, collector.close_window(start, start + WEEK, replay=True)))
    return sent


@pytest.mark.django_db(transaction=True)
def test_from_a_policy_to_an_incident_and_to_the_end_of_the_budget(home: Home) -> None:
    allow(epsilon=100.0)
    [problem] = deliver(home, baseline(home, noise={})).refused
    assert problem["type"] == "privacy.mechanism_not_in_policy"
    home.sender.put(baseline(home, revision=2))
    assert home.sender.flush().refused == []

    collector = home.collector("loans", "3", subject="who")
    plan = collector.plan.plan
    assert (plan.privacy.unit, plan.privacy.contribution) == ("person", 2)
    assert all(f.accepted for f in send_weeks(home, collector, range(6)))
    window = Statement.objects.filter(kind="window").latest("pk")
    rows = decode(bytes(window.payload), Window)[1].tally.rows
    assert rows == pytest.approx(2_901, abs=80)  # 2,900 persons, of whom one has two rows of 101
    labels = collector.outcomes(people(3_000, 0), BEGIN, BEGIN + WEEK)
    assert deliver(home, labels).accepted
    assert [examine_and_record(pk) for pk in overdue()]
    assert list(Incident.objects.values_list("title", flat=True)) == []

    cost = charges.of_window(plans.read_plan(collector.plan.digest)).rho
    assert (
        list(Loss.objects.filter(kind="window").values_list("rho", flat=True))
        == [pytest.approx(cost * ledger.UNIT, abs=1)] * 6
    )
    assert set(Loss.objects.values_list("kind", flat=True)) == {"baseline", "window", "outcomes"}

    assert all(f.accepted for f in send_weeks(home, collector, range(6, 9), age=55.0))
    assert [examine_and_record(pk) for pk in overdue()]
    assert Incident.objects.get().findings[0]["name"] == "age"
    assert Examination.objects.count() == 9

    spent = ledger.standing(
        Incident.objects.get().version.model, policies.in_force(), timezone.now()
    )
    allow(epsilon=zcdp.epsilon_of(spent.spent / ledger.UNIT, 1e-6) + 1e-9)
    [flushed] = send_weeks(home, collector, range(9, 10))
    assert [p["type"] for p in flushed.refused] == ["privacy.budget_exhausted"]
    assert Loss.objects.filter(kind="window").count() == 9

    allow(epsilon=100.0)  # what was refused is on the disk, and is the same draw when sent again
    path = max((home.directory / "refused").glob("*.statement"))
    path.rename(home.directory / "spool" / path.name)
    assert home.sender.flush().accepted
    assert Loss.objects.filter(kind="window").count() == 10
