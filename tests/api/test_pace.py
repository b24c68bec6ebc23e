"""One sender's uploads in a minute."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from detectors.models import Refusal
from governance.audit import recent
from governance.models import Pace
from governance.pace import TooFast, keep_pace
from tests.builders import a_statement, an_event

from .conftest import Caller, enrolled, refused

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(second=20, microsecond=0)


def test_a_sender_that_uploads_too_fast_is_told_how_long_to_wait(
    ada: Caller, loans: str, settings: LazySettings
) -> None:
    event = a_statement(an_event())
    settings.UPLOADS_PER_MINUTE = 0
    for send in (ada.send, ada.post):
        answer = send("/events", event)
        refused(answer, 429, "sender.rate")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    settings.UPLOADS_PER_MINUTE = 600
    assert ada.send("/events", event).status_code == 202


def test_a_minutes_refusals_are_recorded_once(
    ada: Caller, loans: str, settings: LazySettings
) -> None:
    Pace.objects.all().delete()
    settings.UPLOADS_PER_MINUTE = 0
    for _ in range(3):
        ada.send("/events", a_statement(an_event()))
    assert Refusal.objects.get(rule="sender.rate").count <= 2  # two, if the minute ended between
    entries = [e for e in recent.newest(20) if e.facts.get("rule") == "sender.rate"]
    assert 1 <= len(entries) <= 2


def test_the_next_minute_counts_anew_and_others_are_not_concerned(settings: LazySettings) -> None:
    settings.UPLOADS_PER_MINUTE = 2
    for _ in range(2):
        keep_pace("key:a", NOW)
    with pytest.raises(TooFast) as first:
        keep_pace("key:a", NOW)
    with pytest.raises(TooFast) as second:
        keep_pace("key:a", NOW)
    assert (first.value.first, second.value.first, first.value.seconds) == (True, False, 40)
    keep_pace("key:b", NOW)
    keep_pace("key:a", NOW + timedelta(minutes=1))
    assert Pace.objects.count() == 2


def test_strangers_leave_no_counter(loans: str) -> None:
    Pace.objects.all().delete()
    refused(Caller(bearer="guess").post("/events", b"{}"), 401, "token.unknown")
    assert not Pace.objects.exists()
    assert enrolled("another host").send("/events", a_statement(an_event())).status_code == 202
    assert Pace.objects.count() == 1
