"""One incident: what people read of it, and what they do with it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from governance.audit import recent
from governance.models import Incident, IncidentStep
from tests import cast
from tests.detectors.world import OLDER, World
from tests.web.conftest import MOST_QUERIES, drifted, queries_of, weeks


@pytest.fixture
def incident(loans: World) -> Incident:
    drifted(loans)
    return Incident.objects.get()


def page_of(client: Client, incident: Incident) -> str:
    answer = client.get(reverse("incident", args=[incident.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, incident: Incident, verb: str, **said: object) -> tuple[int, str]:
    """Fill in one of the page's forms; returns the status and the page that one ends up on."""
    filled = {f"{verb}-{name}": value for name, value in said.items()}
    answer = client.post(reverse(verb, args=[incident.pk]), filled, follow=True)
    return answer.status_code, answer.content.decode()


def resolve(client: Client, incident: Incident, reason: str) -> tuple[int, str]:
    return act(client, incident, "resolve", reason=reason, verdict="expected")


def test_it_says_what_was_seen_how_sure_it_is_and_by_which_rule(
    ada: Client, incident: Incident
) -> None:
    page = page_of(ada, incident)
    finding = incident.findings[0]
    assert finding["sentence"].split(". ")[0] in page
    assert f"{finding['rows']:,}" in page
    assert "95 % interval" in page
    assert "age: evidence of drift" in page
    assert incident.policy["digest"] in page
    assert '<svg class="plot' in page


def test_an_incident_whose_window_never_came_has_a_page_without_charts(
    ada: Client, loans: World
) -> None:
    drifted(loans)
    incident = Incident.objects.get()
    Incident.objects.filter(pk=incident.pk).update(deployment="elsewhere")
    assert "How it came about" not in page_of(ada, incident)


def test_ada_acknowledges_it_and_ben_sees_that(
    ada: Client, ben: Client, incident: Incident
) -> None:
    ada.post(reverse("acknowledge", args=[incident.pk]))
    page = page_of(ben, incident)
    assert "ada is looking into it" in page
    assert "Acknowledge</button>" not in page
    entry = recent.newest(1)[0]
    assert entry.kind == "incident.acknowledged"
    assert entry.facts["actor"] == f"user:{User.objects.get(username='ada').pk}"


def test_ada_resolves_it_with_a_reason(ada: Client, incident: Incident) -> None:
    _, page = resolve(ada, incident, "The broker's campaign for over-50s is over.")
    incident.refresh_from_db()
    assert incident.status == Incident.Status.RESOLVED
    assert "The broker&#x27;s campaign for over-50s is over." in page


@pytest.mark.parametrize("reason", ["", "   \n", "x" * 2_001, "a\x00b"])
def test_it_stays_open_without_a_reason_that_can_be_kept(
    ada: Client, incident: Incident, reason: str
) -> None:
    status, page = resolve(ada, incident, reason)
    assert status == 422
    assert 'aria-invalid="true"' in page
    incident.refresh_from_db()
    assert incident.status == Incident.Status.OPEN


def test_the_second_of_two_who_resolve_it_is_told(
    ada: Client, ben: Client, incident: Incident
) -> None:
    page_of(ben, incident)
    resolve(ada, incident, "Expected.")
    _, page = resolve(ben, incident, "A mistake.")
    assert "Somebody resolved this incident before you" in page
    assert "Expected." in page
    assert "A mistake." not in page
    assert IncidentStep.objects.filter(kind=IncidentStep.Kind.RESOLVED).count() == 1


def test_an_incident_that_is_not_there_is_not_found(ada: Client) -> None:
    assert ada.get(reverse("incident", args=[7])).status_code == 404
    assert ada.post(reverse("resolve", args=[7]), {"resolve-reason": "?"}).status_code == 404


def test_it_takes_as_many_queries_however_long_the_history(
    ada: Client, incident: Incident, loans: World
) -> None:
    page_of(ada, incident)
    before = queries_of(ada, reverse("incident", args=[incident.pk]))
    weeks(loans, 3, OLDER, first=6)
    assert queries_of(ada, reverse("incident", args=[incident.pk])) == before < MOST_QUERIES


def test_ben_gives_it_to_ada_who_finds_it_among_hers(
    ada: Client, ben: Client, incident: Incident
) -> None:
    user = cast.person("ada")
    status, page = act(ben, incident, "assign", owner=user.pk, due="2031-05-04", seen="")
    assert (status, "to ada, due 2031-05-04" in page) == (200, True)
    mine = ada.get(reverse("incidents"), {"whose": "mine"}).content.decode()
    assert reverse("incident", args=[incident.pk]) in mine
    others = ben.get(reverse("incidents"), {"whose": "mine"}).content.decode()
    assert "No incident is like that." in others


def test_who_saw_another_owner_changes_nothing(ben: Client, incident: Incident) -> None:
    ada, vera = cast.person("ada"), cast.person("vera")
    act(ben, incident, "assign", owner=ada.pk, due="2031-05-04", seen="")
    _, page = act(ben, incident, "assign", owner=vera.pk, due="2031-05-04", seen="")
    assert "to somebody else while you looked at it" in page
    incident.refresh_from_db()
    assert incident.owner == ada


def test_it_can_only_be_given_to_somebody_who_may_handle_it(
    ben: Client, incident: Incident
) -> None:
    cleo = cast.person("cleo")
    status, page = act(ben, incident, "assign", owner=cleo.pk, due="2031-05-04", seen="")
    assert (status, 'aria-invalid="true"' in page) == (422, True)


def test_it_is_snoozed_and_talked_about(ben: Client, incident: Incident) -> None:
    _, page = act(ben, incident, "snooze", days=3, reason="The campaign ends on Friday.")
    assert "Snoozed until" in page
    assert "The campaign ends on Friday." in page
    assert act(ben, incident, "snooze", days=90, reason="Later.")[0] == 422
    _, page = act(ben, incident, "comment", text="Asked marketing.")
    assert "Asked marketing." in page
    assert act(ben, incident, "comment", text=" ")[0] == 422


def test_it_says_what_one_might_do_and_why_it_is_so_severe(ada: Client, incident: Incident) -> None:
    page = page_of(ada, incident)
    assert "What one might do" in page
    assert "a model without a tier, taken as tier 2" in page
    assert "Each figure by itself" in page


def test_false_alarms_count_against_the_precision_of_model_and_policy(
    ada: Client, incident: Incident
) -> None:
    act(ada, incident, "resolve", reason="Nothing there.", verdict="false_alarm")
    page = ada.get(reverse("incidents"), {"state": "all"}).content.decode()
    assert "0 of 1" in page
    assert incident.policy["digest"][:12] in page


def test_who_may_not_handle_it_may_read_it(cleo: Client, incident: Incident) -> None:
    assert "Your roles don’t include handling it." in page_of(cleo, incident)
    for verb in ("acknowledge", "assign", "snooze", "comment", "resolve"):
        assert cleo.post(reverse(verb, args=[incident.pk])).status_code == 403
