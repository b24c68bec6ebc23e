"""What is refused, by which rule, and that nothing of it stays behind but the rule's name."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.apps import apps
from django.conf import settings
from django.utils import timezone

from appliance.api.rules import RULES
from countersign import dsse
from countersign.statement import MAX_BYTES
from countersign.tables import MAX_CELLS, Privacy
from detectors.models import Baseline, Event, Monitor, Part, Plan, Statement, Window
from governance.models import Content, Entry, Pending
from governance.signoff import guard
from tests.builders import (
    COLUMNS,
    a_baseline,
    a_statement,
    a_tally,
    a_window,
    an_event,
    hours_ago,
    outcomes_of,
    some_labels,
)

from .conftest import BASELINE_ADDRESS, ENVELOPE, Caller, refused, registered

pytestmark = pytest.mark.django_db

CANARY = "ada.lovelace@example.org"
REMARK = "Ada says: (not) a name"
KEPT = (Statement, Baseline, Monitor, Window, Part, Event)


def kept() -> dict[str, int]:
    """How many rows there are of everything that intake writes."""
    return {model.__name__: model.objects.count() for model in KEPT}


@pytest.fixture
def nothing_more_is_kept(loans: str) -> Iterator[None]:
    """Whatever a test sends after its baseline leaves nothing but log entries."""
    before = kept()
    yield
    assert kept() == before


def changed(payload: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A statement's bytes after a change of the parsed JSON."""
    statement = json.loads(payload)
    change(statement)
    return json.dumps(statement).encode()


def in_predicate(**fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda statement: statement["predicate"].update(fields)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


# --- the form -------------------------------------------------------------------------------

MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda payload: b"{}",
    "not JSON": lambda payload: payload[:-1],
    "an array": lambda payload: b"[" + payload + b"]",
    "a byte order mark": lambda payload: b"\xef\xbb\xbf" + payload,
    "UTF-16": lambda payload: payload.decode().encode("utf-16"),
    "not UTF-8": lambda payload: payload.replace(b"production", b"produc\xffion"),
    "NaN": lambda payload: payload.replace(b'"rows":1000', b'"rows":NaN'),
    "an infinity": lambda payload: payload.replace(b'"scale":0.0', b'"scale":Infinity'),
    "a number without end": lambda payload: payload.replace(b'"scale":0.0', b'"scale":1e999'),
    "thousands of digits": lambda payload: payload.replace(
        b'"scale":0.0', b'"scale":' + b"1" * 5_000
    ),
    "a NUL byte": lambda payload: payload.replace(b"production", b"produc\x00ion"),
    "an escaped NUL": lambda payload: payload.replace(b"production", rb"produc\u0000ion"),
    "half a surrogate": lambda payload: payload.replace(b"production", rb"produc\ud800ion"),
    "deep nesting": lambda payload: payload.replace(b'"rows":1000', b'"rows":' + nested(50_000)),
    "deeper nesting outside": lambda payload: nested(100_000),
    "an unknown field": lambda payload: changed(payload, in_predicate(remark=REMARK)),
    "a text for a count": lambda payload: payload.replace(b'"rows":1000', b'"rows":"1000"'),
    "a float for a count": lambda payload: payload.replace(b'"rows":1000', b'"rows":1000.5'),
    "a free text": lambda payload: changed(payload, in_predicate(deployment=REMARK)),
    "a count beyond counting": lambda payload: changed(
        payload, in_predicate(tally={"rows": 2**60, "columns": {}})
    ),
    "too many cells": lambda payload: changed(
        payload,
        lambda s: s["predicate"]["tally"]["columns"]["age"].update(cells=[0] * (MAX_CELLS + 5)),
    ),
    "a date without zone": lambda payload: changed(
        payload, in_predicate(start="2026-01-01T00:00:00")
    ),
    "another day than there is": lambda payload: changed(
        payload, in_predicate(start="2026-02-30T00:00:00Z")
    ),
}


@pytest.mark.parametrize("how", MALFORMED)
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_malformed_window_is_refused(ada: Caller, loans: str, how: str) -> None:
    body = MALFORMED[how](a_statement(a_window(loans)))
    for answer in (ada.send("/windows", body), ada.post("/windows", body)):
        refused(answer, 422, "statement.malformed")
        assert REMARK.encode() not in answer.content


@pytest.mark.parametrize("key", ["deployment", "predicateType", "rows"])
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_key_given_twice_is_refused(ada: Caller, loans: str, key: str) -> None:
    payload = a_statement(a_window(loans))
    twice = re.sub(rb'("%b":("[^"]*"|\d+))' % key.encode(), rb"\1,\1", payload)
    refused(ada.send("/windows", twice), 422, "statement.duplicate_key")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_statement_goes_to_the_address_of_its_kind(ada: Caller, loans: str) -> None:
    window = a_statement(a_window(loans))
    for address in ("/outcomes", "/events", BASELINE_ADDRESS):
        refused(ada.send(address, window), 422, "statement.wrong_kind")


def test_an_accepted_window_has_no_receipt_at_another_address(ada: Caller, loans: str) -> None:
    window = a_statement(a_window(loans))
    ada.send("/windows", window)
    refused(ada.send("/events", window), 422, "statement.wrong_kind")


OTHER_SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "blanks": lambda payload: json.dumps(json.loads(payload)).encode(),
    "one blank": lambda payload: payload + b" ",
    "a tab inside": lambda payload: payload.replace(b'"rows":', b'"rows":\t'),
    "an escape": lambda payload: payload.replace(b"production", rb"\u0070roduction"),
    "more digits": lambda payload: payload.replace(b'"scale":0.0', b'"scale":0.00000'),
    "an exponent": lambda payload: payload.replace(b'"scale":0.0', b'"scale":0e5'),
    "a default": lambda payload: payload.replace(b'"privacy":', b'"revision":1,"privacy":'),
    "a zero in a time": lambda payload: payload.replace(b':00Z"', b':00.000Z"', 1),
    "another order": lambda payload: changed(
        payload, lambda s: s["predicate"].update(plan=s["predicate"].pop("plan"))
    ).replace(b": ", b":").replace(b", ", b","),
    "other keys first": lambda payload: payload.replace(b"a" * 32 + b'":', b"x").replace(
        b"b" * 32 + b'":', b"a" * 32 + b'":').replace(b"x", b"b" * 32 + b'":'),
}  # fmt: skip


@pytest.mark.parametrize("how", OTHER_SPELLINGS)
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_statement_is_written_in_one_way(ada: Caller, loans: str, how: str) -> None:
    payload = a_statement(a_window(loans))
    other = OTHER_SPELLINGS[how](payload)
    assert other != payload and json.loads(other)
    refused(ada.send("/windows", other), 422, "statement.not_canonical")


# --- size and encoding ----------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_an_oversized_body_is_refused_unread(ada: Caller) -> None:
    body = b" " * (MAX_BYTES + 1)
    refused(ada.post("/windows", body), 413, "upload.too_large")
    large = dsse.sign(body, ada.key)
    answer = ada.post("/windows", large, **{"Content-Type": ENVELOPE})
    refused(answer, 413, "statement.too_large")
    refused(
        ada.post("/windows", b" " * (4 * MAX_BYTES), **{"Content-Type": ENVELOPE}),
        413,
        "upload.too_large",
    )


@pytest.mark.parametrize("length", ["99999999999999999999", "-1", "many", "", "١٢"])
def test_a_length_is_a_plausible_number(ada: Caller, length: str) -> None:
    answer = ada.client.post(
        "/api/v1/windows",
        data=b"{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {ada.bearer}"},
        CONTENT_LENGTH=length,
    )
    assert answer.json()["type"] in ("upload.too_large", "upload.length")


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_bomb_is_refused_while_it_is_unpacked(
    ada: Caller, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    bomb = compress(b" " * 60_000_000)
    assert len(bomb) < MAX_BYTES
    answer = ada.post("/windows", bomb, **{"Content-Encoding": encoding})
    refused(answer, 413, "upload.too_large")


def test_a_zstd_frame_that_wants_a_huge_window_is_refused(ada: Caller) -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    frame = compressor.compress(b"{}") + compressor.flush()
    answer = ada.post("/windows", frame, **{"Content-Encoding": "zstd"})
    refused(answer, 415, "upload.encoding")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-4]),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more"),
        ("zstd", b"{}"),
        ("br", b"{}"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
    ],
)
def test_a_broken_or_unknown_encoding_is_refused(ada: Caller, encoding: str, body: bytes) -> None:
    answer = ada.client.post(
        "/api/v1/windows",
        data=body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {ada.bearer}", "Content-Encoding": encoding},
        CONTENT_LENGTH=str(len(body)),
    )
    refused(answer, 415, "upload.encoding")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "x", ""])
def test_another_content_type_is_refused(ada: Caller, kind: str) -> None:
    answer = ada.post("/windows", b"{}", **{"Content-Type": kind})
    refused(answer, 415, "upload.content_type")
    refused(ada.post("/models", b"{}", **{"Content-Type": kind}), 415, "upload.content_type")


# --- signatures -----------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_an_unknown_key_is_refused(eve: Caller, loans: str) -> None:
    refused(eve.send("/windows", a_statement(a_window(loans))), 401, "envelope.unsigned")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_eve_cannot_sign_under_adas_key_id(ada: Caller, eve: Caller, loans: str) -> None:
    envelope = json.loads(dsse.sign(a_statement(a_window(loans)), eve.key))
    envelope["signatures"][0]["keyid"] = dsse.keyid(ada.key.public_key())
    answer = eve.post("/windows", envelope, **{"Content-Type": ENVELOPE})
    refused(answer, 401, "envelope.bad_signature")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_signed_statement_cannot_be_changed(ada: Caller, loans: str) -> None:
    signed = json.loads(dsse.sign(a_statement(a_window(loans)), ada.key))
    other = json.loads(dsse.sign(a_statement(a_window(loans, revision=2)), ada.key))
    envelope = signed | {"payload": other["payload"]}
    answer = ada.post("/windows", envelope, **{"Content-Type": ENVELOPE})
    refused(answer, 401, "envelope.bad_signature")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"signatures": []}, "envelope.malformed"),
        ({"extra": CANARY}, "envelope.malformed"),
        ({"payload": "?"}, "envelope.malformed"),
        ({"payload": "AAA"}, "envelope.base64"),
        ({"payloadType": CANARY}, "envelope.payload_type"),
    ],
)
def test_a_malformed_envelope_is_refused(
    ada: Caller, loans: str, change: dict[str, object], rule: str
) -> None:
    envelope = json.loads(dsse.sign(a_statement(a_window(loans)), ada.key)) | change
    answer = ada.post("/windows", envelope, **{"Content-Type": ENVELOPE})
    refused(answer, 422, rule)
    assert CANARY.encode() not in answer.content


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_without_signature_or_token_nothing_is_read(eve: Caller) -> None:
    refused(eve.post("/windows", b"{}"), 401, "credential.missing")


# --- what a statement is about --------------------------------------------------------------


@pytest.mark.parametrize("name", ["model", "version"])
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_an_unknown_model_or_version_is_refused(ada: Caller, loans: str, name: str) -> None:
    window = a_window(loans, **{name: "unheard-of"})
    refused(ada.send("/windows", a_statement(window)), 404, "version.unknown")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_another_artefact_than_the_registered_one_is_refused(ada: Caller, loans: str) -> None:
    for predicate, address in (
        (a_window(loans), "/windows"),
        (a_baseline(revision=2), BASELINE_ADDRESS),
        (an_event(), "/events"),
    ):
        payload = a_statement(predicate, version_digest="e" * 64)
        refused(ada.send(address, payload), 422, "version.digest_mismatch")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_subject_without_a_digest_is_refused(ada: Caller, loans: str) -> None:
    def no_digest(statement: dict[str, Any]) -> None:
        statement["subject"][0]["digest"] = {}

    payload = changed(a_statement(a_window(loans)), no_digest)
    refused(ada.send("/windows", payload), 422, "version.digest_mismatch")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_subject_that_names_another_version_is_refused(ada: Caller, loans: str) -> None:
    def other_name(statement: dict[str, Any]) -> None:
        statement["subject"][0]["name"] = "loans/2"

    payload = changed(a_statement(a_window(loans)), other_name)
    refused(ada.send("/windows", payload), 422, "statement.wrong_subject")


def test_a_baseline_goes_to_its_own_versions_address(ada: Caller, loans: str) -> None:
    ada.post("/models/loans/versions", {"version": "2", "digest": "2" * 64})
    answer = ada.send("/versions/loans/2/baseline", a_statement(a_baseline(revision=2)))
    refused(answer, 422, "baseline.other_version")
    answer = ada.send("/versions/loans/3/baseline", a_statement(a_baseline(revision=2)))
    refused(answer, 404, "version.unknown")


# --- plans ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_plan_that_was_never_issued_is_refused(ada: Caller) -> None:
    refused(ada.send("/windows", a_statement(a_window("0" * 64))), 422, "plan.unknown")


def test_a_plan_of_another_version_is_refused(ada: Caller, loans: str) -> None:
    ada.post("/models/loans/versions", {"version": "2", "digest": "2" * 64})
    window = a_statement(a_window(loans, version="2"), version_digest="2" * 64)
    refused(ada.send("/windows", window), 422, "plan.unknown")


def test_a_superseded_plan_is_refused_after_its_grace(ada: Caller, loans: str) -> None:
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(revision=2)))
    newer = Plan.objects.filter(baseline__revision=2)
    newer.update(issued_at=timezone.now() - timedelta(days=8))
    refused(ada.send("/windows", a_statement(a_window(loans))), 422, "plan.superseded")


def test_a_version_without_a_baseline_has_no_plan(ada: Caller) -> None:
    registered(ada)
    refused(ada.get("/versions/loans/1/plan"), 404, "plan.none")


# --- time -----------------------------------------------------------------------------------

OUT_OF_TIME: dict[str, tuple[dict[str, object], str]] = {
    "ends in an hour": ({"start": hours_ago(0), "end": hours_ago(-1.5)}, "window.future"),
    "of the year 9999": ({"end": "9999-12-31T23:59:59-14:00"}, "window.future"),
    "of last year": ({"start": hours_ago(401 * 24)}, "window.prehistoric"),
    "of the year 1": ({"start": "0001-01-01T00:00:00+14:00"}, "window.prehistoric"),
    "replayed from 1989": (
        {"replay": True, "start": "1989-12-31T00:00:00Z", "end": "1989-12-31T01:00:00Z"},
        "window.prehistoric",
    ),
    "three hours long": ({"start": hours_ago(3)}, "window.too_long"),
    "empty": ({"start": hours_ago(0)}, "window.empty_period"),
    "ends before it starts": (
        {"start": hours_ago(0), "end": hours_ago(1)},
        "window.empty_period",
    ),
}


@pytest.mark.parametrize("when", OUT_OF_TIME)
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_window_out_of_time_is_refused(ada: Caller, loans: str, when: str) -> None:
    times, rule = OUT_OF_TIME[when]
    fields = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in times.items()}
    payload = changed(a_statement(a_window(loans)), in_predicate(**fields))
    refused(ada.send("/windows", payload), 422, rule)


@pytest.mark.parametrize("at", ["1989-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_an_event_out_of_time_is_refused(ada: Caller, at: str) -> None:
    payload = changed(a_statement(an_event()), in_predicate(at=at))
    refused(ada.send("/events", payload), 422, "event.time")


def test_a_reference_out_of_time_is_refused(ada: Caller) -> None:
    registered(ada)
    baseline = a_baseline()
    span = baseline.windows[-1]
    later = type(span)(start=hours_ago(-1), end=hours_ago(-2), tally=span.tally, labels=span.labels)
    payload = a_statement(a_baseline(windows=[later]))
    refused(ada.send(BASELINE_ADDRESS, payload), 422, "baseline.period")
    assert not any(kept().values())


# --- the same again, but different ----------------------------------------------------------


def test_a_window_replayed_with_a_change_is_refused(ada: Caller, loans: str) -> None:
    window = a_window(loans)
    ada.send("/windows", a_statement(window))
    before = kept()
    other = a_window(loans, tally=a_tally(2_000))
    refused(ada.send("/windows", a_statement(other)), 409, "window.conflict")
    assert kept() == before


def test_a_lower_revision_does_not_replace_a_higher_one(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans, revision=3)))
    refused(ada.send("/windows", a_statement(a_window(loans, revision=2))), 409, "window.conflict")


@pytest.mark.parametrize("difference", [{"shards": 3}, {"replay": True}])
def test_shards_that_disagree_are_refused(
    ada: Caller, loans: str, difference: dict[str, object]
) -> None:
    ada.send("/windows", a_statement(a_window(loans, shard=0, shards=2)))
    second: dict[str, Any] = {"shard": 1, "shards": 2} | difference
    answer = ada.send("/windows", a_statement(a_window(loans, **second)))
    refused(answer, 409, "window.shards_differ")


def test_a_baseline_revision_is_given_once(ada: Caller, loans: str) -> None:
    other = a_baseline(season="hour")
    refused(ada.send(BASELINE_ADDRESS, a_statement(other)), 409, "baseline.conflict")
    assert Baseline.objects.count() == 1


def test_outcomes_replayed_with_a_change_are_refused(ada: Caller, loans: str) -> None:
    window = a_window(loans)
    ada.send("/windows", a_statement(window))
    ada.send("/outcomes", a_statement(outcomes_of(window)))
    other = outcomes_of(window, labels=some_labels(500))
    refused(ada.send("/outcomes", a_statement(other)), 409, "outcomes.conflict")


@pytest.mark.usefixtures("nothing_more_is_kept")
def test_outcomes_of_a_window_that_never_came_are_refused(ada: Caller, loans: str) -> None:
    answer = ada.send("/outcomes", a_statement(outcomes_of(a_window(loans))))
    refused(answer, 422, "outcomes.unknown_window")


# --- counts and privacy ---------------------------------------------------------------------


def weaker(**changes: Any) -> Privacy:
    return Privacy(**{"min_count": 11} | changes)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"privacy": weaker(min_count=5)}, "privacy.min_count_below_plan"),
        ({"privacy": weaker(mechanism="discrete_laplace", scale=1.0)}, "privacy.noise_below_plan"),
        ({"privacy": weaker(scale=1.0)}, "privacy.scale"),
        ({"tally": a_tally(20)}, "privacy.cell_below_floor"),
        ({"tally": a_tally(columns=COLUMNS[:-3])}, "tally.columns"),
        ({"shard": 1}, "window.shard_out_of_range"),
    ],
)
@pytest.mark.usefixtures("nothing_more_is_kept")
def test_a_window_that_breaks_its_plan_is_refused(
    ada: Caller, loans: str, changes: dict[str, Any], rule: str
) -> None:
    refused(ada.send("/windows", a_statement(a_window(loans, **changes))), 422, rule)


def test_a_baseline_below_the_policys_floor_is_refused(ada: Caller) -> None:
    registered(ada)
    payload = a_statement(a_baseline(privacy=weaker(min_count=10)))
    refused(ada.send(BASELINE_ADDRESS, payload), 422, "privacy.min_count_below_policy")
    assert not any(kept().values())


# --- traces ---------------------------------------------------------------------------------


def test_a_refusal_of_somebody_known_is_logged_by_its_rule_alone(ada: Caller, loans: str) -> None:
    entries = Entry.objects.count()
    payload = changed(a_statement(a_window(loans)), in_predicate(email=CANARY))
    ada.send("/windows", payload)
    assert Entry.objects.count() == entries + 1
    body = json.loads(bytes(Entry.objects.latest("pk").body))
    keyid = dsse.keyid(ada.key.public_key())
    assert set(body) == {"actor", "kind", "rule", "time"}
    assert (body["actor"], body["kind"], body["rule"]) == (
        f"key:{keyid}",
        "upload.refused",
        "firewall.identifier",
    )


def test_strangers_leave_no_trace(eve: Caller, loans: str) -> None:
    entries = Entry.objects.count()
    eve.send("/windows", a_statement(a_window(loans)))
    eve.post("/windows", b"{}")
    assert Entry.objects.count() == entries


def test_refused_content_is_nowhere_in_the_database(ada: Caller, loans: str) -> None:
    window = a_statement(a_window(loans))
    for name in ("email", "deployment", "model", "plan", "start"):
        ada.send("/windows", changed(window, in_predicate(**{name: CANARY})))
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            assert CANARY not in str([bytes(v) if isinstance(v, memoryview) else v for v in row])
    assert Pending.objects.exists() and not Content.objects.filter(text=CANARY).exists()


# --- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["/", "/nothing", "/windows/", "/%00", "/models/a%2Fb/versions/c", "/versions"]
)
def test_an_unknown_address_is_a_problem_document(ada: Caller, address: str) -> None:
    refused(ada.get(address), 404, "request.address")
    refused(ada.post(address, b"{}"), 404, "request.address")


def test_a_wrong_method_tells_the_right_ones(ada: Caller) -> None:
    answer = ada.get("/windows")
    refused(answer, 405, "request.method")
    assert answer.headers["Allow"] == "POST"
    for method in ("put", "delete", "patch", "head", "options"):
        assert getattr(ada.client, method)("/api/v1/windows").status_code == 405


def test_an_unknown_status_of_incidents_is_refused(ada: Caller) -> None:
    answer = ada.get(f"/incidents?status={CANARY}")
    refused(answer, 422, "request.malformed")
    assert CANARY.encode() not in answer.content


# --- the table ------------------------------------------------------------------------------


def rules_in_code() -> set[str]:
    """Every rule that code on the way of an upload names where it refuses."""
    root = Path(settings.BASE_DIR)
    checks = ("checks", "table_checks", "cell_checks", "slice_checks")
    both = ("statement", *checks, "templates", "dsse")
    wire = [root / "collector/src/countersign" / f"{name}.py" for name in both]
    folders = ("governance", "detectors", "appliance/api")
    ours = [file for folder in folders for file in (root / folder).rglob("*.py")]
    raised = re.compile(r'\b(?:Refused|TooFast|_refuse_\w+|problem)\(\s*(?:[^"]*?, )??"(\w+\.\w+)"')
    kept_by_the_database = {rule for rule, _ in guard.RULES.values()}
    return kept_by_the_database.union(*(raised.findall(f.read_text()) for f in wire + ours))


def test_every_rule_has_its_place_in_the_table() -> None:
    found = rules_in_code()
    assert len(found) > 60
    assert found <= set(RULES)
    # Four are named where other people's errors are translated.
    elsewhere = {"request.address", "request.cut_off", "server.unavailable", "server.error"}
    assert set(RULES) - found == elsewhere
