"""Who may do what: by role, by unit, and what an administrator may not."""

import pytest
from django.contrib.auth.models import AnonymousUser

from countersign.statement import Refused
from governance import access
from governance.access import EVERYWHERE, actions_of, demand, may, models_of, units
from governance.models import Membership, Model
from tests import cast

Role = Membership.Role


@pytest.fixture
def loans(db: None) -> Model:
    return Model.objects.create(name="loans", business_unit="lending")


def test_a_role_in_a_unit_counts_there_and_nowhere_else(loans: Model) -> None:
    ada = cast.person("ada", unit="lending")
    assert may(ada, "version.register", "lending")
    assert not may(ada, "version.register", "markets")
    assert not may(ada, "version.register", EVERYWHERE)
    assert not may(ada, "signoff.decide", "lending")
    assert units(ada, "model.see") == {"lending"}
    Model.objects.create(name="spreads", business_unit="markets")
    Model.objects.create(name="placed-nowhere")
    assert [m.name for m in models_of(ada)] == ["loans"]
    assert models_of(cast.person("ben")).count() == 3


def test_what_concerns_every_unit_needs_the_role_in_every_unit(db: None) -> None:
    cleo = cast.somebody("cleo", Role.AUDITOR, unit="lending")
    assert not may(cleo, "log.see")
    assert "log.see" not in actions_of(cleo)
    Membership.objects.create(user=cleo, role=Role.AUDITOR)
    assert may(cleo, "log.see")
    assert "log.see" in actions_of(cleo)


def test_an_administrator_sees_and_manages_and_decides_nothing(loans: Model) -> None:
    rita = cast.person("rita")
    assert actions_of(rita) == access.BY_ADMINISTRATORS
    demand(rita, "model.see", loans)
    with pytest.raises(Refused, match=r"signoff\.decide") as refusal:
        demand(rita, "signoff.decide", loans)
    assert refusal.value.rule == "access.denied"


def test_a_deactivated_person_and_a_stranger_may_nothing(loans: Model) -> None:
    for person in (cast.of_all_trades(), cast.person("ben")):
        person.is_active = False
        assert not any(may(person, action) for action in access.ROLES_OF)
        assert actions_of(person) == frozenset()
        assert not models_of(person).exists()
    assert not may(AnonymousUser(), "model.see", "lending")


def test_every_action_is_given_by_a_role_or_to_administrators() -> None:
    for action, roles in access.ROLES_OF.items():
        assert roles or action in access.BY_ADMINISTRATORS, action
    assert set(access.ROLES_OF) >= access.BY_ADMINISTRATORS | access.ORGANISATION_WIDE
