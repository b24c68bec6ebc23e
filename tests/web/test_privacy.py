"""The pages about privacy: the policy and who set it, cards and ledgers, what was refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detectors import charges, plans, reissue
from detectors.models import Plan, Refusal
from governance import ledger, policies
from governance.models import Model, PrivacyRule
from governance.policies import Level, Rules
from tests.detectors.world import World
from tests.web.conftest import MOST_QUERIES, queries_of, watched
from tests.web.test_pages import HOSTILE, page_of, words_of

SAID = {
    "business_unit": "",
    "tier": "",
    "min_count": "20",
    "mechanism": "discrete_laplace",
    "scale": "4",
    "unit": "person",
    "contribution": "3",
    "window_hours": "168",
    "columns": "age*\n\nrisk\nincome\nregion\nrepaid",
    "epsilon_per_year": "6.5",
    "delta": "1e-7",
    "reason": "The works council asked for it.",
}
NOTHING = dict.fromkeys(SAID, "")


def set_rules(client: Client, **changes: str) -> Any:
    return client.post(reverse("privacy"), NOTHING | {"reason": "because"} | changes)


# --- the policy -----------------------------------------------------------------------------


def test_without_a_rule_the_page_shows_the_defaults(ada: Client) -> None:
    page = page_of(ada, "privacy")
    assert 'Smallest count</th><td data-head="In force">11</td>' in page
    assert "the default" in page
    assert "no noise" in page
    assert "Set the rules of a level" not in page


def test_dan_sets_the_organisations_rules_and_everybody_sees_who_and_why(
    dan: Client, ada: Client, loans: World
) -> None:
    answer = dan.post(reverse("privacy"), SAID)
    assert answer.status_code == 302
    rule = PrivacyRule.objects.get()
    assert policies.rules_of(rule) == Rules(
        min_count=20,
        mechanism="discrete_laplace",
        scale=4.0,
        unit="person",
        contribution=3,
        window_seconds=604_800,
        columns=("age*", "risk", "income", "region", "repaid"),
        epsilon_per_year=6.5,
        delta=1e-7,
    )
    page = page_of(ada, "privacy")
    assert "discrete Laplace noise" in page
    assert "the organisation" in page
    assert "The works council asked for it." in page
    assert "dan<span" in page
    assert Plan.objects.count() == 2  # the model's plan followed at once


def test_a_looser_rule_is_refused_at_its_field_by_its_name(dan: Client) -> None:
    set_rules(dan, min_count="20")
    answer = set_rules(dan, business_unit="lending", min_count="15")
    page = words_of(answer.content.decode())
    assert answer.status_code == 422
    assert "The level above is stricter: min_count. (policy.looser)" in page
    assert 'value="15"' in page
    assert PrivacyRule.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("min_count", "2", "(policy.value)"),
        ("min_count", "many", "whole number"),
        ("min_count", "9" * 30, "(policy.value)"),
        ("scale", "nan", "number"),
        ("window_hours", "0.001", "(policy.value)"),
        ("window_hours", "1e300", "(policy.value)"),
        ("columns", "a[b]", "(policy.value)"),
        ("business_unit", "two words", "(policy.level)"),
        ("tier", "7", "Select a valid choice"),
        ("mechanism", "magic", "Select a valid choice"),
        ("reason", "", "required"),
        ("reason", "nul \x00", "Null characters"),
    ],
)
def test_nonsense_is_refused_in_the_form_and_nothing_is_changed(
    dan: Client, field: str, value: str, words: str
) -> None:
    answer = set_rules(dan, **{field: value})
    assert answer.status_code == 422
    assert words in words_of(answer.content.decode())
    assert not PrivacyRule.objects.exists()


def test_only_administrators_set_rules_and_place_models(ada: Client, loans: World) -> None:
    assert set_rules(ada, min_count="20").status_code == 403
    place = reverse("place-model", args=["loans"])
    assert ada.post(place, {"business_unit": "lending"}).status_code == 403
    assert not PrivacyRule.objects.exists()


def test_levels_below_are_listed_with_what_they_say(dan: Client, ada: Client) -> None:
    set_rules(dan, business_unit="lending", tier="1", min_count="30")
    set_rules(dan, tier="2", epsilon_per_year="2")
    page = page_of(ada, "privacy")
    assert "unit lending, tier 1" in page
    assert "Smallest count 30" in page
    assert "Epsilon in 365 days 2" in page


def test_a_change_starts_from_what_the_level_says_now(dan: Client) -> None:
    dan.post(reverse("privacy"), SAID)
    set_rules(dan, business_unit="lending", min_count="30", window_hours="240.5")
    page = page_of(dan, "privacy")
    for value in ("20", "4", "168", "6.5", "1e-7"):
        assert f'value="{value}"' in page
    assert '<option value="person" selected>' in page
    assert "age* risk income" in page
    page = page_of(dan, "privacy", business_unit="lending", tier="")
    assert 'name="min_count" value="30"' in page
    assert 'value="240.5"' in page
    assert 'name="scale" inputmode' in page
    assert "Set the rules" in page_of(dan, "privacy", business_unit="x\x00<", tier="99")


def test_the_history_keeps_every_change(dan: Client) -> None:
    for count in ("20", "30", "12"):
        set_rules(dan, min_count=count, reason=HOSTILE)
    page = page_of(dan, "privacy")
    assert [page.count(f"Smallest count {count}") for count in (20, 30, 12)] == [1, 1, 1]
    assert HOSTILE not in page


def test_dan_places_a_model_and_its_plan_follows(dan: Client, ada: Client, loans: World) -> None:
    set_rules(dan, business_unit="lending", min_count="30")
    place = reverse("place-model", args=["loans"])
    assert dan.post(place, {"business_unit": "lending", "tier": "1"}).status_code == 302
    assert Plan.objects.count() == 2
    page = page_of(ada, "model-privacy", "loans")
    assert "unit lending" in page
    assert "tier 1" in page
    assert "fewer than 30 rows" in page
    assert dan.post(place, {"business_unit": "two words"}).status_code == 422
    assert dan.post(place, {"business_unit": "x", "tier": "9"}).status_code == 422


# --- the card and the ledger ----------------------------------------------------------------


def noised(world: World) -> charges.Charge:
    """Put the model's plan under noise; what a window of it costs."""
    noise = Rules(mechanism="discrete_gaussian", scale=30.0)
    policies.set_rules(Level(), noise, actor="user:1", reason="because")
    reissue.follow_policy()
    plan = Plan.objects.filter(baseline__version=world.version).latest("pk")
    return charges.of_window(plans.read_plan(plan.digest))


def spend(model: Model, charge: charges.Charge, weeks: int) -> None:
    """A window a week, until now."""
    policy, now = policies.in_force(model), timezone.now()
    for week in reversed(range(weeks)):
        at = now - timedelta(days=7 * week)
        with transaction.atomic():
            ledger.reserve(model, f"{week:064x}", "window", rho=charge.rho, policy=policy, at=at)


def test_without_noise_the_page_says_so_and_what_protects(ada: Client, loans: World) -> None:
    page = page_of(ada, "model-privacy", "loans")
    assert "No differential privacy is claimed for this model." in page
    assert "smaller cells are merged" in page
    assert "What that does not give" in page
    assert "Runs out" not in page


def test_with_noise_it_tells_what_is_spent_and_when_it_runs_out(ada: Client, loans: World) -> None:
    charge = noised(loans)
    spend(loans.version.model, charge, 4)
    page = page_of(ada, "model-privacy", "loans")
    assert "Counts carry discrete Gaussian noise" in page
    assert "4 statements in 365 days" in page
    assert "Runs out" in page
    assert "Neighbouring data" in page
    assert f"changes at most {charge.touched} figures of it" in page
    assert page.count('<code class="digest"') == 4
    assert "discrete Gaussian noise, scale 30, per row" in page_of(ada, "privacy")


def test_a_policy_that_no_plan_follows_yet_is_not_claimed(ada: Client, db: None) -> None:
    Model.objects.create(name="pricing")
    noise = Rules(mechanism="discrete_gaussian", scale=30.0)
    policies.set_rules(Level(), noise, actor="user:1", reason="because")
    page = page_of(ada, "model-privacy", "pricing")
    assert "No differential privacy is claimed" in page
    assert "no plan with noise is in force" in page


def test_an_unknown_model_has_no_card(ada: Client) -> None:
    assert ada.get(reverse("model-privacy", args=["nothing"])).status_code == 404


def test_the_pages_take_few_queries_however_much_there_is(ada: Client, loans: World) -> None:
    for number in range(3):
        watched(f"other{number}")
    charge = noised(loans)
    spend(loans.version.model, charge, 30)
    addresses = [reverse("privacy"), reverse("refusals"), reverse("model-privacy", args=["loans"])]
    assert max(queries_of(ada, address) for address in addresses) <= MOST_QUERIES


# --- refusals -------------------------------------------------------------------------------


def refuse(rule: str, actor: str, count: int, days: float = 0) -> None:
    at = timezone.now() - timedelta(days=days)
    Refusal.objects.create(rule=rule, actor=actor, hour=at, count=count, last_at=at)


def test_nothing_refused_is_said_plainly(ada: Client) -> None:
    assert "Nothing was refused." in page_of(ada, "refusals")


def test_refusals_are_shown_by_rule_sender_and_day_with_a_hint(ada: Client) -> None:
    refuse("plan.superseded", "key:" + "ab" * 32, 7)
    refuse("plan.superseded", "key:" + "ab" * 32, 2, days=3)
    refuse("token.unknown", "", 30, days=3)
    page = page_of(ada, "refusals")
    assert "39 uploads were refused." in page
    assert page.index("Unknown token") < page.index("Plan superseded")
    assert "Fetch the plan in force and count under it." in page
    assert "<b>key abababab…</b> 9" in page
    assert "<b>Nobody known</b> 30" in page
    assert "token.unknown 30, plan.superseded 2" in page


def test_a_period_may_be_chosen(ada: Client) -> None:
    refuse("plan.superseded", "token:1", 7, days=20)
    assert "Nothing was refused." in page_of(ada, "refusals", days="7")
    assert "7 uploads were refused." in page_of(ada, "refusals", days="365")
    assert "7 uploads were refused." in page_of(ada, "refusals", days="x' OR 1")
