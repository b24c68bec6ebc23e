"""The ledger adds up what statements give away, and what that amounts to."""

import doctest
import math
from datetime import UTC, datetime, timedelta
from types import ModuleType

import numpy as np
import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from countersign.statement import Refused
from governance import ledger, zcdp
from governance.models import Loss, Model
from governance.policies import Policy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(epsilon_per_year=8.0, delta=1e-6)

# What dp-accounting 0.6.0 says at delta 1e-6 (bench/statistics/results/zcdp_conversion.json).
KNOWN = {0.001: 0.182902, 0.01: 0.621703, 0.1: 2.142046, 1.0: 7.766648, 10.0: 32.221663}


# --- arithmetic -----------------------------------------------------------------------------


@pytest.mark.parametrize(("rho", "epsilon"), KNOWN.items())
def test_rho_amounts_to_the_epsilon_that_the_library_gives(rho: float, epsilon: float) -> None:
    assert zcdp.epsilon_of(rho, 1e-6) == pytest.approx(epsilon, rel=1e-4)


@given(
    rho=st.floats(1e-9, 1e4),
    delta=st.floats(1e-15, 1e-3),
)
def test_the_conversion_is_sound_and_near_the_textbooks(rho: float, delta: float) -> None:
    """Never above the simpler bound, never below what any single order already refutes."""
    epsilon = zcdp.epsilon_of(rho, delta)
    assert epsilon <= rho + 2 * math.sqrt(rho * math.log(1 / delta)) + 1e-9
    assert zcdp.rho_within(epsilon, delta) >= rho * (1 - 1e-9)
    assert zcdp.epsilon_of(2 * rho, delta) >= epsilon


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("rows", [1, 3])
def test_one_noised_count_diverges_no_more_than_its_rho_says(
    mechanism: str, scale: float, rows: int
) -> None:
    """The definition itself: Renyi divergence of order a between neighbours is at most rho a."""
    x = np.arange(-1_000, 1_001)
    cost = np.abs(x) / scale if mechanism == "discrete_laplace" else x**2 / (2 * scale**2)
    noise = -cost - logsumexp(-cost)
    rho = zcdp.loss(touched=1, contribution=rows, scale=scale)
    for order in (1.01, 1.5, 2.0, 4.0, 16.0, 64.0):
        here, there = noise[rows:], noise[:-rows]
        divergence = logsumexp(order * here + (1 - order) * there) / (order - 1)
        assert divergence <= rho * order + 1e-6


def test_nothing_costs_nothing() -> None:
    assert zcdp.epsilon_of(0.0, 1e-6) == 0.0


def test_persons_cost_the_square_of_their_rows_and_both_mechanisms_the_same() -> None:
    one = zcdp.loss(touched=10, contribution=1, scale=5.0)
    assert one == pytest.approx(10 * (1 / 5) ** 2 / 2)
    assert zcdp.loss(touched=10, contribution=3, scale=5.0) == pytest.approx(9 * one)
    assert zcdp.loss(touched=10, contribution=3, scale=15.0) == pytest.approx(one)


@pytest.mark.parametrize("module", [zcdp, ledger])
def test_the_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert (result.attempted > 0, result.failed) == (True, 0)


# --- the table ------------------------------------------------------------------------------


@pytest.fixture
def loans(db: None) -> Model:
    return Model.objects.create(name="loans")


def reserve(model: Model, name: str, share: float, at: datetime = NOW) -> int:
    """Spend that share of the year's limit."""
    rho = share * ledger.limit_of(POLICY) / ledger.UNIT
    with transaction.atomic():
        return ledger.reserve(model, name, "window", rho=rho, policy=POLICY, at=at)


def test_the_limit_may_be_reached_and_not_passed(loans: Model) -> None:
    for i in range(4):
        reserve(loans, f"{i}", 0.25 - 1e-9)
    with pytest.raises(Refused, match=r"^privacy\.budget_exhausted"):
        reserve(loans, "4", 1e-6)
    assert Loss.objects.count() == 4
    assert ledger.spent(loans, NOW) <= ledger.limit_of(POLICY)


def test_a_loss_is_rounded_up_and_never_lost(loans: Model) -> None:
    with transaction.atomic():
        cost = ledger.reserve(loans, "a", "window", rho=1e-30, policy=POLICY, at=NOW)
    assert cost == ledger.spent(loans, NOW) == 1


def test_another_model_has_its_own_ledger(loans: Model) -> None:
    reserve(loans, "a", 0.9)
    reserve(Model.objects.create(name="cards"), "b", 0.9)


def test_after_365_days_a_loss_is_over_and_not_a_second_earlier(loans: Model) -> None:
    reserve(loans, "a", 0.9)
    with pytest.raises(Refused):
        reserve(loans, "b", 0.9, at=NOW + 365 * DAY - timedelta(seconds=1))
    reserve(loans, "b", 0.9, at=NOW + 365 * DAY)


def test_of_one_statement_no_loss_is_reserved_twice(loans: Model) -> None:
    reserve(loans, "a", 0.1)
    with pytest.raises(Exception, match="unique"):
        reserve(loans, "a", 0.1)


def test_a_limit_lowered_later_leaves_nothing_and_stops_everything(loans: Model) -> None:
    reserve(loans, "a", 0.5)
    lower = Policy(epsilon_per_year=1.0)
    found = ledger.standing(loans, lower, NOW)
    assert (found.left, found.runs_out) == (0, NOW)
    assert found.spent > found.limit


def test_it_is_told_what_was_spent_and_when_it_runs_out(loans: Model) -> None:
    for day in reversed(range(28)):
        reserve(loans, f"{day}", 0.01, at=NOW - day * DAY)
    found = ledger.standing(loans, POLICY, NOW)
    assert found.statements == 28
    assert found.share == pytest.approx(0.28)
    assert found.per_day == pytest.approx(0.01 * found.limit)
    assert found.runs_out == NOW + 72 * DAY
    assert found.epsilon == pytest.approx(zcdp.epsilon_of(0.28 * found.limit / 1e12, 1e-6))


def test_a_rate_that_a_year_can_bear_never_runs_out(loans: Model) -> None:
    for day in reversed(range(0, 360, 7)):
        reserve(loans, f"{day}", 0.018, at=NOW - day * DAY)
    assert ledger.standing(loans, POLICY, NOW).runs_out is None


def test_the_running_total_is_the_sum_also_when_the_clock_goes_back(loans: Model) -> None:
    times = [NOW - 400 * DAY, NOW - 300 * DAY, NOW - 10 * DAY, NOW - 11 * DAY, NOW]
    for i, at in enumerate(times):
        reserve(loans, f"{i}", 0.2, at=at)
    rows = list(Loss.objects.order_by("pk"))
    assert [row.total for row in rows] == [sum(r.rho for r in rows[: i + 1]) for i in range(5)]
    assert [row.reserved_at for row in rows] == sorted(row.reserved_at for row in rows)
    assert ledger.spent(loans, NOW) == 4 * rows[0].rho
    with pytest.raises(Refused):
        reserve(loans, "5", 0.21)
    reserve(loans, "5", 0.19)


def test_an_empty_ledger_has_everything_left(loans: Model) -> None:
    found = ledger.standing(loans, POLICY, NOW)
    assert (found.spent, found.left, found.per_day, found.runs_out) == (0, found.limit, 0, None)
    assert found.epsilon == 0.0
