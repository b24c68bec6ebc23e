"""Alert policies by level: stricter below where there is an order, the nearest where there is none.

Dan writes policies, Dora approves them. How they come into force: test_proposals.py.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from countersign.statement import Refused
from governance import policies
from governance.incidents import Finding, Occasion, weigh
from governance.models import BusinessUnit, Exemption, Incident, Model, PolicyVersion, Version
from governance.policies import Level, Policy
from governance.policy_settings import ORDERS, Settings, read_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def loans() -> Model:
    return Model.objects.create(name="loans", business_unit="lending", tier=1)


def person(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


def in_force(said: dict[str, Any], **level: Any) -> PolicyVersion:
    """A policy version as `proposals.approve` leaves it."""
    return PolicyVersion.objects.create(
        **level,
        said=said,
        digest="0" * 64,
        reason="because",
        status="in_force",
        proposed_by=person("dan"),
        decided_by=person("dora"),
        decided_at=timezone.now(),
    )


def exempt(model: Model, said: dict[str, Any], **changes: Any) -> Exemption:
    facts: dict[str, Any] = {
        "expires_at": timezone.now() + timedelta(days=1),
        "approved_by": person("dora"),
        "approved_at": timezone.now(),
    }
    return Exemption.objects.create(
        model=model,
        said=said,
        reason="because",
        owner=person("ada"),
        requested_by=person("dan"),
        **facts | changes,
    )


LOOSE: dict[str, Any] = {
    "false_alarms_per_year": 12.0,
    "tolerance": 0.05,
    "severities": {"drift": "low"},
    "grace_seconds": 86_400,
    "plan_grace_seconds": 864_000,
    "review_days": 700,
    "signatures": 1,
    "retention_days": 200,
    "silence_days": 60,
}
MIDDLE: dict[str, Any] = {
    "false_alarms_per_year": 6.0,
    "tolerance": 0.03,
    "severities": {"drift": "medium"},
    "grace_seconds": 7_200,
    "plan_grace_seconds": 86_400,
    "review_days": 180,
    "signatures": 3,
    "retention_days": 1_000,
    "silence_days": 14,
}


def test_every_setting_has_its_place_in_the_policy_and_in_the_table_of_orders() -> None:
    fields = set(Settings.__struct_fields__)
    assert fields == set(ORDERS) == set(MIDDLE) | {n for n, o in ORDERS.items() if o is None}
    assert all(hasattr(Policy(), name) for name in fields)


@pytest.mark.parametrize("name", MIDDLE)
@pytest.mark.parametrize(
    "level", [{"business_unit": "lending"}, {"tier": 1}, {"business_unit": "lending", "tier": 1}]
)
def test_a_level_below_makes_a_setting_stricter_and_never_looser(
    loans: Model, level: dict[str, Any], name: str
) -> None:
    top = in_force({name: LOOSE[name]})
    below = in_force({name: MIDDLE[name]}, **level)
    found = policies.composed(Level.of(loans))
    assert getattr(found.policy, name) == MIDDLE[name]
    assert found.sources[name] == below
    PolicyVersion.objects.filter(pk=top.pk).update(said={name: MIDDLE[name]})
    PolicyVersion.objects.filter(pk=below.pk).update(said={name: LOOSE[name]})
    found = policies.composed(Level.of(loans))
    assert getattr(found.policy, name) == MIDDLE[name]
    assert found.sources[name] == top


def test_without_an_order_the_nearest_level_holds(loans: Model) -> None:
    said: dict[str, Any] = {"routes": ["all"], "quiet_hours": "22:00-07:00", "digest_at": ["08:00"]}
    in_force(said | {"timezone": "Europe/Amsterdam"})
    in_force({"quiet_hours": "20:00-09:00"}, business_unit="lending")
    in_force({"quiet_hours": "none", "routes": ["loans", "desk"]}, model=loans)
    policy = policies.in_force(loans)
    assert (policy.routes, policy.quiet_hours, policy.quiet) == (("loans", "desk"), "none", None)
    assert (policy.digest_at, policy.timezone) == (("08:00",), "Europe/Amsterdam")
    assert policies.in_force().routes == ("all",)


def test_severities_are_joined_cause_by_cause(loans: Model) -> None:
    in_force({"severities": {"drift": "medium", "feed": "high"}})
    in_force({"severities": {"drift": "high"}}, tier=1)
    assert policies.in_force(loans).severities == {"drift": "high", "feed": "high"}


def test_a_unit_that_is_part_of_another_follows_it(loans: Model) -> None:
    BusinessUnit.objects.create(name="lending", parent="retail")
    BusinessUnit.objects.create(name="retail", parent="bank")
    in_force({"review_days": 90}, business_unit="bank")
    in_force({"review_days": 60, "routes": ["retail"]}, business_unit="retail")
    in_force({"review_days": 80, "routes": ["lending"]}, business_unit="lending")
    policy = policies.in_force(loans)
    assert (policy.review_days, policy.routes) == (60, ("lending",))
    policies.set_rules(Level("bank"), policies.Rules(min_count=30), actor="user:1", reason="why")
    assert policies.in_force(loans).min_count == 30


def test_units_that_lead_back_to_themselves_end_the_walk(loans: Model) -> None:
    """`units.place_unit` refuses such units; whoever writes them all the same stops nothing."""
    BusinessUnit.objects.create(name="lending", parent="retail")
    BusinessUnit.objects.create(name="retail", parent="lending")
    assert policies.in_force(loans).review_days == 365


def test_an_exemption_holds_until_its_end_and_is_told(loans: Model) -> None:
    in_force({"tolerance": 0.01})
    granted = exempt(loans, {"tolerance": 0.08})
    found = policies.composed(Level.of(loans))
    assert (found.policy.tolerance, found.sources["tolerance"]) == (0.08, granted)
    assert found.policy.exemptions == (granted.pk,)
    assert policies.in_force().tolerance == 0.01


@pytest.mark.parametrize("change", ["expired", "ended", "not approved"])
def test_an_exemption_that_is_over_or_not_approved_says_nothing(loans: Model, change: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "expired": {"expires_at": timezone.now()},
        "ended": {"ended_at": timezone.now()},
        "not approved": {"approved_by": None, "approved_at": None},
    }
    exempt(loans, {"tolerance": 0.08}, **changes[change])
    assert policies.in_force(loans).tolerance == 0.01


def test_the_digest_is_of_what_holds_and_not_of_who_said_so(loans: Model) -> None:
    before = policies.in_force(loans).digest
    in_force({"review_days": 365})
    assert policies.in_force(loans).digest == before
    in_force({"review_days": 364}, tier=1)
    assert policies.in_force(loans).digest != before


def test_the_severity_of_an_incident_is_at_least_what_the_policy_says(loans: Model) -> None:
    version = in_force({"severities": {"drift": "high"}}, tier=1)
    now = timezone.now()
    occasion = Occasion(
        Version.objects.create(model=loans, name="1", digest="d" * 64), "production", now, now
    )
    findings = [
        Finding(cause, "shift", "age", "It moved.", "low") for cause in ("drift", "service")
    ]
    weigh(findings, occasion, policies.in_force(loans))
    assert dict(Incident.objects.values_list("cause", "severity")) == {
        "drift": "high",
        "service": "low",
    }
    kept = Incident.objects.get(cause="drift").policy
    assert kept["versions"] == [version.pk]
    assert kept["digest"] == policies.in_force(loans).digest


IMPOSSIBLE: dict[str, list[Any]] = {
    "false_alarms_per_year": [0, -1, 53, float("nan"), float("inf"), "1", True, [], 10**400],
    "tolerance": [0, 0.3, float("nan"), {}],
    "severities": [{"drift": "dire"}, {"weather": "low"}, [], {1: "low"}, "high"],
    "grace_seconds": [0, 59, 1.5, 10**9, 10**30, "6h"],
    "plan_grace_seconds": [-1, 10**9],
    "review_days": [0, 10_000, 1.5, True],
    "signatures": [0, 10, 1.5],
    "retention_days": [0, 182],
    "silence_days": [0, 91],
    "routes": [[], [""], ["a b"], ["x" * 65], ["x"] * 21, "all", ["a\n"]],
}
TIMES: dict[str, list[Any]] = {
    "quiet_hours": ["24:00-07:00", "7-9", "", "08:00-08:00", "22:00-07:00\n", 2200, "22:60-07:00"],
    "digest_at": [[], ["8:00"], ["08:00", "08:00"], ["25:00"], "08:00", ["08:00"] * 7],
    "timezone": ["Mars/Base", "", "../../etc/passwd", "x" * 65, "Europe", 1],
}


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        (name, value, rule)
        for table, rule in ((IMPOSSIBLE, "policy.value"), (TIMES, "policy.time"))
        for name, values in table.items()
        for value in values
    ],
)
def test_an_impossible_setting_is_refused_by_name_with_its_path(
    name: str, value: Any, rule: str
) -> None:
    with pytest.raises(Refused) as refusal:
        read_settings({name: value})
    assert (refusal.value.rule, refusal.value.path) == (rule, f"$.settings.{name}")


@pytest.mark.parametrize("raw", [{"budget": 1}, [], None, "x", {1: 2}])
def test_an_unknown_setting_is_refused_and_not_repeated(raw: Any) -> None:
    with pytest.raises(Refused) as refusal:
        read_settings(raw)
    assert refusal.value.rule == "policy.unknown_field"
    assert "budget" not in refusal.value.detail
