"""Routes and the log of deliveries on their pages; who is told there that a route is dead."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import notify
from governance.models import Delivery, Incident, Membership, Model, Route
from tests import cast
from tests.detectors.world import World
from tests.web.conftest import drifted

SECRET = "https://hooks.example/T000/B000/very-secret"


def make(client: Client, **changes: object) -> tuple[int, str]:
    said = {"name": "chat", "kind": "slack", "address": SECRET, "least": "low"}
    answer = client.post(reverse("make-route"), said | changes)
    return answer.status_code, answer.content.decode()


def page_of(client: Client, name: str) -> str:
    return client.get(reverse(name)).content.decode()


def test_dan_sets_a_route_up_and_its_address_is_never_shown_again(dan: Client) -> None:
    _, page = make(dan)
    assert "hooks.example" in page
    assert "very-secret" not in page + page_of(dan, "routes")
    _, page = make(dan, name="hook", kind="webhook")
    assert "whsec_" in page
    assert "whsec_" not in page_of(dan, "routes")


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "http://hooks.example/"},
        {"kind": "mail", "address": "nobody"},
        {"kind": "pagerduty", "address": ""},
        {"kind": "webhook", "digest": "on"},
        {"name": "a b"},
    ],
)
def test_what_cannot_be_a_route_is_refused_without_repeating_it(
    dan: Client, changes: dict[str, object]
) -> None:
    status, page = make(dan, **changes)
    assert status == 422
    assert 'role="alert"' in page
    assert not Route.objects.exists()


def test_a_name_is_taken_once(dan: Client) -> None:
    make(dan)
    status, page = make(dan)
    assert (status, "route.taken" in page) == (422, True)


def test_ada_manages_no_routes(ada: Client) -> None:
    for name in ("routes", "deliveries"):
        assert ada.get(reverse(name)).status_code == 403
    assert make(ada)[0] == 403


def test_a_test_is_due_and_shown_in_the_log(dan: Client) -> None:
    make(dan)
    route = Route.objects.get()
    page = dan.post(reverse("test-route", args=[route.pk]), follow=True).content.decode()
    assert "A test goes out on chat" in page
    assert [d.event for d in Delivery.objects.all()] == ["test"]


def test_everybody_sees_that_a_route_is_dead_until_it_is_on_again(
    ada: Client, dan: Client, loans: World
) -> None:
    make(dan)
    drifted(loans)
    Route.objects.update(
        active=False, failures=notify.SWITCHED_OFF_AFTER, switched_off_at=timezone.now()
    )
    assert "The route chat kept failing" in page_of(ada, "overview")
    dan.post(reverse("switch-route", args=[Route.objects.get().pk]), {"on": "1"})
    assert "kept failing" not in page_of(ada, "overview")


def test_the_log_leads_only_to_incidents_that_one_sees(dan: Client, loans: World) -> None:
    make(dan)
    drifted(loans)
    address = reverse("incident", args=[Incident.objects.get().pk])
    assert address in page_of(dan, "deliveries")
    why = {"model": "loans", "version": "1", "deployment": "production", "column": "age"}
    at = Incident.objects.get().first_window
    page = dan.get(reverse("why"), why | {"at": f"{at:%Y-%m-%d %H:%M}"}).content.decode()
    assert "On chat, when it was opened: waiting." in page
    Model.objects.update(business_unit="cards")
    Membership.objects.filter(user=cast.person("dan")).update(business_unit="lending")
    assert dan.get(reverse("deliveries")).status_code == 403


def test_what_is_mine_and_due_stands_first(ada: Client, loans: World) -> None:
    drifted(loans)
    assert "due by tomorrow" not in page_of(ada, "overview")
    Incident.objects.update(owner=cast.person("ada"), due_at=timezone.now())
    assert "Yours, and due by tomorrow" in page_of(ada, "overview")
    Incident.objects.update(snoozed_until=timezone.now() + timedelta(days=2))
    assert "due by tomorrow" not in page_of(ada, "overview")
