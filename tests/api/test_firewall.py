"""The firewall at the door: every address and content type; nothing refused stays behind."""

import json
from collections.abc import Iterator

import pytest
from django.apps import apps

from countersign.statement import Predicate
from governance.models import Entry
from tests.builders import (
    COLUMNS,
    a_baseline,
    a_statement,
    a_tally,
    a_window,
    an_event,
    outcomes_of,
)
from tests.detectors.test_firewall import PROFILES

from .conftest import BASELINE_ADDRESS, ENVELOPE, Caller, refused, registered, with_token
from .test_refusals import kept

pytestmark = pytest.mark.django_db

ADDRESSES = ["/windows", "/outcomes", "/events", BASELINE_ADDRESS]
IBAN, CARD, PHONE = "GB82WEST12345698765432", "4111 1111 1111 1111", "555-867-5309"


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    yield
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            text = str([bytes(v) if isinstance(v, memoryview) else v for v in row])
            assert not any(secret in text for secret in (IBAN, CARD, PHONE, "WHY1"))


@pytest.mark.parametrize("name", PROFILES)
def test_other_tools_profiles_are_refused_by_name_at_every_address(ada: Caller, name: str) -> None:
    registered(ada)
    tool, body = PROFILES[name]
    rules = set()
    for address in ADDRESSES:
        for kind in ("application/json", "application/octet-stream", "text/plain", ""):
            answer = ada.post(address, body, **{"Content-Type": kind})
            document = refused(answer, 422, answer.json()["type"])
            rules.add(document["type"])
            assert "countersign convert" in document["fix"]
        answer = ada.send(address, body)
        rules.add(refused(answer, 422, answer.json()["type"])["type"])
    [rule] = rules
    assert rule.startswith(f"firewall.{tool}_")
    logged = [json.loads(bytes(entry.body)).get("rule") for entry in Entry.objects.all()]
    assert logged.count(rule) == 5 * len(ADDRESSES)
    assert not any(kept().values())


def test_strangers_are_not_told_what_a_profile_is(eve: Caller) -> None:
    body = PROFILES["whylogs"][1]
    refused(eve.post("/windows", body), 401, "credential.missing")
    refused(with_token("read").post("/windows", body), 403, "credential.scope")


@pytest.mark.parametrize("where", ["window", "outcomes", "event", "baseline", "version"])
def test_an_identifier_in_a_statement_is_refused(ada: Caller, loans: str, where: str) -> None:
    before = kept()
    window = a_window(loans, deployment=IBAN)
    columns = [*COLUMNS[:-1], type(COLUMNS[0])(name=CARD, role="feature", kind="boolean")]
    cases: dict[str, tuple[Predicate, str, str]] = {
        "window": (window, "/windows", "$.predicate.deployment"),
        "outcomes": (outcomes_of(window), "/outcomes", "$.predicate.deployment"),
        "event": (an_event(label=f"call {PHONE} now"), "/events", "$.predicate.label"),
        "version": (an_event(version=IBAN), "/events", "$.predicate.version"),
        "baseline": (
            a_baseline(revision=2, columns=columns, total=a_tally(20_000, columns), windows=[]),
            BASELINE_ADDRESS,
            "$.predicate.columns[6].name",
        ),
    }
    statement, address, path = cases[where]
    document = refused(ada.send(address, a_statement(statement)), 422, "firewall.identifier")
    assert document["path"] == path
    assert not any(secret in json.dumps(document) for secret in (IBAN, CARD, PHONE))
    assert kept() == before


def test_a_token_that_can_be_guessed_is_refused(ada: Caller) -> None:
    registered(ada)
    payload = a_statement(a_baseline()).replace(b"a" * 32, b"6d616c65" + b"2d" * 12)
    assert b"a" * 32 not in payload
    refused(ada.send(BASELINE_ADDRESS, payload), 422, "firewall.unkeyed_token")


def test_what_was_accepted_before_keeps_its_receipt(
    ada: Caller, loans: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the firewall learns to refuse it later."""
    statement = a_statement(an_event(label="second floor"))
    assert ada.send("/events", statement).status_code == 202
    monkeypatch.setattr(
        "detectors.identifiers.kind_in", lambda text: "a floor" if "floor" in text else None
    )
    assert ada.send("/events", statement).status_code == 200
    refused(
        ada.send("/events", a_statement(an_event(label="other floor"))), 422, "firewall.identifier"
    )


def test_an_envelope_around_no_envelope_is_still_refused_cleanly(ada: Caller) -> None:
    answer = ada.post("/windows", PROFILES["Evidently"][1], **{"Content-Type": ENVELOPE})
    refused(answer, 422, "envelope.malformed")
