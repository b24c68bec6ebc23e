"""The pages about policies, from a proposal by form or file to the policy in force."""

import json
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from appliance.management.commands.write_schemas import FOLDER
from detectors import jobs
from governance import policies
from governance.models import Exemption, Incident, Membership, Model, PolicyVersion, Replay
from tests.cast import enter, logged_in, somebody
from tests.detectors.world import World
from tests.governance.test_policy_files import REFUSED, WHOLE
from tests.web.conftest import MOST_QUERIES, drifted, queries_of, weeks
from tests.web.test_pages import HOSTILE, page_of, words_of

Role = Membership.Role
SAID = {
    "tolerance": "20",
    "review_days": "90",
    "severity_drift": "high",
    "reason": "Fewer of them.",
}


@pytest.fixture
def dora(db: None) -> Client:
    """A second policy administrator."""
    return logged_in(somebody("dora", Role.POLICY_ADMINISTRATOR))


def propose(client: Client, **changes: str) -> Any:
    return client.post(reverse("propose-policy"), {"reason": "because"} | changes)


def decide(client: Client, number: int, verb: str, reason: str = "") -> str:
    address = reverse("decide-policy", args=[number])
    answer = client.post(address, {"verb": verb, "reason": reason}, follow=True)
    return words_of(answer.content.decode())


def replay(client: Client, number: int) -> None:
    client.post(reverse("replay-policy", args=[number]), {"days": "90"})
    jobs.replay_policy(Replay.objects.latest("pk").pk)


def test_dan_proposes_sees_what_would_be_lost_and_dora_approves(
    dan: Client, dora: Client, ada: Client, loans: World
) -> None:
    drifted(loans)
    incident = Incident.objects.get(cause="drift")
    answer = propose(dan, **SAID)
    version = PolicyVersion.objects.get()
    assert answer.headers["Location"] == reverse("policy", args=[version.pk])
    page = page_of(dora, "policy", version.pk)
    assert "Waits for its replay" in page
    assert "1 % of the rows" in page
    assert "20 % of the rows" in page
    assert "looser" in page
    assert "not finished" in decide(dora, version.pk, "approve")
    replay(dan, version.pk)
    page = page_of(dora, "policy", version.pk)
    assert "it would have told of 0 incidents more and 1 fewer" in page
    assert "1 incident was really opened" in page
    assert "tells 1 of them again" in page
    assert reverse("incident", args=[incident.pk]) in page
    assert "Another person" in decide(dan, version.pk, "approve")
    assert "In force." in decide(dora, version.pk, "approve", "Agreed in May.")
    assert policies.in_force(loans.version.model).tolerance == 0.2
    page = page_of(ada, "model-policy", "loans")
    assert "the organisation" in page
    assert reverse("policy", args=[version.pk]) in page
    assert "Agreed in May." in page_of(ada, "policy", version.pk)
    weeks(loans, 2, first=6)


def test_a_replay_that_was_given_up_says_so_and_may_be_asked_for_again(
    dan: Client, dora: Client, loans: World
) -> None:
    propose(dan, **SAID)
    number = PolicyVersion.objects.get().pk
    dan.post(reverse("replay-policy", args=[number]), {"days": "90"})
    Replay.objects.update(tries=3)
    jobs.replay_policy(Replay.objects.get().pk)
    page = page_of(dan, "policy", number)
    assert "The replay failed." in page
    assert "It was tried 3 times at one model and given up" in page
    assert "0 of 1 model done" in page
    assert "Replay it again" in page
    assert "not finished" in decide(dora, number, "approve")
    replay(dan, number)
    assert "it would have told of" in page_of(dora, "policy", number)


def test_an_incident_leads_to_the_policy_that_judged_it(
    dan: Client, dora: Client, ada: Client, loans: World
) -> None:
    propose(dan, severity_drift="high")
    number = PolicyVersion.objects.get().pk
    replay(dan, number)
    decide(dora, number, "approve")
    drifted(loans)
    incident = Incident.objects.get(cause="drift")
    assert incident.severity == "high"
    assert reverse("policy", args=[number]) in page_of(ada, "incident", incident.pk)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tolerance", "lots", "(policy.value)"),
        ("tolerance", "nan", "(policy.value)"),
        ("tolerance", "1e400", "(policy.value)"),
        ("grace_seconds", "0", "(policy.value)"),
        ("grace_seconds", "inf", "(policy.value)"),
        ("review_days", "9" * 400, "(policy.value)"),
        ("retention_days", "30", "(policy.value)"),
        ("routes", "two words", "(policy.value)"),
        ("routes", "x," * 900, "(policy.value)"),
        ("quiet_hours", "night", "(policy.time)"),
        ("digest_at", "25:00", "(policy.time)"),
        ("timezone", "Mars/Base", "(policy.time)"),
        ("severity_drift", "dire", "Select a valid choice"),
        ("business_unit", "two words", "(policy.level)"),
        ("model", "nobody", "(model.unknown)"),
        ("tier", "9", "Select a valid choice"),
        ("reason", "", "required"),
        ("reason", "nul \x00", "Null characters"),
    ],
)
def test_nonsense_is_refused_at_its_field_and_nothing_is_proposed(
    dan: Client, field: str, value: str, words: str
) -> None:
    answer = propose(dan, **{field: value})
    assert answer.status_code == 422
    assert words in words_of(answer.content.decode())
    assert not PolicyVersion.objects.exists()


def test_what_is_looser_than_the_level_above_is_refused_at_its_field(dan: Client) -> None:
    answer = propose(dan, business_unit="lending", tolerance="5")
    assert "The level above is stricter: tolerance. (policy.looser)" in words_of(
        answer.content.decode()
    )


def test_a_form_starts_from_what_the_level_says_now(dan: Client, dora: Client) -> None:
    propose(dan, tolerance="1.5", grace_seconds="12.5", routes="desk, night", severity_feed="high")
    number = PolicyVersion.objects.get().pk
    replay(dan, number)
    decide(dora, number, "approve")
    page = page_of(dan, "propose-policy")
    for value in ('value="1.5"', 'value="12.5"', 'value="desk, night"', 'value="high" selected'):
        assert value in page


def test_a_proposal_written_anew_takes_the_place_of_the_first(dan: Client) -> None:
    propose(dan, review_days="90")
    first = PolicyVersion.objects.get()
    assert (
        'value="90"'
        in dan.get(f"{reverse('propose-policy')}?instead_of={first.pk}").content.decode()
    )
    propose(dan, review_days="80", instead_of=str(first.pk))
    assert list(PolicyVersion.objects.order_by("pk").values_list("status", flat=True)) == [
        "withdrawn",
        "proposed",
    ]


def test_dora_rejects_with_a_reason_and_dan_withdraws(dan: Client, dora: Client) -> None:
    for _ in range(2):
        propose(dan, review_days="90")
    first, second = PolicyVersion.objects.order_by("pk").values_list("pk", flat=True)
    assert "Say why." in decide(dora, first, "reject")
    assert "Rejected." in decide(dora, first, "reject", "Too often.")
    assert "Withdrawn." in decide(dan, second, "withdraw")
    assert "decided or withdrawn already" in decide(dora, second, "reject", "no")


def test_others_see_and_decide_nothing(ada: Client, dan: Client) -> None:
    propose(dan, review_days="90", reason=HOSTILE)
    number = PolicyVersion.objects.get().pk
    page = page_of(ada, "policy", number)
    assert HOSTILE not in page
    assert "Approve" not in page
    assert propose(ada, review_days="90").status_code == 403
    for name in ("decide-policy", "replay-policy"):
        assert ada.post(reverse(name, args=[number]), {"verb": "approve"}).status_code == 403


def test_what_is_of_other_units_is_not_there(dan: Client, loans: World) -> None:
    loans.version.model.business_unit = "lending"
    loans.version.model.save()
    propose(dan, model="loans", review_days="90")
    propose(dan, business_unit="lending", review_days="90")
    other = enter_of_unit("cards")
    for number in PolicyVersion.objects.values_list("pk", flat=True):
        assert other.get(reverse("policy", args=[number])).status_code == 404
    assert "lending" not in page_of(other, "policies")
    assert other.get(reverse("model-policy", args=["loans"])).status_code == 404


def enter_of_unit(unit: str) -> Client:
    return logged_in(somebody("carl", Role.POLICY_ADMINISTRATOR, unit=unit))


# --- files ---------------------------------------------------------------------------------------


def upload(client: Client, text: bytes) -> Any:
    file = SimpleUploadedFile("policy.yaml", text)
    return client.post(reverse("upload-policy"), {"file": file})


def test_a_file_is_proposed_and_comes_back_the_same(dan: Client) -> None:
    assert upload(dan, WHOLE).status_code == 302
    version = PolicyVersion.objects.get()
    file = dan.get(reverse("policy-file", args=[version.pk])).content
    assert upload(dan, file).status_code == 302
    assert PolicyVersion.objects.latest("pk").digest == version.digest


@pytest.mark.parametrize("rule", REFUSED)
def test_a_file_that_is_none_is_refused_by_name(dan: Client, rule: str) -> None:
    answer = upload(dan, REFUSED[rule][-1])
    assert (answer.status_code, rule in answer.content.decode()) == (422, True)
    assert not PolicyVersion.objects.exists()


def test_the_published_schema_takes_what_the_reader_takes() -> None:
    schema = json.loads((FOLDER / "policy.json").read_text())
    whole = yaml.safe_load(WHOLE.replace(b"22:00]", b"'22:00']").replace(b"[08:00", b"['08:00'"))
    jsonschema.validate(whole, schema)
    wrongs: list[dict[str, Any]] = [{"settings": {"tolerance": 2}, "reason": "x"}, {"settings": {}}]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


# --- REST ----------------------------------------------------------------------------------------


def post_file(client: Client, text: bytes, **headers: str) -> Any:
    return client.post("/api/v1/policies", text, content_type="application/yaml", headers=headers)


def test_a_file_is_proposed_by_rest_as_whoever_is_logged_in(dan: Client) -> None:
    answer = post_file(dan, WHOLE)
    assert answer.status_code == 201
    version = PolicyVersion.objects.get()
    assert msgspec.json.decode(answer.content)["number"] == version.pk
    assert version.proposed_by == User.objects.get(username="dan")


@pytest.mark.parametrize(
    ("client", "status", "rule"),
    [("ada", 403, "access.denied"), ("eve", 401, "credential.missing")],
)
def test_who_may_not_is_refused_by_rest(
    request: pytest.FixtureRequest, client: str, status: int, rule: str
) -> None:
    answer = post_file(request.getfixturevalue(client), WHOLE)
    assert (answer.status_code, answer.json()["type"]) == (status, rule)


def test_a_file_without_the_forms_secret_is_refused_by_rest(dan: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="dan"))
    assert post_file(strict, WHOLE).json()["type"] == "credential.form_secret"
    assert not PolicyVersion.objects.exists()


@pytest.mark.parametrize("rule", REFUSED)
def test_a_file_that_is_none_is_refused_by_rest(dan: Client, rule: str) -> None:
    assert post_file(dan, REFUSED[rule][-1]).json()["type"] == rule


# --- exemptions and units ------------------------------------------------------------------------


def test_ben_asks_for_an_exemption_and_paul_approves_it(ada: Client, loans: World) -> None:
    ben, paul = enter("ben"), enter("paul")
    owner = User.objects.get(username="ben").pk
    asked = {"tolerance": "8", "owner": owner, "days": "30", "reason": "The feed is rebuilt."}
    assert ben.post(reverse("exempt", args=["loans"]), asked).status_code == 302
    exemption = Exemption.objects.get()
    assert "Waits for approval" in page_of(paul, "model-policy", "loans")
    address = reverse("decide-exemption", args=[exemption.pk])
    assert ben.post(address, {"verb": "approve"}).status_code == 403
    paul.post(address, {"verb": "approve"})
    page = page_of(ada, "model-policy", "loans")
    assert "an exemption" in page
    assert "8 % of the rows" in page
    ben.post(address, {"verb": "end"})
    assert policies.in_force(loans.version.model).tolerance == 0.01


def test_an_impossible_exemption_is_refused_in_the_form(loans: World) -> None:
    ben = enter("ben")
    owner = User.objects.get(username="ben").pk
    for changes in ({"tolerance": "99"}, {"days": "0"}, {"owner": "0"}, {"reason": ""}, {}):
        asked = {"owner": owner, "days": "30", "reason": "x"} | changes
        assert ben.post(reverse("exempt", args=["loans"]), asked).status_code == 422
    assert not Exemption.objects.exists()


def test_units_are_placed_and_circles_refused(dan: Client, ada: Client) -> None:
    address = reverse("place-unit")
    assert dan.post(address, {"unit": "lending", "parent": "retail"}).status_code == 302
    assert "lending is part of retail" in page_of(ada, "policies")
    answer = dan.post(address, {"unit": "retail", "parent": "lending"})
    assert "(unit.circular)" in answer.content.decode()
    assert ada.post(address, {"unit": "a", "parent": "b"}).status_code == 403


def test_pages_take_few_queries_however_much_there_is(dan: Client, loans: World) -> None:
    for number in range(6):
        propose(dan, review_days=str(90 + number))
        Model.objects.create(name=f"model{number}")
    first = PolicyVersion.objects.earliest("pk").pk
    replay(dan, first)
    addresses = [
        reverse("policies"),
        reverse("model-policy", args=["loans"]),
        reverse("policy", args=[first]),
    ]
    assert max(queries_of(dan, address) for address in addresses) < MOST_QUERIES
