"""The menu offers what the person may open, and nothing else."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests import cast

DAILY = ["overview", "incidents", "models", "sign-offs", "policies"]
BEYOND = ["audit", "refusals", "privacy", "senders", "routes", "people"]
OFFERED = {
    "ada": ["refusals", "privacy"],
    "ben": ["refusals", "privacy", "senders", "routes"],
    "vera": ["audit", "privacy"],
    "paul": ["audit", "privacy"],
    "dan": ["audit", "privacy", "routes"],
    "cleo": ["audit", "refusals", "privacy"],
    "rita": ["audit", "refusals", "privacy", "senders", "people"],
}


def offered(client: Client, page: str) -> list[str]:
    """The addresses in the menu of a page."""
    answer = client.get(reverse(page)).content.decode()
    [menu] = re.findall(r"<nav aria-label=\"Main\">(.*?)</nav>", answer, re.DOTALL)
    return re.findall(r'href="([^"]+)"', menu)


@pytest.mark.parametrize("name", OFFERED)
def test_everybody_is_offered_what_they_may_open(db: None, name: str) -> None:
    client = cast.enter(name)
    pages = offered(client, "overview")
    assert pages == [reverse(page) for page in DAILY + OFFERED[name]]
    assert {client.get(page).status_code for page in pages} == {200}
    others = set(BEYOND) - set(OFFERED[name])
    assert {client.get(reverse(page)).status_code for page in others} == {403}


def test_nothing_is_offered_before_a_second_factor_or_without_a_role(db: None) -> None:
    vera, nobody = Client(), Client()
    vera.force_login(cast.person("vera"))
    nobody.force_login(User.objects.create_user("nina"))
    assert offered(vera, "mfa_index") == offered(nobody, "mfa_index") == []


def test_a_page_below_another_marks_it(db: None) -> None:
    page = cast.enter("vera").get(reverse("outside")).content.decode()
    assert f'<a href="{reverse("audit")}" aria-current="true">Log</a>' in page
    assert '<summary class="here">More</summary>' in page
