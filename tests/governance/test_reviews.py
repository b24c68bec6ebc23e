"""Findings, exceptions and demands on a model: no one person closes or allows them alone."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import reviews
from governance.audit import recent
from governance.models import Change, Model, ModelException, ReviewFinding

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: None) -> dict[str, User]:
    return {name: User.objects.create_user(name) for name in ("ada", "ben", "vera")}


@pytest.fixture
def loans(db: None) -> Model:
    return Model.objects.create(name="loans", owner="ada")


def found(model: Model, owner: str = "ben") -> ReviewFinding:
    return reviews.raise_finding(
        model,
        title="No fallback",
        severity="high",
        owner=owner,
        due=date(2026, 9, 1),
        actor="user:9",
    )


def asked(model: Model, person: User, days: float = 30, owner: str = "ada") -> ModelException:
    return reviews.request_exception(
        model,
        title="Used in Malta",
        reason="Pilot",
        owner=owner,
        expires_at=timezone.now() + timedelta(days=days),
        person=person,
    )


def test_a_finding_is_closed_by_evidence_once(loans: Model, people: dict[str, User]) -> None:
    finding = found(loans)
    with pytest.raises(Refused, match=r"finding\.evidence"):
        reviews.close_finding(finding, evidence="  ", person=people["vera"])
    reviews.close_finding(finding, evidence="Tested", person=people["vera"])
    with pytest.raises(Refused, match=r"finding\.closed"):
        reviews.close_finding(finding, evidence="Again", person=people["vera"])
    finding.refresh_from_db()
    assert (finding.closed_by, finding.evidence) == (people["vera"], "Tested")
    kinds = [entry.kind for entry in recent.newest(2)]
    assert kinds == ["finding.closed", "finding.raised"]


@pytest.mark.parametrize("name", ["ada", "ben"])
def test_nobody_closes_what_is_theirs(loans: Model, people: dict[str, User], name: str) -> None:
    """Ben owns the finding, Ada the model."""
    with pytest.raises(Refused, match=r"finding\.own"):
        reviews.close_finding(found(loans), evidence="Fine now", person=people[name])
    assert ReviewFinding.objects.get().closed_at is None


@pytest.mark.parametrize("name", ["ADA", "ada@bank.example", "Ada Klein "])
def test_an_owner_is_known_by_each_of_their_names(loans: Model, name: str) -> None:
    ada = User.objects.create_user("ada", "ada@bank.example", first_name="Ada", last_name="Klein")
    with pytest.raises(Refused, match=r"finding\.own"):
        reviews.close_finding(
            found(Model.objects.create(name="cars"), name), evidence="Fine", person=ada
        )


def test_an_exception_holds_once_a_second_person_agrees_and_until_it_ends(
    loans: Model, people: dict[str, User]
) -> None:
    exception = asked(loans, people["ada"])
    now = timezone.now()
    assert not reviews.exceptions_in_force(loans, now).exists()
    with pytest.raises(Refused, match=r"exception\.own"):
        reviews.decide_exception(exception, approve=True, person=people["ada"])
    reviews.decide_exception(exception, approve=True, person=people["ben"])
    with pytest.raises(Refused, match=r"exception\.decided"):
        reviews.decide_exception(exception, approve=False, person=people["vera"])
    now = timezone.now()
    assert reviews.exceptions_in_force(loans, now).get() == exception
    assert not reviews.exceptions_in_force(loans, now + timedelta(days=31)).exists()
    reviews.end_exception(exception, actor="user:1")
    assert not reviews.exceptions_in_force(loans, timezone.now()).exists()
    with pytest.raises(Refused, match=r"exception\.decided"):
        reviews.end_exception(exception, actor="user:1")


@pytest.mark.parametrize("name", ["ADA", "ada@bank.example", "Ada Klein "])
def test_nobody_decides_on_an_exception_that_they_own(loans: Model, name: str) -> None:
    """Not in the database either, whatever the program does."""
    ada = User.objects.create_user("ada", "ada@bank.example", first_name="Ada", last_name="Klein")
    exception = asked(loans, User.objects.create_user("ben"), owner=name)
    for approve in (True, False):
        with pytest.raises(Refused, match=r"exception\.own"):
            reviews.decide_exception(exception, approve=approve, person=ada)
    with pytest.raises(IntegrityError, match=r"exception\.own"), transaction.atomic():
        ModelException.objects.update(approved=True, decided_by=ada, decided_at=timezone.now())
    assert ModelException.objects.get().approved is None


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_an_exception_has_an_end_within_a_year(
    loans: Model, people: dict[str, User], days: float
) -> None:
    with pytest.raises(Refused, match=r"exception\.expiry"):
        asked(loans, people["ada"], days)


def test_the_database_itself_wants_a_second_person(loans: Model, people: dict[str, User]) -> None:
    exception = asked(loans, people["ada"])
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelException.objects.filter(pk=exception.pk).update(
            approved=True, decided_by=people["ada"], decided_at=timezone.now()
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        found(loans)
        ReviewFinding.objects.update(closed_at=timezone.now(), closed_by=people["ada"])


def test_what_is_asked_of_a_model_is_kept_when_it_no_longer_holds(loans: Model) -> None:
    objective = reviews.set_objective(loans, "Lend to those who repay", actor="user:1")
    facts: dict[str, Any] = {
        "text": "Ranks well",
        "monitor": "realised_performance",
        "metric": "auc",
    }
    for bounds in ((None, None), (0.9, 0.8)):
        with pytest.raises(Refused, match=r"requirement\.bounds"):
            reviews.require(
                objective, **facts, at_least=bounds[0], at_most=bounds[1], actor="user:1"
            )
    requirement = reviews.require(objective, **facts, at_least=0.8, at_most=None, actor="user:1")
    for _ in range(2):
        reviews.retire(requirement, actor="user:1")
    requirement.refresh_from_db()
    assert requirement.retired_at is not None
    assert [c.about.split()[0] for c in Change.objects.order_by("pk")] == [
        "objective",
        "requirement",
        "requirement",
    ]
