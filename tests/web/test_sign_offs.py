"""The pages of sign-offs: asking, reading, signing; and in a real browser, the key that stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from governance.models import ApproverKey, Developer, SignOff
from tests.cast import Role, present, somebody
from tests.detectors.world import World
from tests.signoff.cast import Signer, signer

from .conftest import labelled, watched, weeks
from .test_browser import CHECKS  # the browser's own conditions
from .test_browser import browser as browser

# A script of this very site tries to read the private key.
STEAL = """async () => {
  const asked = (request) => new Promise((done) => {
    request.onsuccess = () => done(request.result);
  });
  const store = await asked(indexedDB.open("countersign"));
  const kept = store.transaction("keys").objectStore("keys");
  const [{ privateKey }] = await asked(kept.getAll());
  const stolen = await crypto.subtle.exportKey("pkcs8", privateKey).catch((error) => error.name);
  return [privateKey.extractable, stolen];
}"""
REASON = "It is better than version 0."


@pytest.fixture
def world(db: None) -> World:
    """Version 1 of `loans`, tier 1, with three weeks; Dora developed it."""
    world = watched("loans")
    world.version.model.tier = 1
    world.version.model.save()
    weeks(world, 2)
    labelled(world, 2)
    Developer.objects.create(version=world.version, name="dora")
    return world


@pytest.fixture
def people(world: World) -> dict[str, User]:
    """Olga owns, Vera and Paul sign, Cleo audits."""
    return {
        "olga": somebody("olga", Role.OWNER),
        "vera": somebody("vera", Role.VALIDATOR),
        "paul": somebody("paul", Role.APPROVER),
        "cleo": somebody("cleo", Role.AUDITOR),
    }


def asked(olga: User) -> SignOff:
    answer = present(olga).post(reverse("ask-sign-off", args=["loans", "1"]), {"reason": REASON})
    assert answer.status_code == 302
    return SignOff.objects.get()


def test_the_owner_asks_from_the_versions_page(world: World, people: dict[str, User]) -> None:
    olga = present(people["olga"])
    page = olga.get(reverse("version", args=["loans", "1"])).content.decode()
    assert "Nobody has asked for a sign-off" in page
    assert reverse("ask-sign-off", args=["loans", "1"]) in page
    assert (
        olga.post(reverse("ask-sign-off", args=["loans", "1"]), {"reason": ""}).status_code == 422
    )
    sign_off = asked(people["olga"])
    page = olga.get(reverse("version", args=["loans", "1"])).content.decode()
    assert "It waits for signatures: 0 of 2 so far." in page
    assert "Ask for a sign-off</a>" not in page
    again = olga.post(reverse("ask-sign-off", args=["loans", "1"]), {"reason": REASON})
    assert again.status_code == 422
    assert "Another request for this version waits" in again.content.decode()
    page = olga.get(reverse("sign-off", args=[sign_off.identity])).content.decode()
    for told in ("May loans", "Accuracy", "0 of 2", "olga", "Nobody has signed yet."):
        assert told in page
    assert reverse("sign", args=[sign_off.identity]) not in page


def test_who_may_not_sign_is_kept_out(people: dict[str, User]) -> None:
    sign_off = asked(people["olga"])
    for name in ("olga", "cleo"):
        person = present(people[name])
        assert person.get(reverse("sign", args=[sign_off.identity])).status_code == 403
        assert person.get(reverse("signing-keys")).status_code == 403
    assert present(people["cleo"]).get(reverse("sign-offs")).status_code == 200
    outside = present(somebody("eve", Role.VALIDATOR, unit="retail"))
    assert outside.get(reverse("sign-off", args=[sign_off.identity])).status_code == 404
    assert Client().get(reverse("sign-offs")).status_code == 302


def test_a_request_is_taken_back_by_those_who_ask(people: dict[str, User]) -> None:
    sign_off = asked(people["olga"])
    address = reverse("withdraw-sign-off", args=[sign_off.identity])
    assert present(people["vera"]).post(address).status_code == 403
    present(people["olga"]).post(address)
    sign_off.refresh_from_db()
    assert sign_off.status == "withdrawn"
    page = present(people["olga"]).post(address, follow=True).content.decode()
    assert "no longer waits" in page


def handed_in(by: Signer, sign_off: SignOff, act: str = "approve") -> SimpleUploadedFile:
    decision, agreement = by.signed(sign_off, act)  # type: ignore[arg-type]
    both = {"decision": json.loads(decision), "agreement": json.loads(agreement or b"null")}
    return SimpleUploadedFile("decision.json", json.dumps(both).encode())


def test_a_decision_signed_elsewhere_is_handed_in_as_a_file(people: dict[str, User]) -> None:
    zoe, yuri = signer("zoe", Role.VALIDATOR), signer("yuri", Role.APPROVER)
    sign_off = asked(people["olga"])
    address = reverse("sign", args=[sign_off.identity])
    wrong = present(zoe.user).post(address, {"file": handed_in(yuri, sign_off)})
    assert wrong.status_code == 422
    assert "belongs to somebody else" in wrong.content.decode()
    for nonsense in (b"", b"{}", b"[" * 9_999, b"\xff"):
        file = SimpleUploadedFile("decision.json", nonsense)
        assert present(zoe.user).post(address, {"file": file}).status_code == 422
    for each in (zoe, yuri):
        answer = present(each.user).post(address, {"file": handed_in(each, sign_off)})
        assert answer.status_code == 302, answer.content
    page = present(people["cleo"]).get(reverse("sign-off", args=[sign_off.identity]))
    assert "It may run: 2 people have approved it." in page.content.decode()
    told = present(zoe.user).get(reverse("sign-off-file", args=[sign_off.identity])).json()
    assert told["evidence"].encode() == bytes(sign_off.evidence)


def test_each_signature_asks_anew_who_it_is(people: dict[str, User]) -> None:
    zoe, sign_off = signer("zoe", Role.VALIDATOR), asked(people["olga"])
    address = reverse("sign", args=[sign_off.identity])
    client = present(zoe.user)
    assert client.post(address, {"file": handed_in(zoe, sign_off)}).status_code == 302
    assert sign_off.decisions.count() == 1
    for answer in (client.get(address), client.post(address)):
        assert answer.status_code == 302
        assert "sign" in answer.headers["Location"]


def test_a_key_file_is_enrolled_and_revoked_by_its_holder(people: dict[str, User]) -> None:
    vera, address = present(people["vera"]), reverse("signing-keys")
    for wrong in ("", "?", "AAAA"):
        answer = vera.post(address, {"label": "mine", "public_key": wrong})
        assert answer.status_code == 422
    vera.post(address, {"label": "mine", "public_key": "A" * 43 + "="})
    key = ApproverKey.objects.get()
    assert key.user == people["vera"]
    revoke = reverse("revoke-signing-key", args=[key.pk])
    assert present(people["paul"]).post(revoke).status_code == 404
    vera.post(revoke)
    key.refresh_from_db()
    assert key.revoked_at is not None


@pytest.fixture
def page_of(live_server: LiveServer, browser: Browser) -> Iterator[dict[str, Page]]:
    """A browser of their own for everybody who is asked for."""

    class Pages(dict[str, Page]):
        def __missing__(self, name: str) -> Page:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            session = present(User.objects.get(username=name)).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
            self[name] = context.new_page()
            return self[name]

    pages = Pages()
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.mark.django_db(transaction=True)
def test_two_people_sign_in_their_browsers_with_keys_that_cannot_be_read(
    live_server: LiveServer, people: dict[str, User], page_of: dict[str, Page], tmp_path: Path
) -> None:
    sign_off = asked(people["olga"])
    sign = live_server.url + reverse("sign", args=[sign_off.identity])
    complaints: list[str] = []
    for name in ("vera", "paul"):
        page = page_of[name]
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(sign)
        page.wait_for_selector("[data-problem]:not([hidden])")
        assert "holds no signing key of yours" in page.inner_text("aside")
        page.goto(live_server.url + reverse("signing-keys"))
        page.click("text=Make and enrol a key")
        page.wait_for_selector("text=Your key is enrolled")
        assert page.evaluate(CHECKS) == []
        page.goto(sign)
        page.wait_for_selector("button:has-text('Sign'):enabled")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate(CHECKS) == []
        page.check("[name=act][value=approve]")
        for box in page.locator("[name=checklist]").all():
            box.check()
        if name == "vera":
            page.select_option("#figure-0", "performance:accuracy")
            page.fill("#value-0", "0.6")
        page.click("button:has-text('Sign'):enabled")
        page.wait_for_selector("text=Your decision is signed and recorded.")
    assert "It may run: 2 people have approved it." in page.inner_text("main")
    assert "Accuracy: at least 0.6" in page.inner_text("main")
    assert page.evaluate(CHECKS) == []
    sign_off.refresh_from_db()
    assert (sign_off.status, len(sign_off.conditions)) == ("approved", 1)
    assert page.evaluate(STEAL) == [False, "InvalidAccessError"]
    assert complaints == []


@pytest.mark.django_db(transaction=True)
def test_a_browser_without_ed25519_says_what_to_do_instead(
    live_server: LiveServer, people: dict[str, User], page_of: dict[str, Page]
) -> None:
    sign_off = asked(people["olga"])
    page = page_of["vera"]
    page.add_init_script("Object.defineProperty(window, 'crypto', { value: {} })")
    page.goto(live_server.url + reverse("sign", args=[sign_off.identity]))
    page.wait_for_selector("[data-problem]:not([hidden])")
    assert "countersign approve" in page.inner_text("[data-problem]")
    assert page.locator("form[data-signing] button").is_disabled()
