"""A team's own names on the pages: read from a file by the browser, and sent nowhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, Request
from pytest_django.live_server_helper import LiveServer

from countersign.statement import decode, encode
from detectors.intake import Upload
from governance.models import Model, Version
from tests.detectors.world import TOKENS, World
from tests.web.conftest import COLLECTOR, drifted, labelled
from tests.web.test_browser import browser, opened, pytestmark

__all__ = ["browser", "pytestmark"]

ALIASES = {name: f"k{number:012x}" for number, name in enumerate(
    ["age", "income", "region", "risk", "repaid"], start=0xABC123)}  # fmt: skip
LABELS = {
    ALIASES["age"]: "Canary age",
    ALIASES["income"]: "Canary <img src=/canary onerror=alert(1)> income",
    ALIASES["region"]: "Canary region",
    TOKENS[0]: "Canary north",
}


class Hidden(World):
    """The same world, whose columns are known by their aliases only."""

    def _upload(self, statement) -> Upload:
        payload = encode(statement, self.version.digest)
        for name, alias in ALIASES.items():
            payload = payload.replace(f'"{name}"'.encode(), f'"{alias}"'.encode())
        return super()._upload(decode(payload, type(statement))[1])


@dataclass
class Site:
    page: Page
    version: str
    incident: str
    asked: list[Request]


@pytest.fixture
def site(live_server: LiveServer, browser: Browser) -> Iterator[Site]:
    """Dan's browser at a version whose oldest column has drifted; all requests are noted."""
    row = Model.objects.create(name="loans", owner="Ada")
    world = Hidden(Version.objects.create(model=row, name="1", digest="d" * 64), COLLECTOR)
    world.baseline()
    drifted(world)
    labelled(world, 6)
    found = world.version.incidents.get(cause="drift")
    site = {"overview": live_server.url}
    context = opened(browser, site, 1440, "light")
    page, asked = context.new_page(), list[Request]()
    page.on("request", lambda request: asked.append(request))
    addresses = reverse("version", args=["loans", "1"]), reverse("incident", args=[found.pk])
    version, incident = (live_server.url + address for address in addresses)
    yield Site(page, version, incident, asked)
    context.close()


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"labels": LABELS}))
    return path


def load(page: Page, labels: Path) -> None:
    page.set_input_files(".labels-file input", labels)
    page.wait_for_selector("#labels:not([hidden])")


def test_labels_replace_tokens_wherever_they_stand(site: Site, labels: Path) -> None:
    page, alias = site.page, ALIASES["age"]
    page.goto(site.version)
    assert alias in page.inner_text("main")
    assert page.locator("#labels").is_hidden()
    load(page, labels)
    content = page.content()
    assert alias not in content and "Canary age" in content
    titles = page.locator("svg.plot title").all_text_contents()
    assert any("Canary age" in title for title in titles)
    assert page.evaluate("document.querySelectorAll('img').length") == 0  # a label is only text
    assert "in this browser only" in page.inner_text("#labels")
    page.goto(site.incident)
    assert "Canary age" in page.inner_text("h1") and alias not in page.content()


def test_no_request_carries_a_label(site: Site, labels: Path) -> None:
    page = site.page
    page.goto(site.version)
    load(page, labels)
    page.goto(site.incident)
    page.click("text=Acknowledge")
    page.wait_for_selector("text=is looking into it")
    page.click("nav >> text=More")
    page.click("nav >> text=Privacy")
    assert len(site.asked) > 8
    for request in site.asked:
        told = request.url + json.dumps(request.headers) + (request.post_data or "")
        assert "anary" not in told


def test_labels_end_with_a_click_and_when_logging_out(site: Site, labels: Path) -> None:
    page = site.page
    page.goto(site.incident)
    load(page, labels)
    page.click("text=Remove them")
    page.wait_for_function("!document.body.innerText.includes('Canary')")
    assert ALIASES["age"] in page.inner_text("h1")
    load(page, labels)
    page.click("text=Log out")
    page.wait_for_selector("[name=password]")
    assert page.evaluate("sessionStorage.length") == 0


def test_another_file_is_refused_in_words(site: Site, tmp_path: Path) -> None:
    page = site.page
    page.goto(site.version)
    for content in ("not JSON", '{"labels": {"a": 1}}', "{}"):
        (tmp_path / "other.json").write_text(content)
        load(page, tmp_path / "other.json")
        assert "No labels were loaded" in page.inner_text("#labels")
        assert page.evaluate("sessionStorage.length") == 0
        page.reload()


def test_what_a_form_sends_is_never_replaced(site: Site, labels: Path) -> None:
    page = site.page
    page.goto(site.incident)
    page.evaluate(
        "alias => { document.querySelector('textarea').textContent = alias; }", ALIASES["age"]
    )
    load(page, labels)
    assert page.input_value("textarea") == ALIASES["age"]
