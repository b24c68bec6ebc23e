"""Privacy by level: a unit and a tier may be stricter than the organisation, never looser."""

from dataclasses import asdict
from typing import Any

import pytest

from countersign.statement import Refused
from governance import policies
from governance.audit import recent
from governance.models import Model, PrivacyRule
from governance.policies import Level, Policy, Rules
from governance.registry import place_model

pytestmark = pytest.mark.django_db

DAN = "user:1"
ORGANISATION, LENDING, TIER_1 = Level(), Level("lending"), Level(tier=1)
LENDING_TIER_1 = Level("lending", 1)
LAPLACE = Rules(mechanism="discrete_laplace", scale=4.0)


def said(level: Level, rules: Rules) -> PrivacyRule:
    return policies.set_rules(level, rules, actor=DAN, reason="because")


def refused(level: Level, rules: Rules, rule: str) -> str:
    with pytest.raises(Refused) as refusal:
        said(level, rules)
    assert refusal.value.rule == rule
    return refusal.value.detail


def at(level: Level) -> Policy:
    return policies.composed(level).policy


def test_without_a_rule_the_defaults_are_in_force() -> None:
    assert policies.in_force() == Policy()
    assert Policy().digest == Policy().digest != Policy(min_count=12).digest


def test_what_the_organisation_says_holds_for_every_model() -> None:
    said(ORGANISATION, Rules(min_count=20, window_seconds=86_400))
    model = Model.objects.create(name="loans", business_unit="lending", tier=1)
    assert (policies.in_force(model).min_count, policies.in_force(model).window_seconds) == (
        20,
        86_400,
    )


def test_the_organisation_may_loosen_its_own_rules() -> None:
    said(ORGANISATION, Rules(min_count=20))
    said(ORGANISATION, Rules(min_count=5))
    assert policies.in_force().min_count == 5


def test_a_unit_and_its_tier_are_stricter_only_for_their_own_models() -> None:
    said(LENDING, Rules(min_count=20))
    said(TIER_1, Rules(epsilon_per_year=4.0))
    said(LENDING_TIER_1, Rules(min_count=30))
    found = {level: at(level) for level in (ORGANISATION, LENDING, TIER_1, LENDING_TIER_1)}
    assert [p.min_count for p in found.values()] == [11, 20, 11, 30]
    assert [p.epsilon_per_year for p in found.values()] == [8.0, 8.0, 4.0, 4.0]
    assert at(Level("cards", 1)).min_count == 11


STRICT = Rules(
    min_count=20,
    mechanism="discrete_laplace",
    scale=4.0,
    unit="person",
    contribution=3,
    window_seconds=86_400,
    epsilon_per_year=4.0,
    delta=1e-7,
)
LOOSER: list[Rules] = [
    Rules(min_count=19),
    Rules(scale=3.9),
    Rules(mechanism="none", scale=0.0),
    Rules(mechanism="discrete_gaussian", scale=100.0),
    Rules(unit="row", contribution=1),
    Rules(contribution=4),
    Rules(window_seconds=86_399),
    Rules(epsilon_per_year=4.1),
    Rules(delta=1e-6),
]


@pytest.mark.parametrize("rules", LOOSER, ids=str)
@pytest.mark.parametrize("level", [LENDING, TIER_1, LENDING_TIER_1], ids=str)
def test_a_looser_value_is_refused_at_every_level_below(level: Level, rules: Rules) -> None:
    said(ORGANISATION, STRICT)
    refused(level, rules, "policy.looser")
    assert at(level) == at(ORGANISATION)
    assert PrivacyRule.objects.count() == 1


@pytest.mark.parametrize("level", [LENDING, TIER_1], ids=str)
def test_a_tier_of_a_unit_is_held_against_its_unit_and_against_its_tier(level: Level) -> None:
    said(level, Rules(min_count=30))
    refused(LENDING_TIER_1, Rules(min_count=29), "policy.looser")


def test_a_level_may_go_back_to_what_holds_above_it() -> None:
    said(LENDING, Rules(min_count=30))
    said(LENDING, Rules())
    assert at(LENDING).min_count == 11


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (Rules(min_count=40), Rules(min_count=30)),
        (Rules(mechanism="discrete_laplace", scale=9.0), LAPLACE),
        (Rules(mechanism="discrete_gaussian", scale=9.0), LAPLACE),
        (Rules(epsilon_per_year=1.0), Rules(epsilon_per_year=4.0)),
        (Rules(unit="person", contribution=2), Rules(unit="person", contribution=5)),
    ],
    ids=str,
)
def test_when_the_organisation_overtakes_a_unit_the_organisation_holds(
    above: Rules, below: Rules
) -> None:
    said(LENDING, below)
    said(ORGANISATION, above)
    assert at(LENDING) == at(ORGANISATION)


def test_a_scale_without_noise_above_it_says_nothing() -> None:
    """The unit asked for more of a noise that the organisation gave up since."""
    said(ORGANISATION, LAPLACE)
    said(LENDING, Rules(scale=8.0))
    assert at(LENDING).scale == 8.0
    said(ORGANISATION, Rules())
    assert (at(LENDING).mechanism, at(LENDING).scale) == ("none", 0.0)


def test_columns_must_be_allowed_at_every_level() -> None:
    said(ORGANISATION, Rules(columns=("age*", "risk", "region")))
    said(LENDING, Rules(columns=("age", "r*", "income")))
    names = ("age", "age_band", "risk", "region", "income", "AGE")
    assert [n for n in names if at(LENDING).allows_column(n)] == ["age", "risk", "region"]
    assert [n for n in names if at(ORGANISATION).allows_column(n)] == [
        "age",
        "age_band",
        "risk",
        "region",
    ]


IMPOSSIBLE: dict[str, Any] = {
    "min_count": [0, 4, 10**7],
    "mechanism": ["laplace", ""],
    "scale": [0.01, 1e9, float("nan"), float("inf"), -1.0],
    "unit": ["household"],
    "contribution": [0, -3],
    "window_seconds": [0, 59, 10**9],
    "columns": [(), ("a[bc]",), ("x" * 65,), ("a\n",), ("*",) * 201],
    "epsilon_per_year": [0.0, -1.0, float("nan"), 1000.0],
    "delta": [0.0, 1.0, float("nan")],
}


@pytest.mark.parametrize(
    ("field", "value"), [(f, v) for f, values in IMPOSSIBLE.items() for v in values]
)
def test_an_impossible_value_is_refused(field: str, value: Any) -> None:
    refused(ORGANISATION, Rules(**{field: value}), "policy.value")


@pytest.mark.parametrize(
    "rules",
    [
        Rules(mechanism="discrete_laplace"),
        Rules(mechanism="discrete_laplace", scale=0.0),
        Rules(scale=2.0),
        Rules(contribution=3),
        Rules(unit="row", contribution=3),
    ],
    ids=str,
)
def test_half_a_rule_is_refused(rules: Rules) -> None:
    refused(ORGANISATION, rules, "policy.value")
    refused(LENDING, rules, "policy.value")


@pytest.mark.parametrize("level", [Level("two words"), Level("", 0), Level("", 4), Level("a/b")])
def test_a_level_is_a_short_name_and_a_tier(level: Level) -> None:
    refused(level, Rules(min_count=20), "policy.level")


def test_a_change_needs_a_reason() -> None:
    with pytest.raises(Refused, match=r"^policy\.no_reason"):
        policies.set_rules(ORGANISATION, Rules(min_count=20), actor=DAN, reason=" \n")


def test_every_change_stays_and_is_told_in_the_log() -> None:
    said(ORGANISATION, Rules(min_count=20))
    second = said(LENDING, LAPLACE)
    assert [(r.min_count, r.actor, r.reason) for r in PrivacyRule.objects.order_by("pk")] == [
        (20, DAN, "because"),
        (None, DAN, "because"),
    ]
    [entry] = recent.newest(1)
    assert (entry.kind, entry.facts["actor"], entry.contents) == (
        "policy.changed",
        DAN,
        {"reason": "because"},
    )
    assert entry.facts["rule"] == second.pk
    assert entry.facts["business_unit"] == "lending"
    assert (entry.facts["mechanism"], entry.facts["scale"]) == ("discrete_laplace", "4.0")


def test_it_is_told_which_level_set_what() -> None:
    organisation = said(ORGANISATION, Rules(min_count=20, delta=1e-7))
    lending = said(LENDING, Rules(min_count=30))
    found = policies.composed(LENDING_TIER_1)
    assert found.sources == {"delta": organisation, "min_count": lending}


def test_a_model_is_placed_once_and_told_in_the_log() -> None:
    model = Model.objects.create(name="loans")
    for _ in range(2):
        place_model(model, business_unit="lending", tier=1, actor=DAN)
    model.refresh_from_db()
    assert (model.business_unit, model.tier) == ("lending", 1)
    placed = [e for e in recent.newest(9) if e.kind == "model.placed"]
    assert len(placed) == 1
    assert placed[0].facts["tier"] == 1


def test_a_policy_can_be_kept_as_json() -> None:
    """An incident keeps a copy of it."""
    said(ORGANISATION, Rules(columns=("age*",)))
    assert asdict(policies.in_force())["columns"] == (("age*",),)
