import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import Array
from detectors.statistics.impact import (
    CountNoise,
    Worth,
    cost_of_change,
    cost_of_loss,
    wrong_decisions,
)
from detectors.statistics.performance import Confusion
from detectors.statistics.proportions import newcombe
from detectors.statistics.slices import Losses

WORTH = Worth(tp=10.0, fp=-2.0, tn=0.0, fn=-30.0)
cells = hnp.arrays(float, (2, 4), elements=st.integers(0, 500).map(float)).filter(
    lambda c: (c.sum(axis=1) > 0).all()
)


def losses_of(x: Array) -> Losses:
    return Losses(np.array(float(len(x))), np.array(x.sum()), np.array((x**2).sum()))


def told(counts: Array | list[float]) -> Confusion:
    return Confusion(*(np.array([v]) for v in counts))


@given(cells)
def test_the_cost_is_what_the_decisions_would_have_been_worth_at_the_old_rates(counts):
    now, before = counts
    cost = cost_of_change(told(now), told(before), WORTH)
    expected = now.sum() * (before @ WORTH) / before.sum() - now @ WORTH
    assert cost.value[0] == pytest.approx(expected, abs=1e-6)
    assert cost.low[0] <= cost.value[0] <= cost.high[0]
    assert cost.n[0] == now.sum()


@given(cells, st.integers(2, 9))
def test_larger_windows_cost_more_in_proportion_and_are_surer(counts, factor):
    few = cost_of_change(told(counts[0]), told(counts[1]), WORTH)
    many = cost_of_change(told(factor * counts[0]), told(factor * counts[1]), WORTH)
    assert many.value[0] == pytest.approx(factor * few.value[0], abs=1e-6)
    assert many.high[0] - many.value[0] <= factor * (few.high[0] - few.value[0]) + 1e-9


@given(cells)
def test_a_worth_of_every_decision_alike_costs_nothing_whatever_changes(counts):
    cost = cost_of_change(told(counts[0]), told(counts[1]), Worth(5.0, 5.0, 5.0, 5.0))
    assert cost.value[0] == pytest.approx(0, abs=1e-6)
    assert cost.high[0] == pytest.approx(0, abs=1e-3)


@given(cells)
def test_wrong_decisions_are_newcombes_difference_of_two_shares(counts):
    now, before = counts
    found = wrong_decisions(told(now), told(before))
    cell = now[1] + now[3], now.sum(), before[1] + before[3], before.sum()
    expected = newcombe(*(np.array([v]) for v in cell))
    np.testing.assert_allclose(np.array(found[:3]), 10_000 * np.array(expected), atol=1e-9)


BEFORE, NOW = np.array([0.08, 0.02, 0.88, 0.02]), np.array([0.07, 0.03, 0.86, 0.04])


@pytest.mark.parametrize("sd", [0.0, 6.0], ids=["no noise", "noise"])
def test_intervals_cover_the_truth(sd):
    """With 500 decisions and rates of 2 to 4 % as well; three standard errors of 800 repeats."""
    rng, noise = np.random.default_rng(3), CountNoise(sd**2, 2 * sd**2)
    blurs = sd * np.array([1, 1, 2**0.5, 2**0.5])
    cost, wrong = [], []
    for _ in range(800):
        now = told(rng.multinomial(500, NOW) + rng.normal(0, 1, 4) * blurs)
        before = told(rng.multinomial(5_000, BEFORE) + rng.normal(0, 1, 4) * blurs)
        cost.append(cost_of_change(now, before, WORTH, noise=noise, reference_noise=noise))
        wrong.append(wrong_decisions(now, before, noise=noise, reference_noise=noise))
    # Noise in the total counts as a different number of decisions, so compare per decision.
    per_decision = [(e.low / e.n, e.high / e.n) for e in cost]
    truth = (BEFORE - NOW) @ WORTH
    more = 10_000 * 0.03
    assert 0.925 < np.mean([low <= truth <= high for low, high in per_decision]) < 0.975
    assert 0.925 < np.mean([e.low <= more <= e.high for e in wrong]) < 0.98


def test_what_the_calibration_leaves_open_widens_the_interval():
    rng = np.random.default_rng(4)
    now, before = told([70.0, 25.0, 885.0, 20.0]), told([800.0, 200.0, 8_900.0, 100.0])
    moved = rng.normal(0, 10, (200, 1))
    doubt = Confusion(70 + moved, 25 - moved, 885 - moved / 2, 20 + moved / 2)
    sure, unsure = (wrong_decisions(now, before, doubt=d) for d in (None, doubt))
    assert unsure.value == sure.value
    assert unsure.high > sure.high and unsure.low < sure.low
    sure, unsure = (cost_of_change(now, before, WORTH, doubt=d) for d in (None, doubt))
    added = (unsure.high - unsure.value) ** 2 - (sure.high - sure.value) ** 2
    expected = (1.96 * 10 * (10 + 2 - 15)) ** 2
    assert unsure.value == sure.value
    assert added[0] == pytest.approx(expected, rel=0.3)


def test_each_threshold_has_its_own_cost():
    now = Confusion(*(np.array([v, 2 * v]) for v in (70.0, 25.0, 885.0, 20.0)))
    before = Confusion(*(np.array([v, v]) for v in (800.0, 200.0, 8_900.0, 100.0)))
    cost = cost_of_change(now, before, WORTH)
    np.testing.assert_allclose(cost.value, [410.0, 820.0])


def test_a_unit_of_loss_has_a_cost():
    rng = np.random.default_rng(5)
    held = []
    for _ in range(400):
        now, before = rng.gamma(2.0, 1.1, 300), rng.gamma(2.0, 1.0, 2_000)
        cost = cost_of_loss(losses_of(now), losses_of(before), unit=4.0)
        assert cost.value == pytest.approx(4 * 300 * (now.mean() - before.mean()))
        held.append(cost.low <= 4 * 300 * 0.2 <= cost.high)
    assert 0.92 < np.mean(held) < 0.98


@pytest.mark.parametrize("empty", [[0.0] * 4, [-3.0, 1.0, 1.0, 0.0], [np.nan] * 4])
def test_without_rows_on_a_side_there_is_no_cost(empty):
    full = told([70.0, 25.0, 885.0, 20.0])
    for now, before in ((told(empty), full), (full, told(empty))):
        for e in (cost_of_change(now, before, WORTH), wrong_decisions(now, before)):
            assert np.isnan([e.value, e.low, e.high]).all()
            assert not np.isnan(e.n).any()
    nothing, some = (Losses(np.array(n), np.array(n), np.array(n)) for n in (0.0, 9.0))
    assert np.isnan(cost_of_loss(nothing, some, 1.0).value)
    assert np.isnan(cost_of_loss(some, nothing, 1.0).low)


def test_outcomes_that_have_not_been_seen_are_not_impossible():
    cost = cost_of_change(told([0.0, 0.0, 30.0, 0.0]), told([0.0, 0.0, 30.0, 0.0]), WORTH)
    assert cost.value == 0
    assert cost.low < -20 and cost.high > 20
