"""What each page says, in every state that it has."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detectors.models import Gap, Window
from governance.audit import log
from governance.handling import resolve_incident
from governance.models import Incident, Model, Version
from tests.detectors.world import GONE, HOLES, WEEK, World
from tests.web.conftest import (
    MOST_QUERIES,
    drifted,
    examine_all,
    labelled,
    queries_of,
    watched,
    weeks,
)

HOSTILE = "<script>alert('x')</script>"


def page_of(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer.status_code
    return words_of(answer.content.decode())


def words_of(page: str) -> str:
    """The page with runs of white space, thin ones too, as one space."""
    return re.sub(r"\s+", " ", page)


def test_a_new_appliance_shows_the_first_three_steps(ada: Client, rita: Client) -> None:
    page = page_of(ada, "overview")
    assert "countersign enroll http://testserver TOKEN" in page
    assert "countersign baseline" in page
    assert "countersign window" in page
    assert "done" not in page
    assert reverse("senders") not in page
    assert reverse("senders") in page_of(rita, "overview")


def test_the_steps_that_are_done_are_ticked(ada: Client, loans: World) -> None:
    assert page_of(ada, "overview").count('class="done"') == 1


def test_the_overview_puts_open_incidents_first(ada: Client, loans: World) -> None:
    drifted(loans)
    page = page_of(ada, "overview")
    assert "1 incident is open" in page
    title = " ".join(Incident.objects.get().title.split())
    assert page.index(title) < page.index('id="models"')
    assert "loans / 1, production" in page


def test_the_overview_says_since_when_all_is_quiet(ada: Client, loans: World) -> None:
    drifted(loans)
    resolve_incident(Incident.objects.get(), "expected", actor="user:1", reason="Expected.")
    page = page_of(ada, "overview")
    assert "Nothing needs attention." in page
    assert f'quiet since <time class="local" datetime="{timezone.now():%Y-%m-%d}' in page
    assert "<dd>6</dd>" in page


def test_models_are_listed_with_how_they_stand(ada: Client, loans: World) -> None:
    drifted(loans)
    watched("churn", owner="Marketing")
    Model.objects.create(name="pricing")
    page = page_of(ada, "models")
    assert "3 models are registered" in page
    assert "1 open incident" in page
    assert "Waits for its first window" in page
    assert "No version yet" in page
    assert "only history was sent" in page


def test_a_model_shows_its_newest_version(ada: Client, loans: World) -> None:
    Version.objects.create(model=loans.version.model, name="2", digest="e" * 64)
    page = page_of(ada, "model", "loans")
    assert "version 2" in page
    assert "There is no baseline yet" in page
    assert reverse("version", args=["loans", "1"]) in page


def test_a_model_without_a_version_says_so(ada: Client) -> None:
    Model.objects.create(name="pricing", purpose="Quotes")
    page = page_of(ada, "model", "pricing")
    assert "No version is registered yet" in page


def test_a_models_pages_lead_to_its_privacy(ada: Client, loans: World) -> None:
    Model.objects.create(name="claims")
    for model in ("loans", "claims"):
        assert f'href="{reverse("model-privacy", args=[model])}"' in page_of(ada, "model", model)


def test_a_version_without_windows_says_what_will_be_watched(ada: Client, loans: World) -> None:
    page = page_of(ada, "version", "loans", "1")
    assert "no window has arrived yet" in page
    assert "A window is due every 7 days" in page
    assert "1 false alarm per version and year" in page


def test_a_version_shows_drift_integrity_and_estimates(ada: Client, loans: World) -> None:
    drifted(loans)
    page = page_of(ada, "version", "loans", "1")
    assert "Accuracy is estimated at" in page
    assert "in the reference" in page
    assert "age drifted" in page
    assert page.index(">age</h3>") < page.index(">income</h3>"), "the farthest moved comes first"
    assert "In the newest window no column is over its limit." in page


def test_estimates_are_held_against_what_turned_out(ada: Client, loans: World) -> None:
    weeks(loans, 1)
    labelled(loans, 1)
    page = page_of(ada, "version", "loans", "1")
    assert "The newest outcomes, of 13 to 20 Jan 2020, put it at" in page
    assert (
        "Over 1 window with at least half of the outcomes known, the estimates of accuracy" in page
    )
    assert "Go by the realised figures" not in page
    labelled(loans, 2, bias=-1.0)
    assert "Go by the realised figures" in page_of(ada, "version", "loans", "1")


def test_a_column_that_is_gone_is_named(ada: Client, loans: World) -> None:
    weeks(loans, 1)
    weeks(loans, 1, GONE, first=1)
    page = page_of(ada, "version", "loans", "1")
    assert "<strong>income</strong>: missing in 100.0 % of the rows" in page
    assert "income is gone" in page


def test_a_window_whose_outcomes_raised_an_alarm_says_so(ada: Client, loans: World) -> None:
    weeks(loans, 1)
    for number in (1, 2):
        labelled(loans, number, bias=-1.0)
    incident = Incident.objects.get(cause="performance")
    page = page_of(ada, "windows", "loans", "1")
    row = page.partition("20 to 27 Jan 2020")[2].partition("</tr>")[0]
    assert "wrong decisions changed" in row
    assert reverse("incident", args=[incident.pk]) in row
    assert "Nothing beyond chance" not in row


def test_an_incident_is_shown_wherever_it_covers_a_window(ada: Client, loans: World) -> None:
    drifted(loans)
    first = Window.objects.earliest("start")
    assert "Nothing beyond chance" in page_of(ada, "windows", "loans", "1")
    Incident.objects.update(first_window=first.start)
    page = page_of(ada, "windows", "loans", "1")
    row = page.partition("6 to 13 Jan 2020")[2].partition("</tr>")[0]
    assert f'Part of <a class="nowrap" href="/incidents/{Incident.objects.get().pk}/' in row


def test_a_rate_above_its_limit_is_told_as_more(ada: Client, loans: World) -> None:
    weeks(loans, 1)
    weeks(loans, 2, HOLES, first=1)
    assert "income: more missing" in page_of(ada, "windows", "loans", "1")


def test_a_window_that_waits_is_shown_as_waiting(ada: Client, loans: World) -> None:
    loans.send(loans.window(0))
    page = page_of(ada, "version", "loans", "1")
    assert "Waits to be examined" in page
    assert "How good are the decisions?" not in page


def test_windows_have_pages_and_gaps_have_their_places(ada: Client, loans: World) -> None:
    weeks(loans, 1)
    weeks(loans, 1, first=2)
    first = Window.objects.earliest("start")
    Gap.objects.create(
        baseline=first.baseline,
        deployment="production",
        start=first.end,
        end=first.end + WEEK,
        noticed_at=timezone.now(),
    )
    page = page_of(ada, "windows", "loans", "1")
    places = [page.index(p) for p in ("20 to 27 Jan 2020", "did not arrive", "6 to 13 Jan 2020")]
    assert places == sorted(places)


def test_each_deployment_has_its_own_figures(ada: Client, loans: World) -> None:
    weeks(loans, 1)
    loans.send(loans.window(1, deployment="canary", rows=1_234))
    examine_all()
    assert "1,234" in page_of(ada, "version", "loans", "1")
    page = page_of(ada, "version", "loans", "1", deployment="production")
    before, _, budget = page.partition('<h2 id="budget">')
    ledger, _, after = budget.partition("</section>")
    assert "1,234" not in before + after
    assert "in canary" in ledger, "the budget is shared by all deployments, and told so"
    assert page_of(ada, "version", "loans", "1", deployment="invented")


@pytest.mark.parametrize("name", ["model", "version", "windows"])
def test_what_is_not_registered_is_not_found(ada: Client, name: str) -> None:
    args = ["loans"] if name == "model" else ["loans", "1"]
    answer = ada.get(reverse(name, args=args))
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_the_log_says_what_is_signed_and_what_waits(cleo: Client, loans: World) -> None:
    page = page_of(cleo, "audit")
    assert "Nothing is signed yet" in page
    log.seal()
    page = page_of(cleo, "audit")
    assert "entries are sealed and signed" in page
    assert "Baseline accepted" in page
    assert "countersign.tlog.verify" in page


def test_the_log_is_verified_on_demand(cleo: Client, loans: World) -> None:
    log.seal()
    page = words_of(cleo.post(reverse("verify")).content.decode())
    assert "nothing is wrong" in page


def test_the_log_says_when_signing_has_stopped(cleo: Client, loans: World, data_directory) -> None:
    log.seal()
    for mark in (data_directory / "log").iterdir():
        mark.unlink()
    page = page_of(cleo, "audit")
    assert "Signing has stopped." in page
    assert "log.mark_missing" in page
    page = words_of(cleo.post(reverse("verify")).content.decode())
    assert "The log does not verify" in page


def every_page(client: Client) -> dict[str, str]:
    """All pages, over everything that there is."""
    addresses = [reverse(name) for name in ("overview", "models", "audit", "senders")]
    for version in Version.objects.select_related("model"):
        args = [version.model.name, version.name]
        addresses += [reverse(name, args=args) for name in ("version", "windows")]
        addresses.append(reverse("model", args=args[:1]))
    addresses += [reverse("incident", args=[i.pk]) for i in Incident.objects.all()]
    pages = {address: client.get(address).content.decode() for address in addresses}
    pages["log-in"] = Client().get(reverse("account_login")).content.decode()
    pages["set-up"] = Client().get(reverse("set-up", args=["once"])).content.decode()
    pages["404"] = client.get("/nowhere/").content.decode()
    return pages


class Inline(HTMLParser):
    """Collects what the site's policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        data = named.get("type") == "application/json"  # which no browser runs
        if tag == "style" or (tag == "script" and "src" not in named and not data):
            self.found.append(tag)
        self.found += [name for name in named if name == "style" or name.startswith("on")]
        outside = [named.get(name) or "" for name in ("src", "href", "action")]
        self.found += [a for a in outside if a.startswith(("http", "//", "javascript", "data"))]


def test_no_page_has_an_inline_style_or_script_or_anything_from_elsewhere(
    rita: Client, loans: World
) -> None:
    drifted(loans)
    labelled(loans, 6)
    for address, page in every_page(rita).items():
        inline = Inline()
        inline.feed(page)
        assert inline.found == [], address


def test_hostile_names_stay_text_on_every_page(rita: Client, loans: World) -> None:
    drifted(loans)
    Model.objects.update(owner=HOSTILE, purpose=HOSTILE)
    model = Model.objects.create(name=HOSTILE.replace("/", ""), owner=HOSTILE)
    Version.objects.create(model=model, name=HOSTILE.replace("/", ""), digest="e" * 64)
    finding = Incident.objects.get().findings[0] | {"sentence": HOSTILE, "name": HOSTILE}
    Incident.objects.update(title=HOSTILE, findings=[finding], causes=[HOSTILE])
    resolve_incident(Incident.objects.get(), "expected", actor="user:1", reason=HOSTILE)
    User.objects.update(username=HOSTILE)
    pages = every_page(rita)
    assert sum("&lt;script&gt;" in page for page in pages.values()) > 5
    for address, page in pages.items():
        assert "<script>" not in page, address


def test_queries_do_not_grow_with_models_and_incidents(ada: Client, loans: World) -> None:
    drifted(loans)
    addresses = [reverse("overview"), reverse("models")]
    before = [queries_of(ada, address) for address in addresses]
    for i in range(4):
        drifted(watched(f"model-{i}"))
    assert [queries_of(ada, address) for address in addresses] == before
    assert max(before) < MOST_QUERIES


def test_queries_do_not_grow_with_windows(ada: Client, loans: World) -> None:
    weeks(loans, 2)
    page_of(ada, "version", "loans", "1")
    addresses = [reverse(name, args=["loans", "1"]) for name in ("version", "windows")]
    before = [queries_of(ada, address) for address in addresses]
    weeks(loans, 4, first=2)
    assert [queries_of(ada, address) for address in addresses] == before
    assert max(before) < MOST_QUERIES


def test_queries_do_not_grow_with_the_log(cleo: Client, ben: Client, loans: World) -> None:
    drifted(loans)
    ben.post(reverse("acknowledge", args=[Incident.objects.get().pk]))
    before = queries_of(cleo, reverse("audit"))
    weeks(loans, 4, first=6)
    log.seal()
    assert queries_of(cleo, reverse("audit")) == before < MOST_QUERIES
