"""The pages in a real browser: narrow and wide, light and dark, by keyboard, by what they expose.

Needs Debian's chromium-headless-shell; without it every test here is skipped, and bin/test says so.
"""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from detectors import replay
from governance import deployments, policies, proposals, registry, reviews
from governance.models import Version
from governance.policies import Level, Rules
from governance.policy_settings import Settings
from tests import cast
from tests.detectors.world import World
from tests.web.conftest import drifted, labelled, watched
from tests.web.test_privacy import noised, refuse, spend
from tests.web.worlds import everything

CHROMIUM = shutil.which("chromium-headless-shell")
CHECKS = Path(__file__).with_name("accessible.js").read_text(encoding="utf-8")
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PAGES = (
    *("overview", "models", "version", "windows", "incident", "audit", "senders"),
    *("incidents", "silences", "why", "routes", "deliveries"),
    *("privacy", "model-privacy", "refusals", "record"),
    *("policies", "policy", "model-policy", "propose-policy"),
)

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="!!! NO BROWSER: the pages are not tested as people see them; "
        "apt-get install chromium-headless-shell",
    ),
    # The live server outlasts a test, so no test's own directory can be its STATIC_ROOT.
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread; Django would refuse to query beside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def site(live_server: LiveServer, browser: Browser) -> dict[str, str]:
    """A site with an incident; its pages' addresses by name."""
    world = watched("loans")
    drifted(world)
    labelled(world, 6)
    refused_and_charged(world)
    arguments = {"version": ["loans", "1"], "windows": ["loans", "1"], "model-privacy": ["loans"]}
    arguments |= {"record": ["loans"], "model-policy": ["loans"], "policy": [str(proposed())]}
    recorded(world.version)
    incident = world.version.incidents.get(cause="drift")
    arguments["incident"] = [str(incident.pk)]
    return {n: live_server.url + reverse(n, args=arguments.get(n)) for n in PAGES}


def proposed() -> int:
    """A policy in force, and a proposal that was replayed; its number."""
    dan = cast.person("dan")
    dora = cast.somebody("dora", cast.Role.POLICY_ADMINISTRATOR)
    for settings in (Settings(review_days=180, routes=("desk",)), Settings(tolerance=0.2)):
        version = proposals.propose(Level(), settings, by=dan, reason="Agreed in the board of May.")
        replay.go_on(replay.start(version, 90, by=dan).pk)
        if not settings.tolerance:
            proposals.approve(version, by=dora)
    return version.pk


def recorded(version: Version) -> None:
    """A record with something in each of its sections."""
    model, now = version.model, timezone.now()
    ada: dict[str, Any] = {"actor": "user:1"}
    asker = cast.somebody("asker")
    registry.register_model("income", **ada)
    registry.describe_model(
        model, {"limits_of_use": "Not for firms.", "vendor": "Acme"}, ["income"], ["bureau"], **ada
    )
    registry.register_version(
        "loans", "2", "a" * 64, **ada, developers=["ada", "max"], labels=["champion"], run="r1"
    )
    deployments.start_deployment(version, "production", since=now - timedelta(days=9), **ada)
    deployments.start_deployment(version, "staging", since=now - timedelta(days=5), **ada)
    deployments.end_deployment(model, "staging", until=now, **ada)
    told: dict[str, Any] = {
        "title": "No fallback when the bureau is silent",
        "owner": "ben",
        "due": now.date(),
    }
    reviews.raise_finding(model, **told, severity="high", text="It waits for ever.", **ada)
    asked: dict[str, Any] = {
        "title": "Used in Malta",
        "reason": "A pilot.",
        "owner": "ben",
        "person": asker,
    }
    reviews.request_exception(model, **asked, expires_at=now + timedelta(days=30))
    aim = reviews.set_objective(model, "Lend to those who will repay", **ada)
    for metric, least in (("accuracy", 0.6), ("auc", 0.9), ("mae", 1.0)):
        told = {"text": f"Good {metric}", "monitor": "realised_performance", "metric": metric}
        reviews.require(aim, **told, at_least=least, at_most=None, **ada)


def refused_and_charged(world: World) -> None:
    """A policy that has changed twice, a ledger, and uploads that were refused."""
    policies.set_rules(Level("lending", 1), Rules(min_count=30), actor="user:1", reason="Stricter.")
    charge = noised(world)
    spend(world.version.model, charge, 6)
    for days, rule in enumerate(("plan.superseded", "tally.partition", "token.unknown")):
        refuse(rule, "" if rule == "token.unknown" else "key:" + "ab" * 32, 3 + days, days)


def opened(browser: Browser, site: dict[str, str], width: int, scheme: Scheme) -> BrowserContext:
    """A browser in which somebody who may do everything is logged in."""
    client = cast.logged_in(cast.of_all_trades())
    session = client.cookies["sessionid"].value
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    context.add_cookies([{"name": "sessionid", "value": session, "url": site["overview"]}])
    return context


def problems_of(page: Page) -> list[str]:
    """What accessible.js finds, in the page as it is now."""
    found: list[str] = page.evaluate(CHECKS)
    return found


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
def test_every_page_fits_is_readable_and_obeys_the_sites_policy(
    browser: Browser, site: dict[str, str], width: int, scheme: Scheme
) -> None:
    context = opened(browser, site, width, scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, address in site.items():
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}, unfolded"
        assert problems_of(page) == [], name
    assert complaints == []
    context.close()


def test_every_panel_fits_is_readable_and_obeys_the_sites_policy(
    live_server: LiveServer, browser: Browser
) -> None:
    """One version that shows them all, and an incident of each of its causes."""
    world = everything(windows=5)
    addresses = [reverse("version", args=["loans", "1"])]
    addresses += [reverse("incident", args=[i.pk]) for i in world.version.incidents.all()]
    complaints: list[str] = []
    for width, scheme in product((1440, 390), SCHEMES):
        context = opened(browser, {"overview": live_server.url + "/"}, width, scheme)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for address in addresses:
            page.goto(live_server.url + address)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            assert problems_of(page) == [], address
        context.close()
    assert complaints == []
    assert world.version.incidents.count() >= 4


def test_times_are_in_the_readers_zone_and_utc_shows_on_hover(
    browser: Browser, site: dict[str, str]
) -> None:
    context = opened(browser, site, 1440, "light")
    page = context.new_page()
    page.goto(site["incident"])
    moment = page.locator("time.local").first
    shown, hover = moment.text_content(), moment.get_attribute("title")
    assert "UTC" not in (shown or "")
    assert "UTC" in (hover or "")
    assert "Europe/Berlin" in page.locator("footer").inner_text()
    context.close()


def test_an_incident_is_resolved_by_keyboard_alone(browser: Browser, site: dict[str, str]) -> None:
    context = opened(browser, site, 1440, "light")
    page = context.new_page()
    page.goto(site["incident"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "resolve-verdict":
            break
    page.keyboard.type("Real, and")
    page.keyboard.press("Tab")
    page.keyboard.type("A campaign brought older applicants; expected.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("aside blockquote")
    assert "expected." in page.locator("aside blockquote").inner_text()
    context.close()


def test_everything_works_without_javascript(browser: Browser, site: dict[str, str]) -> None:
    cast.person("ada")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site["incident"])
    page.fill("[name=login]", "ada")
    page.fill("[name=password]", cast.PASSWORD)
    page.click("main button")
    page.click("text=Acknowledge")
    assert page.locator("aside").inner_text().count("ada is looking into it") == 1
    assert "UTC" in page.locator("main time.local").first.inner_text()
    context.close()
