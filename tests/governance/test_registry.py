"""The registry's verbs: what is known of a model, who changed it, and which version ran when."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import changes, deployments, registry
from governance.audit import recent
from governance.models import Change, Deployment, Developer, Model, Version
from tests.api.test_races import at_once

ADA, DAN = "user:1", "user:2"
DIGEST = "1" * 64
pytestmark = pytest.mark.django_db


@pytest.fixture
def loans(db: None) -> Model:
    return registry.register_model("loans", actor=ADA, owner="ada", purpose="Scores")[0]


def version_of(model: Model, name: str = "1", **facts: str) -> Version:
    return registry.register_version(model.name, name, DIGEST, actor=ADA, **facts)[0]


def days_ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def refuses(rule: str) -> Any:
    return pytest.raises(Refused, match=rule.replace(".", r"\."))


def test_a_change_is_kept_and_the_log_holds_only_salted_digests_of_it(loans: Model) -> None:
    assert registry.describe_model(loans, {"owner": "Ada L.", "purpose": "Scores"}, actor=DAN)
    change = Change.objects.get()
    assert (change.before, change.after) == ({"owner": "ada"}, {"owner": "Ada L."})
    [entry] = recent.newest(1)
    assert entry.kind == "model.changed"
    assert entry.facts["fields"] == ["owner"]
    assert "Ada" not in json.dumps(entry.facts)
    assert set(entry.contents) == {"before", "after"}


def test_the_same_again_is_no_change(loans: Model) -> None:
    assert not registry.describe_model(loans, {"owner": "ada"}, [], [], actor=DAN)
    assert not Change.objects.exists()


def test_small_changes_add_up(loans: Model) -> None:
    start = timezone.now()
    version = version_of(loans)
    registry.describe_model(loans, {"vendor": "Acme"}, actor=ADA)
    registry.place_model(loans, business_unit="lending", tier=1, tier_reason="Many", actor=DAN)
    deployments.start_deployment(version, "production", since=timezone.now(), actor=ADA)
    assert changes.since(loans, start) == {"inventory": 2, "versions": 1, "deployments": 1}
    assert sum(changes.since(loans, timezone.now()).values()) == 0


def test_models_depend_on_models_and_sources_and_never_on_themselves(loans: Model) -> None:
    income, region = (registry.register_model(n, actor=ADA)[0] for n in ("income", "region"))
    registry.describe_model(loans, {}, ["income"], ["bureau", "=1+1"], actor=ADA)
    registry.describe_model(income, {}, ["region"], actor=ADA)
    assert registry.dependencies_of(loans) == {"models": ["income"], "sources": ["=1+1", "bureau"]}
    for model, on in ((region, "loans"), (region, "region"), (income, "loans")):
        with refuses("dependency.cycle"):
            registry.describe_model(model, {"vendor": "Acme"}, [on], actor=ADA)
    region.refresh_from_db()
    assert region.vendor == "", "a refusal leaves nothing half-written"
    registry.describe_model(loans, {}, [], actor=ADA)
    assert registry.dependencies_of(loans) == {"models": [], "sources": ["=1+1", "bureau"]}
    registry.describe_model(region, {}, ["loans"], actor=ADA)


def test_what_is_not_known_of_a_version_is_completed_and_then_stays(loans: Model) -> None:
    version_of(loans)
    version = version_of(loans, code_commit="ab12cd34", run="r1")
    assert (version.code_commit, version.run) == ("ab12cd34", "r1")
    with refuses("version.conflict"):
        version_of(loans, code_commit="ffffffff")
    with refuses("version.conflict"):
        registry.register_version("loans", "1", "2" * 64, actor=ADA, developers=["eve"])
    assert Version.objects.get().code_commit == "ab12cd34"
    assert not Developer.objects.exists()


def test_developers_are_added_and_never_taken_away_and_labels_move(loans: Model) -> None:
    for developers, labels in ((["ada", "ben"], ["champion"]), (["ada"], []), ([], None)):
        registry.register_version(
            "loans", "1", DIGEST, actor=ADA, developers=developers, labels=labels
        )
    version = Version.objects.get()
    assert registry.developers_of(version) == ["ada", "ben"]
    assert version.labels == []
    assert [c.after for c in Change.objects.all()] == [{"labels": []}]


def test_the_version_in_force_is_known_for_any_date(loans: Model) -> None:
    first, second = version_of(loans), version_of(loans, "2")
    for version, days in ((first, 30), (second, 10)):
        deployments.start_deployment(version, "production", since=days_ago(days), actor=ADA)
    deployments.start_deployment(second, "staging", since=days_ago(20), actor=ADA)
    deployments.end_deployment(loans, "production", until=days_ago(1), actor=ADA)

    def on(days: float) -> list[tuple[str, str]]:
        found = deployments.in_force_on(loans, days_ago(days))
        return [(each.environment, each.version.name) for each in found]

    assert on(31) == []
    assert on(15) == [("production", "1"), ("staging", "2")]
    assert on(5) == [("production", "2"), ("staging", "2")]
    assert on(0) == [("staging", "2")]
    kinds = [entry.kind for entry in recent.newest(5)]
    assert kinds.count("deployment.ended") == 2 and kinds.count("deployment.started") == 3


def test_history_is_not_written_over(loans: Model) -> None:
    first, second = version_of(loans), version_of(loans, "2")
    since = days_ago(10)
    deployments.start_deployment(first, "production", since=since, actor=ADA)
    assert not deployments.start_deployment(first, "production", since=since, actor=ADA)[1]
    for when in (since, days_ago(11)):
        with refuses("deployment.overlap"):
            deployments.start_deployment(second, "production", since=when, actor=ADA)
    with refuses("deployment.future"):
        deployments.start_deployment(second, "production", since=days_ago(-1), actor=ADA)
    with refuses("deployment.none"):
        deployments.end_deployment(loans, "production", until=days_ago(11), actor=ADA)
    with refuses("deployment.none"):
        deployments.end_deployment(loans, "staging", until=timezone.now(), actor=ADA)
    assert Deployment.objects.get().until is None


def test_the_database_itself_refuses_two_versions_in_one_place(loans: Model) -> None:
    place = {"model": loans, "environment": "production", "name": "default", "actor": ADA}
    one = version_of(loans)
    Deployment.objects.create(version=one, since=days_ago(2), **place)
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.create(version=one, since=days_ago(1), **place)
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.create(version=one, since=days_ago(1), until=days_ago(2), **place)


def refusal_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except Refused as refusal:
        return refusal.rule
    return None


@pytest.mark.django_db(transaction=True)
def test_two_models_told_to_depend_on_each_other_at_once_make_no_circle() -> None:
    one, two = (registry.register_model(name, actor=ADA)[0] for name in ("one", "two"))
    acts = [
        partial(registry.describe_model, a, {}, [b], actor=ADA)
        for a, b in ((one, "two"), (two, "one"))
    ]
    refused = at_once(*(partial(refusal_of, act) for act in acts))
    assert sorted(refused, key=str) == [None, "dependency.cycle"]


@pytest.mark.django_db(transaction=True)
def test_two_versions_put_into_one_place_at_once_leave_one_in_force() -> None:
    loans = registry.register_model("loans", actor=ADA)[0]
    versions = [version_of(loans, name) for name in ("1", "2")]
    start = partial(deployments.start_deployment, since=timezone.now(), actor=ADA)
    acts = [partial(start, version, "production") for version in versions]
    refused = at_once(*(partial(refusal_of, act) for act in acts))
    assert sorted(refused, key=str) == [None, "deployment.overlap"]
    assert Deployment.objects.filter(until=None).count() == 1
