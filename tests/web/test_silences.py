"""Silences, and why somebody was not told, on their pages."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detectors.models import Window
from governance import incidents
from governance.models import Incident, Model, Sighting, Silence
from tests import cast
from tests.detectors.world import GONE, OLDER, World
from tests.web.conftest import drifted, weeks


def fill(client: Client, **changes: object) -> tuple[int, str]:
    said = {"model": "loans", "column": "age", "cause": "", "days": 7, "reason": "A campaign."}
    said["owner"] = cast.person("ben").pk
    answer = client.post(reverse("make-silence"), said | changes, follow=True)
    return answer.status_code, answer.content.decode()


def test_ben_sees_what_it_would_hide_and_then_makes_it(ben: Client, loans: World) -> None:
    drifted(loans)
    found = Sighting.objects.filter(name="age").count()
    _, page = fill(ben)
    assert f"would have held back {found} finding" in page
    assert not Silence.objects.exists()
    _, page = fill(ben, make="1")
    assert "1 silence holds." in page
    assert "ben answers for it" in page
    weeks(loans, 3, OLDER, first=6)
    held = Sighting.objects.filter(fate="silenced").count()
    assert held
    assert f"{held} finding" in ben.get(reverse("silences")).content.decode()


def test_it_is_ended_by_hand(ben: Client, loans: World) -> None:
    fill(ben, make="1")
    ben.post(reverse("lift-silence", args=[Silence.objects.get().pk]))
    assert "Nothing is silenced." in ben.get(reverse("silences")).content.decode()


@pytest.mark.parametrize(
    "changes", [{"reason": " "}, {"days": 31}, {"model": "", "column": "*"}, {"model": "none"}]
)
def test_one_without_reason_end_or_object_is_refused(
    ben: Client, loans: World, changes: dict[str, object]
) -> None:
    status, _ = fill(ben, make="1", **changes)
    assert status == 422
    assert not Silence.objects.exists()


def test_who_operates_one_unit_silences_neither_another_nor_all(loans: World) -> None:
    Model.objects.update(business_unit="lending")
    olga = cast.logged_in(cast.somebody("olga", cast.Role.OPERATOR, unit="cards"))
    assert fill(olga, make="1")[0] == 422
    assert fill(olga, make="1", model="")[0] == 403
    assert not Silence.objects.exists()


def why(client: Client, column: str, at: object) -> str:
    asked = {"model": "loans", "version": "1", "deployment": "production", "column": column}
    return client.get(reverse("why"), asked | {"at": f"{at:%Y-%m-%d %H:%M}"}).content.decode()


def test_it_says_how_little_evidence_there_was(ada: Client, loans: World) -> None:
    weeks(loans, 2)
    page = why(ada, "income", Window.objects.earliest("start").start)
    assert "There was nothing beyond chance and tolerance to tell of." in page
    assert "too little to spend any of the year’s false alarms on" in page


def test_it_leads_to_the_incident_that_was_told(ada: Client, loans: World) -> None:
    drifted(loans)
    page = why(ada, "age", Sighting.objects.filter(name="age").earliest("start").start)
    assert "You were: there is an incident." in page
    assert reverse("incident", args=[Incident.objects.get().pk]) in page


def test_it_names_the_silence(ada: Client, ben: Client, loans: World) -> None:
    fill(ben, make="1")
    drifted(loans)
    page = why(ada, "age", Sighting.objects.filter(fate="silenced").earliest("start").start)
    assert "Somebody had silenced it." in page
    assert "A campaign." in page


def test_it_names_the_broken_data(ada: Client, loans: World) -> None:
    shares = OLDER | {"income": GONE["income"]}
    weeks(loans, 6, shares)
    held = Sighting.objects.filter(fate="inhibited")
    assert held.exists()
    assert {s.incident.cause for s in held if s.incident} == {"data_quality"}
    page = why(ada, "age", held.earliest("start").start)
    assert "The data themselves were broken" in page


def test_a_time_without_a_window_and_a_version_nobody_sees(ada: Client, loans: World) -> None:
    assert "Nothing was sent, or due" in why(ada, "age", timezone.now())
    Model.objects.update(business_unit="cards")
    eric = cast.logged_in(cast.somebody("eric", cast.Role.OWNER, unit="lending"))
    assert "There is no such version" in why(eric, "age", timezone.now() - timedelta(days=1))


def test_it_cannot_be_made_to_fail(ada: Client) -> None:
    for at in ("", "never", "9999-99-99", "\x00"):
        asked = {"model": "a\x00", "version": "", "deployment": "", "column": "%", "at": at}
        assert ada.get(reverse("why"), asked).status_code == 422


def test_quiet_windows_are_counted_by_the_examination(loans: World) -> None:
    drifted(loans)
    weeks(loans, 2, first=6)
    incident = Incident.objects.get()
    assert 0 < incident.quiet_windows < incidents.QUIET_AFTER
