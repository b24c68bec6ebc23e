"""Refusals are counted by rule, sender and hour; strangers too, and never their content."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detectors.models import Refusal
from governance.models import Entry
from tests.builders import a_statement, a_window

from .conftest import Caller, refused, with_token

pytestmark = pytest.mark.django_db

CANARY = "ada.lovelace@example.org"


def counted(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    answer = caller.get(f"/refusals{query}")
    assert answer.status_code == 200, answer.content
    told: list[dict[str, Any]] = answer.json()
    return told


def logged() -> int:
    return Entry.objects.filter(kind="upload.refused").count()


def test_refusals_are_counted_by_rule_and_sender(ada: Caller, loans: str) -> None:
    outsider = with_token("read")
    for _ in range(3):
        ada.send("/windows", a_statement(a_window("0" * 64)))
    ada.send("/windows", b"{}")
    outsider.post("/windows", b"{}")
    told = {(each["rule"], each["sender"].split(":")[0]): each for each in counted(outsider)}
    assert {key: each["count"] for key, each in told.items()} == {
        ("plan.unknown", "key"): 3,
        ("statement.malformed", "key"): 1,
        ("credential.scope", "token"): 1,
    }
    unknown = told["plan.unknown", "key"]
    assert (unknown["title"], unknown["fix"]) == (
        "Unknown plan",
        "Fetch the plan and count under it.",
    )
    assert logged() == 5


def test_strangers_are_counted_and_cannot_write_into_the_log(eve: Caller, ada: Caller) -> None:
    before = Entry.objects.count()
    eve.post("/windows", b"{}")
    eve.send("/windows", CANARY.encode())
    Caller(bearer="countersign-bearer-guess").post("/windows", b"{}")
    assert [(each["rule"], each["sender"], each["count"]) for each in counted(ada)] == [
        ("credential.missing", "", 1),
        ("envelope.unsigned", "", 1),
        ("token.unknown", "", 1),
    ]
    assert Entry.objects.count() == before


def test_hours_are_counted_apart(ada: Caller, loans: str) -> None:
    ada.send("/windows", b"{}")
    Refusal.objects.update(hour=timezone.now() - timedelta(days=40))
    ada.send("/windows", b"{}")
    assert [each["count"] for each in counted(ada)] == [1]
    assert [each["count"] for each in counted(ada, "?days=60")] == [1, 1]


def test_one_rule_or_one_sender_may_be_asked_for(ada: Caller, eve: Caller, loans: str) -> None:
    ada.send("/windows", b"{}")
    ada.send("/windows", a_statement(a_window("0" * 64)))
    eve.post("/windows", b"{}")
    assert [each["rule"] for each in counted(ada, "?rule=plan.unknown")] == ["plan.unknown"]
    sender = counted(ada, "?rule=plan.unknown")[0]["sender"]
    assert len(counted(ada, f"?sender={sender}")) == 2
    assert [each["rule"] for each in counted(ada, "?sender=")] == ["credential.missing"]


def test_nothing_of_what_was_refused_is_kept(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans)).replace(b"production", CANARY.encode()))
    assert CANARY not in str(counted(ada)) + str(list(Refusal.objects.values()))


@pytest.mark.parametrize(
    "query", ["?days=0", "?days=x", f"?rule={CANARY}", "?sender=%00", "?days=401", "?rule=a%0A"]
)
def test_an_impossible_question_is_refused(ada: Caller, query: str) -> None:
    answer = ada.get(f"/refusals{query}")
    refused(answer, 422, "request.malformed")
    assert CANARY.encode() not in answer.content


def test_refusals_are_for_readers(eve: Caller) -> None:
    refused(eve.get("/refusals"), 401, "credential.missing")
    refused(with_token("upload").get("/refusals"), 403, "credential.scope")


def test_a_rule_that_is_no_longer_known_is_still_told(ada: Caller) -> None:
    now = timezone.now()
    Refusal.objects.create(rule="window.forgotten", actor="", hour=now, last_at=now)
    assert [each["title"] for each in counted(ada)] == ["window.forgotten"]
