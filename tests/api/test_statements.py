"""What is accepted: every kind of statement, signed or vouched for by a token, once."""

import gzip
import json
from datetime import datetime, timedelta

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from countersign import dsse
from countersign.statement import Plan, decode, digest_of
from detectors import jobs
from detectors.models import Event, Monitor, Part, Statement, Window
from detectors.models import Plan as PlanRow
from governance.audit import log
from governance.models import Entry
from governance.policies import Policy
from tests.builders import (
    HOUR,
    PRIVACY,
    a_baseline,
    a_statement,
    a_window,
    an_event,
    hours_ago,
    outcomes_of,
)

from .conftest import BASELINE_ADDRESS, ENVELOPE, Caller, payload_of, refused, registered

pytestmark = pytest.mark.django_db


def last_entry() -> dict[str, object]:
    body: dict[str, object] = json.loads(bytes(Entry.objects.latest("pk").body))
    return body


def test_a_baseline_brings_a_signed_plan_and_its_monitors(ada: Caller) -> None:
    registered(ada)
    payload = a_statement(a_baseline())
    answer = ada.send(BASELINE_ADDRESS, payload)
    assert answer.status_code == 202
    assert answer.json()["digest"] == digest_of(payload)

    envelope = ada.get("/versions/loans/1/plan")
    assert envelope.headers["Content-Type"] == ENVELOPE
    assert digest_of(payload_of(envelope)) == answer.json()["plan"]
    subject, plan = decode(payload_of(envelope), Plan)
    assert (subject.name, subject.digest["sha256"]) == ("loans/1", "d" * 64)
    assert plan.baseline == digest_of(payload)
    assert plan.columns == a_baseline().columns
    assert plan.privacy == PRIVACY


def test_the_plan_is_signed_with_the_key_that_enrolment_told(ada: Caller, loans: str) -> None:
    from detectors import plans

    key = Ed25519PublicKey.from_public_bytes(plans.plan_key().public_key().public_bytes_raw())
    envelope = ada.get("/versions/loans/1/plan").content
    assert digest_of(dsse.verify(dsse.parse(envelope), [key])) == loans


def test_monitors_follow_from_the_columns_roles_and_kinds(loans: str) -> None:
    counted = ["age", "region", "employed", "origin", "risk", "approved"]
    assert dict(Monitor.objects.values_list("detector", "columns")) == {
        "missing": counted,
        "invalid": counted,
        "out_of_range": ["age", "risk"],
        "other_category": ["region", "origin"],
        "volume": ["rows"],
        "ks": ["age", "risk"],
        "q": ["region", "employed", "origin", "approved"],
        "drift_alarm": counted,
        "estimated_performance": ["risk"],
        "realised_performance": ["risk"],
        "fairness_selection": ["origin"],
        "fairness_outcome": ["origin"],
        "label_shift": ["risk"],
        "impact": ["risk"],
    }


@pytest.mark.parametrize("without", [{"labels": None, "windows": []}, {"threshold": None}])
def test_without_labels_or_a_threshold_nothing_is_said_of_performance(
    ada: Caller, without: dict[str, object]
) -> None:
    registered(ada)
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(**without)))
    assert not Monitor.objects.filter(detector__endswith="performance").exists()
    assert Monitor.objects.filter(detector="ks").exists()


def test_the_plans_floor_is_the_policys_or_the_owners_higher_one(ada: Caller) -> None:
    registered(ada)
    higher = type(PRIVACY)(min_count=20)
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(privacy=higher)))
    _, plan = decode(payload_of(ada.get("/versions/loans/1/plan")), Plan)
    assert plan.privacy.min_count == 20


def test_a_new_baseline_revision_puts_a_new_plan_in_force(ada: Caller, loans: str) -> None:
    answer = ada.send(BASELINE_ADDRESS, a_statement(a_baseline(revision=2)))
    assert answer.status_code == 202
    in_force = digest_of(payload_of(ada.get("/versions/loans/1/plan")))
    assert in_force == answer.json()["plan"] != loans


def test_a_window_gets_a_receipt_and_the_same_bytes_get_the_same_one(
    ada: Caller, loans: str
) -> None:
    payload = a_statement(a_window(loans))
    first, again = ada.send("/windows", payload), ada.send("/windows", payload)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert first.json()["digest"] == digest_of(payload)
    assert Statement.objects.filter(kind="window").count() == 1
    assert last_entry() == last_entry() | {
        "kind": "window.accepted",
        "statement": digest_of(payload),
        "version": "loans/1",
    }


def test_a_statement_is_kept_verbatim_with_its_signatures(ada: Caller, loans: str) -> None:
    payload = a_statement(a_window(loans))
    ada.send("/windows", payload)
    kept = Statement.objects.get(kind="window")
    envelope = dsse.parse(dsse.sign(payload, ada.key))
    assert bytes(kept.payload) == payload
    assert kept.signatures == [{"keyid": s.keyid, "sig": s.sig} for s in envelope.signatures]
    assert kept.sender is not None and kept.sender.name == "Ada's host"


def test_a_bearer_token_vouches_for_plain_json(ada: Caller, loans: str) -> None:
    answer = ada.post("/windows", a_statement(a_window(loans)))
    assert answer.status_code == 202
    kept = Statement.objects.get(kind="window")
    assert kept.signatures == []
    assert kept.sender is not None and kept.sender.name == "Ada's host"


def test_the_same_bytes_are_known_however_they_were_vouched_for(ada: Caller, loans: str) -> None:
    payload = a_statement(a_window(loans))
    signed, plain = ada.send("/windows", payload), ada.post("/windows", payload)
    assert (signed.status_code, plain.status_code) == (202, 200)
    assert signed.json() == plain.json()


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_a_body_may_be_compressed(ada: Caller, loans: str, encoding: str, compress) -> None:
    payload = a_statement(a_window(loans))
    answer = ada.post("/windows", compress(payload), **{"Content-Encoding": encoding})
    assert answer.status_code == 202
    assert answer.json()["digest"] == digest_of(payload)


def test_an_envelope_may_be_compressed_too(ada: Caller, loans: str) -> None:
    body = gzip.compress(dsse.sign(a_statement(a_window(loans)), ada.key))
    answer = ada.post("/windows", body, **{"Content-Type": ENVELOPE, "Content-Encoding": "gzip"})
    assert answer.status_code == 202


def test_a_whole_window_is_ready_and_on_time(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans)))
    window = Window.objects.get()
    assert window.ready_at <= timezone.now()
    assert (window.generation, window.examined, window.late) == (1, 0, False)


def test_a_window_waits_for_its_shards_but_not_for_ever(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans, shard=0, shards=2)))
    grace = timedelta(seconds=Policy().grace_seconds)
    waiting = Window.objects.get()
    assert waiting.ready_at == waiting.received_at + grace
    ada.send("/windows", a_statement(a_window(loans, shard=1, shards=2)))
    complete = Window.objects.get()
    assert complete.ready_at <= timezone.now()
    assert (complete.generation, complete.parts.count()) == (2, 2)


def test_a_correction_takes_a_higher_revision(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans)))
    correction = a_window(loans, revision=2, start=hours_ago(1), end=hours_ago(0))
    assert ada.send("/windows", a_statement(correction)).status_code == 202
    window = Window.objects.get()
    assert (window.generation, window.parts.count()) == (2, 2)


@pytest.mark.parametrize(
    ("hours", "replay", "late"), [(0, False, False), (9, False, True), (9, True, False)]
)
def test_a_window_is_late_after_the_grace_unless_it_is_replayed(
    ada: Caller, loans: str, hours: float, replay: bool, late: bool
) -> None:
    window = a_window(loans, start=hours_ago(hours + 1), end=hours_ago(hours), replay=replay)
    assert ada.send("/windows", a_statement(window)).status_code == 202
    assert Window.objects.get().late is late
    assert Entry.objects.filter(kind="window.late").exists() is late


def test_a_late_correction_does_not_make_a_window_late(ada: Caller, loans: str) -> None:
    window = a_window(loans, start=hours_ago(10), end=hours_ago(9))
    ada.send("/windows", a_statement(window))
    Window.objects.update(late=False)
    again = a_window(loans, start=hours_ago(10), end=hours_ago(9), revision=2)
    ada.send("/windows", a_statement(again))
    assert Window.objects.get().late is False


def test_windows_may_come_in_any_order(ada: Caller, loans: str) -> None:
    for hours in (0, 2, 1):
        window = a_window(loans, start=hours_ago(hours + 1), end=hours_ago(hours))
        assert ada.send("/windows", a_statement(window)).status_code == 202
    assert Window.objects.count() == 3


def test_a_window_too_small_to_count_is_accepted(ada: Caller, loans: str) -> None:
    nothing = type(a_window(loans).tally)(rows=None, columns={})
    answer = ada.send("/windows", a_statement(a_window(loans, tally=nothing)))
    assert answer.status_code == 202


def test_outcomes_reach_the_window_they_are_about(ada: Caller, loans: str) -> None:
    window = a_window(loans)
    ada.send("/windows", a_statement(window))
    for revision in (1, 2):
        answer = ada.send("/outcomes", a_statement(outcomes_of(window, revision=revision)))
        assert answer.status_code == 202
    labels = Part.objects.filter(kind=Part.Kind.LABELS)
    assert [part.revision for part in labels.order_by("revision")] == [1, 2]
    assert Window.objects.get().generation == 3


def test_outcomes_come_years_after_their_plan_was_superseded(ada: Caller, loans: str) -> None:
    window = a_window(loans)
    ada.send("/windows", a_statement(window))
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(revision=2)))
    PlanRow.objects.filter(baseline__revision=2).update(
        issued_at=timezone.now() - timedelta(days=300)
    )
    assert ada.send("/outcomes", a_statement(outcomes_of(window))).status_code == 202


def test_an_event_is_kept(ada: Caller, loans: str) -> None:
    payload = a_statement(an_event())
    first, again = ada.send("/events", payload), ada.send("/events", payload)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert Event.objects.get().label == "feed 7 moved"


def test_a_superseded_plan_holds_for_its_grace(ada: Caller, loans: str) -> None:
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(revision=2)))
    assert ada.send("/windows", a_statement(a_window(loans))).status_code == 202


def test_what_was_accepted_keeps_its_receipt_when_its_plan_is_long_gone(
    ada: Caller, loans: str
) -> None:
    payload = a_statement(a_window(loans))
    first = ada.send("/windows", payload)
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(revision=2)))
    PlanRow.objects.filter(baseline__revision=2).update(
        issued_at=timezone.now() - timedelta(days=30)
    )
    again = ada.send("/windows", payload)
    assert (again.status_code, again.json()) == (200, first.json())


def test_a_receipt_proves_the_entry_once_the_log_is_sealed(ada: Caller, loans: str) -> None:
    receipt = ada.send("/windows", a_statement(a_window(loans))).json()
    address = f"/receipts/{receipt['digest']}"
    before = ada.get(address).json()
    recorded = bytes(Entry.objects.get(pk=receipt["entry"]).body).decode()
    unsealed = {"kind": "window", "recorded": recorded, "index": None, "proof": None}
    assert before == receipt | unsealed
    log.seal()
    after = ada.get(address).json()
    assert after["index"] == Entry.objects.count() - 1
    assert after["proof"].startswith("c2sp.org/tlog-proof@v1\n")


def test_nobody_has_a_receipt_for_what_never_came(ada: Caller) -> None:
    for digest in ("0" * 64, "nonsense"):
        refused(ada.get(f"/receipts/{digest}"), 404, "receipt.unknown")


def test_a_complete_window_wakes_a_worker_after_the_commit(
    ada: Caller, loans: str, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as woken:
        ada.send("/windows", a_statement(a_window(loans, shard=0, shards=2)))
    assert woken == []
    with django_capture_on_commit_callbacks() as woken:
        ada.send("/windows", a_statement(a_window(loans, shard=1, shards=2)))
    assert len(woken) == 1


def test_a_broker_that_is_down_does_not_fail_the_upload(
    ada: Caller,
    loans: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = jobs.examine_window.app
    monkeypatch.setitem(app.conf, "broker_url", "redis://127.0.0.1:1//")
    monkeypatch.setattr(app.amqp, "_producer_pool", None)  # made anew, and forgotten afterwards
    with django_capture_on_commit_callbacks(execute=True):
        answer = ada.send("/windows", a_statement(a_window(loans)))
    assert answer.status_code == 202
    assert "waits for the sweep" in caplog.text


def test_a_windows_period_may_be_twice_the_plans(ada: Caller, loans: str) -> None:
    window = a_window(loans, start=hours_ago(2), end=hours_ago(0))
    assert ada.send("/windows", a_statement(window)).status_code == 202


def test_the_same_moment_in_another_time_zone_is_the_same_window(ada: Caller, loans: str) -> None:
    window = a_window(loans)
    ada.send("/windows", a_statement(window))
    east = datetime.fromisoformat("2000-01-01T00:00:00+05:30").tzinfo
    there = {name: getattr(window, name).astimezone(east) for name in ("start", "end")}
    statement = a_statement(outcomes_of(window, **there))
    assert b"+05:30" in statement
    assert ada.send("/outcomes", statement).status_code == 202
    assert Window.objects.get().end - Window.objects.get().start == HOUR
