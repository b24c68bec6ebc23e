"""Plans follow the policy: a new one is issued, the old one holds for its grace."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from countersign.statement import Plan as WirePlan
from countersign.statement import decode, digest_of
from countersign.tables import Privacy
from detectors import reissue
from detectors.models import Baseline, Plan
from governance import policies
from governance.audit import recent
from governance.models import Model
from governance.policies import Level, Rules
from governance.registry import place_model
from tests.builders import a_baseline, a_statement, a_window, hours_ago, outcomes_of

from .conftest import BASELINE_ADDRESS, DAN, Caller, payload_of, refused, registered

pytestmark = pytest.mark.django_db

LAPLACE: dict[str, Any] = {"mechanism": "discrete_laplace", "scale": 4.0}
PERSONS: dict[str, Any] = LAPLACE | {"unit": "person", "contribution": 3}
LONG_AGO = timedelta(days=8)


def the_policy_says(level: Level | None = None, **rules: Any) -> int:
    policies.set_rules(level or Level(), Rules(**rules), actor=DAN, reason="because")
    return reissue.follow_policy()


def plan_of(caller: Caller) -> tuple[str, WirePlan]:
    """The digest and content of the plan in force."""
    payload = payload_of(caller.get("/versions/loans/1/plan"))
    return digest_of(payload), decode(payload, WirePlan)[1]


def the_grace_is_over() -> None:
    """Everything that was issued or withdrawn today was so a week ago."""
    newest = Plan.objects.latest("pk")
    Plan.objects.filter(pk=newest.pk).update(issued_at=timezone.now() - LONG_AGO)
    Plan.objects.exclude(withdrawn_at=None).update(withdrawn_at=timezone.now() - LONG_AGO)


def test_a_tighter_floor_brings_a_new_signed_plan(ada: Caller, loans: str) -> None:
    assert the_policy_says(min_count=20) == 1
    digest, plan = plan_of(ada)
    assert digest != loans
    assert (plan.privacy, plan.columns) == (Privacy(min_count=20), a_baseline().columns)
    [entry] = recent.newest(1)
    assert (entry.kind, entry.facts["plan"]) == ("plan.issued", digest)


def test_what_changes_nothing_for_a_plan_leaves_it(ada: Caller, loans: str) -> None:
    assert the_policy_says(epsilon_per_year=2.0) == 0
    assert the_policy_says(min_count=5) == 0
    assert plan_of(ada)[0] == loans
    assert reissue.follow_policy() == 0


def test_the_old_plan_holds_for_its_grace_and_then_no_more(ada: Caller, loans: str) -> None:
    the_policy_says(min_count=20)
    window = a_window(loans)
    assert ada.send("/windows", a_statement(window)).status_code == 202
    the_grace_is_over()
    later = a_window(loans, revision=2)
    refused(ada.send("/windows", a_statement(later)), 422, "plan.superseded")
    labels = a_statement(outcomes_of(window))
    refused(ada.send("/outcomes", labels), 422, "plan.superseded")


def test_labels_of_an_old_window_come_under_the_new_plan(ada: Caller, loans: str) -> None:
    window = a_window(loans)
    ada.send("/windows", a_statement(window))
    the_policy_says(min_count=20)
    the_grace_is_over()
    digest, plan = plan_of(ada)
    labels = outcomes_of(window, plan=digest, privacy=plan.privacy)
    assert ada.send("/outcomes", a_statement(labels)).status_code == 202


def test_a_statement_below_the_new_plan_is_refused(ada: Caller, loans: str) -> None:
    the_policy_says(min_count=20)
    digest, plan = plan_of(ada)
    refused(
        ada.send("/windows", a_statement(a_window(digest))), 422, "privacy.min_count_below_plan"
    )
    window = a_window(digest, privacy=plan.privacy)
    assert ada.send("/windows", a_statement(window)).status_code == 202


def test_noise_comes_with_its_scale_unit_and_contribution(ada: Caller, loans: str) -> None:
    the_policy_says(**PERSONS)
    _, plan = plan_of(ada)
    assert plan.privacy == Privacy(min_count=11, **PERSONS)


def test_a_looser_policy_gives_back_what_the_baseline_was_made_with(
    ada: Caller, loans: str
) -> None:
    the_policy_says(min_count=20, window_seconds=86_400)
    assert plan_of(ada)[1].window_seconds == 86_400
    assert Baseline.objects.get().window_seconds == 86_400
    the_policy_says()
    plan = plan_of(ada)[1]
    assert (plan.privacy.min_count, plan.window_seconds) == (11, 3_600)


def test_placing_a_model_puts_it_under_its_units_policy(ada: Caller, loans: str) -> None:
    assert the_policy_says(Level("lending"), min_count=20) == 0
    place_model(Model.objects.get(), business_unit="lending", tier=None, actor=DAN)
    assert reissue.follow_policy() == 1
    assert plan_of(ada)[1].privacy.min_count == 20


def test_a_model_may_be_registered_with_its_unit_and_tier_and_not_moved_by_it(ada: Caller) -> None:
    body = {"name": "loans", "business_unit": "lending", "tier": 1}
    assert ada.post("/models", body).status_code == 201
    assert ada.post("/models", {"name": "loans"}).status_code == 200
    refused(ada.post("/models", body | {"tier": 2}), 409, "model.conflict")
    refused(ada.post("/models", body | {"business_unit": "cards"}), 409, "model.conflict")
    for impossible in ({"tier": 0}, {"tier": 4}, {"tier": "1"}, {"business_unit": "two words"}):
        refused(ada.post("/models", body | impossible), 422, "request.malformed")


def test_only_the_newest_baseline_gets_a_new_plan(ada: Caller, loans: str) -> None:
    ada.send(BASELINE_ADDRESS, a_statement(a_baseline(revision=2)))
    assert the_policy_says(min_count=20) == 1
    assert Plan.objects.latest("pk").baseline.revision == 2


# --- baselines ------------------------------------------------------------------------------


def noisy(**changes: Any) -> Privacy:
    return Privacy(**{"min_count": 11, **PERSONS, **changes})


@pytest.mark.parametrize(
    ("privacy", "rule"),
    [
        (Privacy(min_count=11), "privacy.mechanism_not_in_policy"),
        (noisy(mechanism="discrete_gaussian"), "privacy.mechanism_not_in_policy"),
        (noisy(scale=3.9), "privacy.noise_below_policy"),
        (noisy(unit="row"), "privacy.noise_below_policy"),
        (noisy(contribution=2), "privacy.noise_below_policy"),
        (noisy(min_count=10), "privacy.min_count_below_policy"),
    ],
)
def test_a_baseline_is_protected_as_the_policy_says(
    ada: Caller, privacy: Privacy, rule: str
) -> None:
    the_policy_says(**PERSONS)
    registered(ada)
    answer = ada.send(BASELINE_ADDRESS, a_statement(a_baseline(privacy=privacy)))
    refused(answer, 422, rule)


def test_a_baseline_with_more_noise_is_welcome_and_its_plan_has_the_policys(ada: Caller) -> None:
    the_policy_says(**PERSONS)
    registered(ada)
    baseline = a_baseline(privacy=noisy(scale=100.0))
    assert ada.send(BASELINE_ADDRESS, a_statement(baseline)).status_code == 202
    assert plan_of(ada)[1].privacy == noisy()


def test_columns_and_windows_of_a_baseline_are_those_that_the_policy_allows(ada: Caller) -> None:
    registered(ada)
    the_policy_says(window_seconds=86_400)
    refused(ada.send(BASELINE_ADDRESS, a_statement(a_baseline())), 422, "window.too_short")
    the_policy_says(columns=("age", "r*"))
    answer = ada.send(BASELINE_ADDRESS, a_statement(a_baseline()))
    document = refused(answer, 422, "privacy.column_not_allowed")
    assert document["path"] == "$.predicate.columns[2].name"
    assert "employed" not in answer.content.decode()


# --- columns that are no longer allowed -----------------------------------------------------


def test_a_plan_with_a_column_that_is_no_longer_allowed_is_withdrawn(
    ada: Caller, loans: str
) -> None:
    assert the_policy_says(columns=("age",)) == 1
    refused(ada.get("/versions/loans/1/plan"), 422, "privacy.column_not_allowed")
    window = a_statement(a_window(loans))
    assert ada.send("/windows", window).status_code == 202
    the_grace_is_over()
    refused(
        ada.send("/windows", a_statement(a_window(loans, revision=2))),
        422,
        "privacy.column_not_allowed",
    )
    assert the_policy_says(columns=("*",)) == 0
    assert plan_of(ada)[0] == loans


# --- windows' length ------------------------------------------------------------------------


def test_a_window_is_as_long_as_the_policy_says(ada: Caller, loans: str) -> None:
    the_policy_says(window_seconds=7_200)
    digest, _ = plan_of(ada)
    short = a_window(digest, start=hours_ago(1), end=hours_ago(0))
    refused(ada.send("/windows", a_statement(short)), 422, "window.too_short")
    whole = a_window(digest, start=hours_ago(2), end=hours_ago(0))
    assert ada.send("/windows", a_statement(whole)).status_code == 202
    under_the_old_plan = a_window(loans, start=hours_ago(3), end=hours_ago(2))
    assert ada.send("/windows", a_statement(under_the_old_plan)).status_code == 202
