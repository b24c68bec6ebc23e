"""Approvals that end: a broken condition, open incidents, a review that is due; never by chance."""

from datetime import timedelta

import pytest
from django.utils import timezone

from countersign.approval import Condition
from detectors import sign_offs
from governance import incidents, policies
from governance.incidents import Finding, Occasion
from governance.models import Developer, Incident, SignOff, SignOffSummary
from governance.signoff import conditions
from governance.signoff.requests import LARGEST_EVIDENCE
from tests.cast import Role, somebody
from tests.detectors.world import World
from tests.signoff.cast import Cast, signer
from tests.web.conftest import labelled, watched

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    """A week of `loans` with its labels."""
    world = watched("loans")
    labelled(world, 0)
    return world


@pytest.fixture
def people(world: World) -> Cast:
    """The cast, about the world's version."""
    Developer.objects.create(version=world.version, name="dora")
    return Cast(
        ada=somebody("olga", Role.OWNER),
        vera=signer("vera", Role.VALIDATOR),
        paul=signer("paul", Role.APPROVER),
        dora=signer("dora", Role.VALIDATOR),
        dan=somebody("dan", Role.POLICY_ADMINISTRATOR),
        version=world.version,
    )


def approved(people: Cast, *conditions: Condition) -> SignOff:
    sign_off = people.request()
    people.vera.decide(sign_off, "approve_with_conditions", conditions=list(conditions))
    people.paul.decide(sign_off)
    sign_off.refresh_from_db()
    assert sign_off.status == "approved"
    return sign_off


def status(sign_off: SignOff) -> str:
    sign_off.refresh_from_db()
    return sign_off.status


ACCURACY = Condition(kind="performance", figure="accuracy", at_least=0.65)


def test_a_condition_that_holds_ends_nothing(world: World, people: Cast) -> None:
    sign_off = approved(people, ACCURACY)
    labelled(world, 1)
    assert status(sign_off) == "approved"
    assert not Incident.objects.filter(cause="sign_off").exists()


def test_a_broken_bound_fails_the_version_and_asks_for_a_review(world: World, people: Cast) -> None:
    sign_off = approved(people, Condition(kind="performance", figure="accuracy", at_least=0.9))
    labelled(world, 1)
    assert status(sign_off) == "broken"
    told = SignOffSummary.objects.latest("pk")
    assert (told.sign_off, told.result) == (sign_off, "FAILED")
    incident = Incident.objects.get(cause="sign_off")
    assert "accuracy" in incident.title
    review = SignOff.objects.get(status="waiting")
    assert (review.submitter, review.actor) == (people.ada, "countersign")
    assert b"realised_performance" in bytes(review.evidence)
    labelled(world, 2)
    assert SignOffSummary.objects.filter(result="FAILED").count() == 1


def test_chance_alone_breaks_no_bound(people: Cast) -> None:
    """As long as the interval reaches the bound, it may hold."""
    sign_off = approved(people, ACCURACY)
    now = timezone.now()
    occasion = Occasion(people.version, "production", now, now)
    for interval, expected in (((0.6, 0.5, 0.65), "approved"), ((0.6, 0.5, 0.64), "broken")):
        values = {("performance", "accuracy"): interval}
        conditions.watch(occasion, values, sign_offs.evidence_of)
        assert status(sign_off) == expected


def test_an_open_incident_breaks_a_condition_by_the_clock(world: World, people: Cast) -> None:
    sign_off = approved(people, Condition(kind="incidents", figure="high", at_most=0.0))
    sign_offs.review(timezone.now())
    assert status(sign_off) == "approved"
    now = timezone.now()
    silence = Finding("feed", "missing_window", "windows", "Windows are missing.", "high")
    occasion = Occasion(people.version, "production", now, now)
    incidents.weigh([silence], occasion, policies.in_force(people.version.model))
    sign_offs.review(timezone.now())
    assert status(sign_off) == "broken"
    sign_offs.review(timezone.now())
    assert SignOffSummary.objects.filter(result="FAILED").count() == 1


def test_a_review_that_is_due_ends_the_approval(people: Cast) -> None:
    sign_off = people.approved()
    sign_offs.review(sign_off.expires_at - timedelta(seconds=1))
    assert status(sign_off) == "approved"
    sign_offs.review(sign_off.expires_at)
    assert status(sign_off) == "expired"
    assert SignOffSummary.objects.latest("pk").result == "FAILED"
    assert SignOff.objects.get(status="waiting").reason == "Its review is due."


def test_a_request_that_nobody_decided_closes_unapproved(people: Cast) -> None:
    sign_off = people.request()
    sign_offs.review(sign_off.expires_at)
    assert status(sign_off) == "expired"
    assert not SignOffSummary.objects.exists()
    assert not SignOff.objects.filter(status="waiting").exists()


def test_an_approval_ends_even_if_its_evidence_is_too_much_for_another_request(
    people: Cast,
) -> None:
    sign_off = people.approved()
    later = sign_off.expires_at + timedelta(days=1)
    assert conditions.end_overdue(later, lambda _: {"windows": "x" * LARGEST_EVIDENCE}) == 1
    sign_off.refresh_from_db()
    assert (sign_off.status, SignOff.objects.count()) == ("expired", 1)
