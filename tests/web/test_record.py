"""A model's record: what people read there, what each of them may write, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import registry, reviews
from governance.audit import recent
from governance.models import Change, Model, ModelException, Objective, ReviewFinding, Version
from tests import cast
from tests.detectors.world import World
from tests.web.conftest import labelled, queries_of, weeks
from tests.web.test_pages import HOSTILE, page_of

DIGEST = "a" * 64
FINDING: dict[str, Any] = {
    "title": "No fallback",
    "severity": "high",
    "owner": "ben",
    "due": "2020-01-31",
}


@pytest.fixture
def vera(db: None) -> Client:
    """Vera validates."""
    return cast.enter("vera")


@pytest.fixture
def paul(db: None) -> Client:
    """Paul approves."""
    return cast.enter("paul")


@pytest.fixture
def cards(db: None) -> Model:
    """A model of Ada's with a version, and nothing sent."""
    model, _ = registry.register_model("cards", actor="user:1", owner="ada", purpose="Limits")
    registry.register_version("cards", "1", DIGEST, actor="user:1")
    return model


def send(client: Client, act: str, *where: object, **told: Any) -> int:
    """Send one of the record's forms; the answer's status."""
    return client.post(reverse(act, args=["cards", *where]), told).status_code


def described(**told: str) -> dict[str, str]:
    """The inventory's form as a browser sends it: what was shown, and what is there now."""
    model = Model.objects.get(name="cards")
    fields = ("purpose", "limits_of_use", "owner", "manager", "validator", "vendor", "state")
    shown = {name: str(getattr(model, name)) for name in fields} | {"models": "", "sources": ""}
    return {f"initial-{name}": value for name, value in shown.items()} | shown | told


def test_a_model_is_registered_from_its_unit_and_its_record_opens(ben: Client) -> None:
    answer = ben.post(reverse("register-model"), {"name": "cards", "owner": "ada"})
    assert answer.headers["Location"] == reverse("record", args=["cards"])
    again = ben.post(reverse("register-model"), {"name": "cards", "owner": "eve"})
    assert "model.conflict" in again.content.decode()
    assert ben.post(reverse("register-model"), {"name": "two words"}).status_code == 422
    assert Model.objects.get().owner == "ada"


def test_the_owner_changes_the_inventory_and_both_states_are_read_there(
    ben: Client, cards: Model
) -> None:
    registry.register_model("income", actor="user:1")
    told = described(owner="Grace", limits_of_use="Not for firms.\r\nNot abroad.", models="income")
    assert send(ben, "describe-model", **told) == 302
    page = page_of(ben, "record", "cards")
    assert "<dt>owner</dt><dd><del>ada</del> <ins>Grace</ins>" in page
    assert "Not for firms.<br>Not abroad." in page
    assert reverse("record", args=["income"]) in page
    assert "cards</a>" in page_of(ben, "record", "income")


def test_what_others_changed_meanwhile_is_not_changed_back(ben: Client, cards: Model) -> None:
    seen = described(vendor="Acme")
    registry.describe_model(cards, {"owner": "Grace"}, actor="user:9")
    assert send(ben, "describe-model", **seen) == 302
    cards.refresh_from_db()
    assert (cards.owner, cards.vendor) == ("Grace", "Acme")


def test_a_circle_is_said_on_the_form_and_nothing_is_kept(ben: Client, cards: Model) -> None:
    answer = ben.post(
        reverse("describe-model", args=["cards"]), described(models="cards", vendor="Acme")
    )
    assert answer.status_code == 422
    assert "dependency.cycle" in answer.content.decode()
    assert not Change.objects.exists()


def test_a_version_is_put_to_use_and_found_by_date(ben: Client, cards: Model) -> None:
    told = {"version": "2", "digest": DIGEST, "developers": "ada\nmax"}
    assert send(ben, "register-version", **told) == 302
    version = Version.objects.get(name="2")
    assert registry.developers_of(version) == ["ada", "max"]
    place = {"environment": "production", "name": "default"}
    assert send(ben, "start-deployment", version="1", since="2026-01-01T00:00", **place) == 302
    assert send(ben, "start-deployment", version="2", since="2026-02-01T00:00", **place) == 302
    assert send(ben, "start-deployment", version="1", since="2026-01-15T00:00", **place) == 422
    page = page_of(ben, "record", "cards", on="2026-01-20")
    assert "version <strong>1</strong> ran in production" in page
    assert "no version was in force" in page_of(ben, "record", "cards", on="2025-01-20")
    page_of(ben, "record", "cards", on="never")
    assert "Version 2 runs in production." in page_of(ben, "record", "cards")
    running = cards.deployments.get(until=None)
    assert send(ben, "end-deployment", running.pk, until="") == 302
    assert "No deployment is recorded." in page_of(ben, "record", "cards")


def test_a_finding_is_raised_by_validation_and_closed_by_evidence(
    ben: Client, vera: Client, cards: Model
) -> None:
    assert send(ben, "raise-finding", **FINDING) == 403
    assert send(vera, "raise-finding", **FINDING) == 302
    assert "1 finding is open, 1 of them overdue" in page_of(ben, "record", "cards")
    finding = ReviewFinding.objects.get()
    assert send(ben, "close-finding", finding.pk, evidence="Mended") == 403
    assert send(vera, "close-finding", finding.pk, evidence=" ") == 422
    assert send(vera, "close-finding", finding.pk, evidence="Tested, see report") == 302
    assert send(vera, "close-finding", finding.pk, evidence="Again") == 422
    assert "Tested, see report" in page_of(ben, "record", "cards")


def test_a_finding_of_another_model_is_not_there(vera: Client, cards: Model) -> None:
    other, _ = registry.register_model("other", actor="user:1")
    finding = reviews.raise_finding(
        other, **FINDING | {"due": timezone.now().date()}, actor="user:1"
    )
    assert send(vera, "close-finding", finding.pk, evidence="Mended") == 404
    assert send(vera, "close-finding", 10**12, evidence="Mended") == 404


def test_an_exception_takes_two_people(ben: Client, paul: Client, cards: Model) -> None:
    until = (timezone.now() + timedelta(days=30)).date().isoformat()
    told = {"title": "Malta", "reason": "Pilot", "owner": "ben", "expires_at": until}
    assert send(ben, "request-exception", **told | {"expires_at": "2020-01-01"}) == 422
    assert send(ben, "request-exception", **told) == 302
    exception = ModelException.objects.get()
    assert send(ben, "decide-exception", exception.pk, approve="yes") == 403
    assert "waits for a second person" in page_of(ben, "record", "cards")
    assert send(paul, "decide-exception", exception.pk, approve="yes") == 302
    assert "1 exception holds" in page_of(ben, "record", "cards")
    assert send(ben, "end-exception", exception.pk) == 302
    assert "ended" in page_of(ben, "record", "cards")


def test_a_requirement_says_whether_it_is_measured_now_and_holds(ben: Client, loans: World) -> None:
    weeks(loans, 2)
    labelled(loans, 2)

    def post(act: str, *where: object, **told: Any) -> int:
        return ben.post(reverse(act, args=["loans", *where]), told).status_code

    assert post("set-objective", text="Lend to those who repay") == 302
    aim = Objective.objects.get()
    for metric, bound in (("accuracy", "0.01"), ("accuracy", "0.99"), ("unheard_of", "0.5")):
        told = {"text": metric, "monitor": "realised_performance", "metric": metric}
        assert post("set-requirement", aim.pk, **told, at_least=bound) == 302
    assert post("set-requirement", aim.pk, text="x", monitor="ks", metric="x") == 422
    page = page_of(ben, "record", "loans")
    assert page.count("<strong>holds</strong>") == 1
    assert page.count("<strong>does not hold</strong>") == 1
    assert page.count("not measured") == 1
    assert "at least 99.0 %" in page
    assert post("retire-requirement", aim.requirements.latest("pk").pk) == 302
    assert post("retire-objective", aim.pk) == 302
    assert "No objective is set." in page_of(ben, "record", "loans")


def test_the_timeline_tells_of_everything(ben: Client, vera: Client, cards: Model) -> None:
    send(ben, "start-deployment", version="1", environment="production", name="default", since="")
    send(vera, "raise-finding", **FINDING)
    page = page_of(ben, "record", "cards")
    timeline = page[page.index('id="timeline"') :]
    order = ["Finding raised", "Version 1 runs in production", "Version 1 registered", "Model regi"]
    assert sorted(order, key=timeline.index) == order
    assert "vera: No fallback" in timeline


def test_the_record_shows_each_person_only_what_they_may_do(
    ben: Client, cleo: Client, rita: Client, cards: Model
) -> None:
    assert "Change the inventory" in page_of(ben, "record", "cards")
    assert "Raise a finding" in page_of(cleo, "record", "cards")
    assert '<form method="post" action="/inventory' not in page_of(rita, "record", "cards")


def test_a_model_of_another_unit_is_not_there(db: None, cards: Model) -> None:
    Model.objects.update(business_unit="lending")
    stranger = cast.logged_in(cast.somebody("eve", *cast.Role, unit="cards"))
    assert stranger.get(reverse("record", args=["cards"])).status_code == 404
    assert send(stranger, "raise-finding", **FINDING) == 404
    assert "cards" not in stranger.get(reverse("inventory-csv")).content.decode()


def test_names_are_shown_and_never_run(ben: Client, vera: Client, cards: Model) -> None:
    send(ben, "describe-model", **described(owner=HOSTILE, sources=HOSTILE))
    send(vera, "raise-finding", **FINDING | {"title": HOSTILE, "text": HOSTILE})
    assert HOSTILE not in page_of(ben, "record", "cards")
    assert HOSTILE not in page_of(ben, "models")


def test_the_inventory_is_taken_as_a_file_and_the_log_says_who_did(
    ben: Client, cards: Model
) -> None:
    table = ben.get(reverse("inventory-csv"))
    assert table.headers["Content-Disposition"] == 'attachment; filename="inventory.csv"'
    assert '"cards"' in table.content.decode()
    assert ben.get(reverse("inventory-json")).json()[0]["name"] == "cards"
    entry, _ = recent.newest(2)
    assert entry.kind == "inventory.exported"
    assert entry.facts["actor"] == f"user:{User.objects.get(username='ben').pk}"


def test_a_record_takes_as_many_queries_when_it_is_long(
    ben: Client, vera: Client, cards: Model
) -> None:
    send(vera, "raise-finding", **FINDING)
    send(ben, "set-objective", text="One")
    short = queries_of(vera, reverse("record", args=["cards"]))
    for number in range(5):
        send(vera, "raise-finding", **FINDING)
        send(ben, "set-objective", text=f"{number}")
        registry.register_version("cards", f"v{number}", DIGEST, actor="user:1")
    assert queries_of(vera, reverse("record", args=["cards"])) == short <= 45
