"""A day of work, from a model's registration to an auditor's verdict; each person in a browser.

Real: the site, PostgreSQL, Chromium and its keys, a collector that counts rows and signs what it
sends, the command line. What a worker does (replay, examine, seal) is called by hand in between.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from countersign import Collector, Home
from detectors import replay
from governance import access
from governance.audit import log
from governance.models import Incident, OneTimeToken, Replay
from governance.senders import issue_one_time_token, issue_token
from governance.signoff import bundles
from tests import cast
from tests.test_road import BEGIN, ROLES, WEEK, deliver, joined, people
from tests.web.conftest import data_directory as data_directory
from tests.web.conftest import examine_all
from tests.web.test_browser import browser as browser
from tests.web.test_browser import pytestmark as pytestmark  # skipped without Chromium

DIGEST = "d" * 64
Enter = Callable[[User], Page]


@pytest.fixture
def enter(live_server: LiveServer, browser: Browser) -> Iterator[Enter]:
    """Somebody logs in, in a browser of their own."""
    pages: list[Page] = []

    def log_in(user: User) -> Page:
        needs_code = access.needs_second_factor(user)
        if needs_code:
            cast.with_second_factor(user)
        pages.append(page := browser.new_context(base_url=live_server.url).new_page())
        page.goto("/")
        page.fill("[name=login]", user.username)
        page.fill("[name=password]", cast.PASSWORD)
        page.press("[name=password]", "Enter")
        if needs_code:
            page.fill("[name=code]", cast.recovery_code(user))
            page.press("[name=code]", "Enter")
        page.wait_for_url("/")
        return page

    yield log_in
    for page in pages:
        page.context.close()


def test_a_day_of_work(live_server: LiveServer, enter: Enter, tmp_path: Path) -> None:
    names = ("ada", "ben", "vera", "paul", "dan", "cleo")
    ada, ben, vera, paul, dan, cleo = map(cast.person, names)
    dora = cast.somebody("dora", cast.Role.POLICY_ADMINISTRATOR)

    at_adas = enter(ada)
    registers_a_model_and_a_version(at_adas)
    at_dans = enter(dan)
    says_that_it_matters_most(at_dans)
    home = enrolled(live_server.url, tmp_path / "home")
    sends_the_reference(home)

    request = asks_for_a_sign_off(at_adas)
    for person in (vera, paul):
        approver = enter(person)
        makes_a_key(approver)
        signs(approver, request)
        is_asked_again_who_it_is(approver, request)
    assert "It may run: 2 people have approved it." in read(at_adas, request)

    policy = proposes_a_policy_and_has_it_replayed(at_dans)
    approves_the_policy(enter(dora), policy)

    sends_two_weeks_and_two_with_older_applicants(home)
    incident = finds_the_incident_and_resolves_it(enter(ben))
    assert "Those older came by a campaign." in read(at_adas, incident)

    log.seal()
    verifies_the_log_offline(enter(cleo), tmp_path / "export")
    passes_the_gate(live_server.url, tmp_path)


def registers_a_model_and_a_version(ada: Page) -> None:
    ada.goto(reverse("models"))
    ada.click("summary:has-text('Register a model')")
    ada.fill("[name=name]", "loans")
    ada.click("button:text-is('Register')")
    ada.click("summary:has-text('Register a version')")
    form = ada.locator("form[action$='/versions/']")
    form.locator("[name=version]").fill("1")
    form.locator("[name=digest]").fill(DIGEST)
    form.locator("[name=developers]").fill("ada")
    form.locator("button").click()
    ada.wait_for_url("**/#versions")


def says_that_it_matters_most(dan: Page) -> None:
    dan.goto(reverse("model-privacy", args=["loans"]))
    form = dan.locator("form[action$='/place/']")
    form.locator("[name=tier]").select_option("1")
    form.locator("button").click()
    dan.wait_for_selector("text=tier 1")


def enrolled(url: str, directory: Path) -> Home:
    """Ada's collector, with a key of its own."""
    token = issue_one_time_token(OneTimeToken.Purpose.ENROL, actor="user:1")
    return Home.enroll(url, token, directory=directory)


def sends_the_reference(home: Home) -> None:
    reference = joined([people(3_000, week) for week in range(-12, 0)])
    about = {"model": "loans", "version": "1", "digest": DIGEST, "key": home.hashing_key}
    told = {"roles": ROLES, "threshold": 0.5, "time": "moment", "window": WEEK}
    deliver(home, Collector.baseline(reference, **about, **told))


def asks_for_a_sign_off(ada: Page) -> str:
    """The request's address."""
    ada.goto(reverse("version", args=["loans", "1"]))
    ada.click("text=Ask for a sign-off")
    ada.fill("[name=reason]", "It is better than what we had.")
    ada.click("button:has-text('Freeze the evidence and ask')")
    ada.wait_for_selector("text=Nobody has signed yet.")
    return ada.url


def makes_a_key(approver: Page) -> None:
    """By WebCrypto, in this browser; it never leaves it."""
    approver.goto(reverse("signing-keys"))
    approver.click("text=Make and enrol a key")
    approver.wait_for_selector("text=Your key is enrolled")


def signs(approver: Page, request: str) -> None:
    approver.goto(request + "sign/")
    approver.check("[name=act][value=approve]")
    for box in approver.locator("[name=checklist]").all():
        box.check()
    approver.click("button:text-is('Sign'):enabled")
    approver.wait_for_selector("text=Your decision is signed and recorded.")


def is_asked_again_who_it_is(approver: Page, request: str) -> None:
    """What was shown at log-in is spent by one signature."""
    assert "Confirm that it is you" in read(approver, request + "sign/")


def proposes_a_policy_and_has_it_replayed(dan: Page) -> str:
    """The proposal's address."""
    dan.goto(reverse("propose-policy"))
    dan.select_option("[name=severity_drift]", "high")
    dan.fill("[name=reason]", "Drift cost us money in May.")
    dan.click("button:text-is('Propose it')")
    dan.click("button:text-is('Replay it')")
    dan.wait_for_selector("text=The replay is running")
    while replay.go_on(Replay.objects.get().pk):
        pass
    return dan.url


def approves_the_policy(dora: Page, policy: str) -> None:
    assert "it would have told of 0 incidents more and 0 fewer" in read(dora, policy)
    dora.click("button:text-is('Approve')")
    dora.wait_for_selector("text=In force.")


def sends_two_weeks_and_two_with_older_applicants(home: Home) -> None:
    """Each a statement that the collector signed; then they are examined."""
    collector = home.collector("loans", "1")
    for week, age in enumerate((45.0, 45.0, 55.0, 55.0)):
        rows = people(3_000, week, age=age)
        collector.add({name: rows[name] for name in rows if name != "repaid"})
        begin = BEGIN + week * WEEK
        deliver(home, collector.close_window(begin, begin + WEEK, replay=True))
        examine_all()


def finds_the_incident_and_resolves_it(ben: Page) -> str:
    """The incident's address."""
    ben.goto("/")
    ben.click("a:has-text('age has shifted')")
    ben.click("button:text-is('Acknowledge')")
    ben.wait_for_selector("text=ben is looking into it")
    ben.select_option("[name=resolve-verdict]", "expected")
    ben.fill("[name=resolve-reason]", "Those older came by a campaign.")
    ben.click("button:text-is('Resolve')")
    ben.wait_for_selector("aside blockquote")
    incident = Incident.objects.get()
    assert (incident.severity, incident.status) == ("high", "resolved"), "as the policy says"
    return ben.url


def verifies_the_log_offline(cleo: Page, export: Path) -> None:
    """With the log's key as her page shows it; one altered byte is found."""
    cleo.goto(reverse("audit"))
    for told in ("Signoff decided", "Policy approved", "Incident resolved"):
        assert told in cleo.inner_text("main")
    cleo.goto(reverse("outside"))
    vkey = cleo.locator("pre code").first.inner_text()
    call_command("export_audit", str(export), verbosity=0)
    assert command("verify-log", export, "--vkey", vkey)[0] == 0
    [entries] = (path for path in (export / "tile" / "entries").rglob("*") if path.is_file())
    content = entries.read_bytes()
    entries.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert command("verify-log", export, "--vkey", vkey)[0] == 1


def passes_the_gate(url: str, directory: Path) -> None:
    """A pipeline fetches the bundle and checks it offline; another artefact doesn't pass."""
    bundle, trust = directory / "bundle.json", directory / "trust.toml"
    reader = {"Authorization": f"Bearer {issue_token('ci', ['read'], actor='user:1')}"}
    with urlopen(Request(f"{url}/api/v1/gate?digest={DIGEST}", headers=reader)) as answer:
        bundle.write_bytes(answer.read())
    assert len(json.loads(bundle.read_bytes())["decisions"]) == 2
    trust.write_text(bundles.trust())
    asked = ("gate", bundle, "--trust", trust, "--digest")
    assert command(*asked, DIGEST) == (0, f"passed: {DIGEST}\n")
    code, said = command(*asked, "e" * 64)
    assert (code, "not passed: gate.artefact" in said) == (1, True)


def read(page: Page, address: str) -> str:
    page.goto(address)
    return page.inner_text("main")


def command(*words: object) -> tuple[int, str]:
    """The command line's exit code and what it prints, in a process that knows no Django."""
    line = [sys.executable, "-m", "countersign.cli", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
