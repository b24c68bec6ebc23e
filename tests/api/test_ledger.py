"""Noise costs: every statement reserves its loss first, and the year's limit stops them all."""

import json
import math
import threading
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from countersign.statement import Window as WireWindow
from countersign.tables import Attributions, Map
from detectors import charges, plans
from detectors.models import Part, Statement, Window
from governance import ledger, policies, zcdp
from governance.models import Entry, Loss, Model
from tests.builders import a_baseline, a_statement, a_tally, a_window, hours_ago, outcomes_of

from .conftest import BASELINE_ADDRESS, Caller, enrolled, refused, registered, with_baseline
from .test_policy import plan_of, the_policy_says

NOISE: dict[str, Any] = {"mechanism": "discrete_gaussian", "scale": 20.0}
AT_ONCE = 50


def noised_plan(ada: Caller) -> str:
    """The digest of a plan with noise for Ada's model."""
    with_baseline(ada)
    the_policy_says(**NOISE)
    return plan_of(ada)[0]


def noised_window(plan: str, hour: int = 0, **changes: Any) -> WireWindow:
    """The window that ended so many hours ago, under a plan with noise."""
    privacy = plans.read_plan(plan).privacy
    start, end = hours_ago(hour + 1), hours_ago(hour)
    return a_window(plan, start=start, end=end, privacy=privacy, **changes)


def allow_windows(plan: str, many: float) -> None:
    """A year's limit that bears so many windows; take no whole number, for rounding's sake."""
    rho = many * charges.of_window(plans.read_plan(plan)).rho
    the_policy_says(**NOISE, epsilon_per_year=zcdp.epsilon_of(rho, policies.Policy().delta))


def losses() -> list[int]:
    return list(Loss.objects.order_by("pk").values_list("rho", flat=True))


def cost(charge: charges.Charge) -> int:
    return math.ceil(charge.rho * ledger.UNIT)


@pytest.mark.django_db
def test_without_noise_nothing_is_reserved(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans)))
    assert losses() == []
    assert b"loss" not in bytes(Entry.objects.latest("pk").body)


@pytest.mark.django_db
def test_a_window_and_its_labels_cost_what_a_row_can_change(ada: Caller) -> None:
    digest = noised_plan(ada)
    window, plan = noised_window(digest), plans.read_plan(digest)
    ada.send("/windows", a_statement(window))
    entry = json.loads(bytes(Entry.objects.latest("pk").body))
    ada.send("/outcomes", a_statement(outcomes_of(window)))
    assert losses() == [cost(charges.of_window(plan)), cost(charges.of_outcomes(plan))]
    assert (entry["kind"], entry["loss"]) == ("window.accepted", losses()[0])


@pytest.mark.django_db
def test_the_same_bytes_again_cost_nothing(ada: Caller) -> None:
    payload = a_statement(noised_window(noised_plan(ada)))
    assert [ada.send("/windows", payload).status_code for _ in range(3)] == [202, 200, 200]
    assert len(losses()) == 1


@pytest.mark.django_db
def test_a_correction_costs_again_because_its_noise_is_drawn_anew(ada: Caller) -> None:
    digest = noised_plan(ada)
    for revision in (1, 2, 3):
        window = noised_window(digest, revision=revision, tally=a_tally(1_000 + revision))
        assert ada.send("/windows", a_statement(window)).status_code == 202
    assert losses() == [losses()[0]] * 3


@pytest.mark.django_db
def test_every_shard_costs_because_each_draws_its_own_noise(ada: Caller) -> None:
    digest = noised_plan(ada)
    for shard in range(3):
        window = noised_window(digest, shard=shard, shards=3)
        assert ada.send("/windows", a_statement(window)).status_code == 202
    assert losses() == [losses()[0]] * 3


@pytest.mark.django_db
def test_a_noised_baseline_costs_too(ada: Caller) -> None:
    the_policy_says(**NOISE)
    registered(ada)
    privacy = msgspec.convert(NOISE, type(a_baseline().privacy))
    baseline = a_baseline(privacy=privacy)
    assert ada.send(BASELINE_ADDRESS, a_statement(baseline)).status_code == 202
    assert losses() == [cost(charges.of_baseline(baseline))]


@pytest.mark.django_db
def test_bins_that_were_found_in_noised_counts_cost_their_two_histograms(ada: Caller) -> None:
    the_policy_says(**NOISE)
    registered(ada)
    declared = a_baseline(privacy=msgspec.convert(NOISE, type(a_baseline().privacy)))
    columns = [
        msgspec.structs.replace(c, layout="noised") if c.edges else c for c in declared.columns
    ]
    baseline = msgspec.structs.replace(declared, columns=columns)
    assert ada.send(BASELINE_ADDRESS, a_statement(baseline)).status_code == 202
    touched = charges.touched_by_baseline(declared) + 2 * sum(bool(c.edges) for c in columns)
    assert charges.of_baseline(baseline).touched == touched
    assert losses() == [cost(charges.of_baseline(baseline))]


@pytest.mark.django_db
def test_under_noise_nothing_is_laid_out_by_exact_counts(ada: Caller) -> None:
    the_policy_says(**NOISE)
    registered(ada)
    privacy = msgspec.convert(NOISE, type(a_baseline().privacy))
    columns = [msgspec.structs.replace(c, layout="rounded") for c in a_baseline().columns]
    answer = ada.send(BASELINE_ADDRESS, a_statement(a_baseline(privacy=privacy, columns=columns)))
    document = refused(answer, 422, "privacy.layout_not_noised")
    assert document["path"] == "$.predicate.columns[0].layout"
    one = Map(name="m", kind="second_moments", columns=["age"], centre=[1.0], scale=[1.0], clip=3.0)
    answer = ada.send(BASELINE_ADDRESS, a_statement(a_baseline(privacy=privacy, maps=[one])))
    refused(answer, 422, "privacy.not_noised")


@pytest.mark.django_db
def test_what_goes_beyond_the_limit_is_refused_and_nothing_of_it_kept(ada: Caller) -> None:
    digest = noised_plan(ada)
    allow_windows(digest, 2.5)
    for hour in (1, 2):
        assert ada.send("/windows", a_statement(noised_window(digest, hour))).status_code == 202
    before = (Statement.objects.count(), Window.objects.count(), Part.objects.count())
    answer = ada.send("/windows", a_statement(noised_window(digest, 3)))
    document = refused(answer, 422, "privacy.budget_exhausted")
    assert "365 days" in document["detail"]
    assert (Statement.objects.count(), Window.objects.count(), Part.objects.count()) == before
    assert len(losses()) == 2


@pytest.mark.django_db
def test_all_versions_and_deployments_of_a_model_share_its_limit(ada: Caller) -> None:
    digest = noised_plan(ada)
    allow_windows(digest, 1.5)
    window = noised_window(digest, deployment="amsterdam")
    assert ada.send("/windows", a_statement(window)).status_code == 202
    other = noised_window(digest, deployment="berlin")
    refused(ada.send("/windows", a_statement(other)), 422, "privacy.budget_exhausted")


@pytest.mark.django_db
def test_a_refused_statement_reserves_nothing(ada: Caller) -> None:
    digest = noised_plan(ada)
    ada.send("/windows", a_statement(noised_window(digest)))
    again = noised_window(digest, tally=a_tally(2_000))
    refused(ada.send("/windows", a_statement(again)), 409, "window.conflict")
    assert len(losses()) == 1


@pytest.mark.django_db
def test_figures_that_no_noise_covers_are_refused(ada: Caller) -> None:
    digest = noised_plan(ada)
    told = Attributions(rows=500, mean_absolute={"age": 0.3})
    tally = msgspec.structs.replace(a_tally(), attributions=told)
    answer = ada.send("/windows", a_statement(noised_window(digest, tally=tally)))
    refused(answer, 422, "privacy.not_noised")


@pytest.mark.django_db(transaction=True)
def test_fifty_uploads_at_once_never_overspend_by_one_statement() -> None:
    """Each from another deployment and over its own connection: only the ledger orders them."""
    ada = enrolled("Ada's host")
    digest = noised_plan(ada)
    allow_windows(digest, 17.5)
    payloads = [a_statement(noised_window(digest, deployment=f"d{i}")) for i in range(AT_ONCE)]
    start = threading.Barrier(AT_ONCE)
    answers: list[Any] = [None] * AT_ONCE

    def send(i: int) -> None:
        try:
            own = Caller(bearer=ada.bearer, key=ada.key)
            connection.ensure_connection()
            start.wait()
            answers[i] = own.send("/windows", payloads[i])
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[i]) for i in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [202] * 17 + [422] * 33
    for answer in answers:
        if answer.status_code == 422:
            refused(answer, 422, "privacy.budget_exhausted")
    model = Model.objects.get()
    assert len(losses()) == Window.objects.count() == 17
    assert ledger.spent(model, timezone.now()) <= ledger.limit_of(policies.in_force(model))
