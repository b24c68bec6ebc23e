"""A collector that runs for months follows the plans; and noise is drawn once, whoever asks."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign import Collector, Home, Refused, dsse
from countersign.statement import Outcomes, Window, decode, encode
from countersign.statements import OpenPlan
from countersign.tables import Privacy

from .appliance import TOKEN, SmallAppliance, running_appliance
from .cast import DIGEST, END, START, a_plan, noised_plan, some_rows

NOISE = Privacy(mechanism="discrete_laplace", scale=8.0)


@pytest.fixture
def appliance() -> Iterator[SmallAppliance]:
    with running_appliance() as running:
        yield running


@pytest.fixture
def home(appliance: SmallAppliance, tmp_path: Path) -> Iterator[Home]:
    enrolled = Home.enroll(appliance.url, TOKEN, name="ada-host", directory=tmp_path / "home")
    yield enrolled
    enrolled.sender.stop()


@pytest.fixture(scope="module")
def first() -> OpenPlan:
    return a_plan()


def issue(appliance: SmallAppliance, after: OpenPlan, **changes: Any) -> str:
    """A newer plan, a day after that one; returns its digest."""
    issued = after.plan.issued + dt.timedelta(days=1)
    plan = msgspec.structs.replace(after.plan, issued=issued, **changes)
    payload = encode(plan, DIGEST)
    appliance.plans["loans/1"] = dsse.sign(payload, appliance.key)
    return OpenPlan.read(payload).digest


def window_of(collector: Collector) -> Window:
    return decode(collector.close_window(START, END), Window)[1]


def test_what_a_newer_plan_counts_alike_is_told_under_it_at_once(
    home: Home, appliance: SmallAppliance, first: OpenPlan
):
    issue(appliance, first)
    collector = home.collector("loans", "1")
    collector.add(some_rows(60))
    newer = issue(appliance, collector.plan, privacy=Privacy(min_count=30))
    window = window_of(collector)
    assert (window.plan, window.privacy.min_count, window.tally.rows) == (newer, 30, 60)
    assert collector.plan.digest == newer


def test_what_it_counts_otherwise_is_told_under_the_old_plan_and_the_next_window_under_it(
    home: Home, appliance: SmallAppliance, first: OpenPlan
):
    before = issue(appliance, first)
    collector = home.collector("loans", "1")
    collector.add(some_rows(60))
    newer = issue(appliance, collector.plan, privacy=NOISE, maps=[])
    assert window_of(collector).plan == before
    collector.add(some_rows(40))
    window = window_of(collector)
    assert (window.plan, window.privacy) == (newer, NOISE)
    assert collector.failures == 0


def test_labels_come_under_the_newest_plan_of_their_windows_baseline(
    home: Home, appliance: SmallAppliance, first: OpenPlan
):
    issue(appliance, first)
    collector = home.collector("loans", "1")
    newer = issue(appliance, collector.plan, privacy=Privacy(min_count=12))
    outcomes = decode(collector.outcomes(some_rows(500), START, END), Outcomes)[1]
    assert outcomes.plan == newer
    collector.close_window()
    columns = [c for c in first.plan.columns if c.name != "age"]
    other = issue(appliance, collector.plan, baseline="e" * 64, columns=columns, revision=2)
    collector.close_window()
    assert collector.plan.digest == other
    assert decode(collector.outcomes(some_rows(500), START, END), Outcomes)[1].plan == newer
    now = dt.datetime.now(dt.UTC)
    later = collector.outcomes(some_rows(500), now, now + dt.timedelta(days=1))
    assert decode(later, Outcomes)[1].plan == other


def test_what_cannot_be_followed_leaves_the_plan_as_it_is(
    home: Home, appliance: SmallAppliance, first: OpenPlan, caplog: pytest.LogCaptureFixture
):
    before = issue(appliance, first)
    collector = home.collector("loans", "1")
    persons = msgspec.structs.replace(NOISE, unit="person")
    issue(appliance, collector.plan, privacy=persons, maps=[])  # nobody named a column of persons
    assert window_of(collector).plan == before
    assert "noise.subject" in caplog.text
    body = dsse.parse(appliance.plans["loans/1"]).payload
    appliance.plans["loans/1"] = dsse.sign(body.encode(), Ed25519PrivateKey.generate())
    assert window_of(collector).plan == before
    assert "envelope.bad_signature" in caplog.text or "envelope.unsigned" in caplog.text


def test_noise_is_drawn_once_for_a_window_and_again_only_for_a_correction(home: Home):
    plan = noised_plan(NOISE)

    def counted(**options: Any) -> bytes:
        collector = Collector(plan, key=home.hashing_key)
        collector.add(some_rows(60))
        return collector.close_window(START, END, **options)

    payload = counted()
    home.sender.put(payload)
    home.sender.put(payload)
    with pytest.raises(Refused, match=r"noise\.drawn_before"):
        home.sender.put(counted())
    home.sender.put(counted(revision=2))
    assert len(home.sender.waiting()) == 3


def test_a_window_whose_noise_was_drawn_before_holds_no_later_one_up(first: OpenPlan):
    sent: list[bytes] = []

    def send(payload: bytes) -> None:
        sent.append(payload)
        raise Refused("noise.drawn_before", "It was.")

    collector = Collector(first, key=b"k" * 32)
    collector.start(send)
    collector.stop()
    assert len(sent) == 1
    assert collector.failures == 0
