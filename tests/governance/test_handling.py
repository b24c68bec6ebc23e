"""Two people at once, and people against the machine: one is first, nothing is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from countersign.statement import Refused
from governance.handling import acknowledge_incident, assign_incident, resolve_incident
from governance.models import Incident, Model, Version
from tests import cast
from tests.api.test_races import at_once
from tests.governance.test_incidents import SHIFT, see

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


@pytest.fixture
def version(transactional_db: None) -> Version:
    model = Model.objects.create(name="loans")
    return Version.objects.create(model=model, name="1", digest="d" * 64)


def attempt(act: Callable[..., Any], *args: Any, **said: Any) -> Callable[[], str]:
    """Returns the rule that refused it, or nothing."""

    def run() -> str:
        try:
            act(*args, **said)
        except Refused as refusal:
            return refusal.rule
        return ""

    return run


def seeing(version: Version, number: int) -> Callable[[], str]:
    return lambda: "" if see(version, number, SHIFT) else "nothing"


def test_of_two_who_resolve_at_once_one_is_told(version: Version) -> None:
    for number in range(ROUNDS):
        (incident,) = see(version, number, SHIFT)
        answers = at_once(
            attempt(resolve_incident, incident, "expected", actor="user:1", reason="One."),
            attempt(resolve_incident, incident, "false_alarm", actor="user:2", reason="Two."),
        )
        assert sorted(answers) == ["", "incident.resolved"]
        assert incident.steps.filter(kind="resolved").count() == 1
        first = answers.index("")
        assert Incident.objects.get(pk=incident.pk).verdict == ["expected", "false_alarm"][first]
        Incident.objects.update(verdict="false_alarm")


def test_of_two_who_give_it_to_somebody_at_once_one_is_told(version: Version) -> None:
    ada, ben = cast.person("ada"), cast.person("ben")
    due = timezone.now() + timedelta(days=3)
    (incident,) = see(version, 0, SHIFT)
    answers = at_once(
        attempt(assign_incident, incident, ada, due, actor="user:1"),
        attempt(assign_incident, incident, ben, due, actor="user:2"),
    )
    assert sorted(answers) == ["", "incident.changed"]
    assert Incident.objects.get().owner == [ada, ben][answers.index("")]


def test_of_two_who_take_it_on_at_once_one_does(version: Version) -> None:
    (incident,) = see(version, 0, SHIFT)
    at_once(*[lambda: acknowledge_incident(incident, actor="user:1")] * 2)
    assert incident.steps.filter(kind="acknowledged").count() == 1


def test_resolving_while_a_window_is_weighed_loses_neither(version: Version) -> None:
    """Either the finding is resolved with the rest, or it opens the incident again."""
    for number in range(0, 2 * ROUNDS, 2):
        (incident,) = see(version, number, SHIFT)
        answers = at_once(
            attempt(resolve_incident, incident, "expected", actor="user:1", reason="Over."),
            seeing(version, number + 1),
        )
        assert answers == ["", ""]
        incident.refresh_from_db()
        assert (incident.status == "open") == incident.steps.filter(kind="reopened").exists()
        assert incident.sightings.count() == 2
        over = {"status": "resolved", "verdict": "false_alarm", "resolved_at": timezone.now()}
        Incident.objects.update(**over)


def test_two_windows_at_once_open_one_incident(version: Version) -> None:
    at_once(*[seeing(version, n) for n in range(4)])
    incident = Incident.objects.get()
    assert (incident.windows, incident.sightings.count()) == (4, 4)


def test_two_windows_at_once_reopen_an_incident_once(version: Version) -> None:
    (incident,) = see(version, 0, SHIFT)
    resolve_incident(incident, "expected", actor="user:1", reason="Over.")
    at_once(*[seeing(version, n) for n in range(1, 4)])
    assert Incident.objects.get().windows == 4
    assert incident.steps.filter(kind="reopened").count() == 1
