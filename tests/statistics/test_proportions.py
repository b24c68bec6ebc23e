import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.proportions import (
    clopper_pearson,
    newcombe,
    two_proportion_test,
    wilson,
)

ROWS = st.integers(1, 3000)


@given(ROWS, st.floats(0, 1), st.sampled_from([0.05, 0.001, 5e-5]))
def test_clopper_pearson_and_wilson_agree_with_scipy(n, part, level):
    s = round(part * n)
    result = stats.binomtest(s, n)
    exact = result.proportion_ci(1 - level, "exact")
    np.testing.assert_allclose(clopper_pearson(np.array(s), np.array(n), level), exact, atol=1e-7)
    score = result.proportion_ci(1 - level, "wilson")
    share, low, high = wilson(np.array(s), np.array(n), level=level)
    np.testing.assert_allclose((share, low, high), (s / n, *score), atol=1e-9)


def test_newcombes_own_example():
    # 56/70 against 48/80: his table II, method 10.
    told = newcombe(np.array(56.0), np.array(70.0), np.array(48.0), np.array(80.0))
    np.testing.assert_allclose(told, (0.2, 0.0524, 0.3339), atol=5e-5)


def test_nothing_known_is_everything_possible():
    zero = np.zeros(1)
    assert [*np.ravel(clopper_pearson(zero, zero, 0.05))] == [0, 1]
    share, low, high = wilson(zero, zero)
    assert np.isnan(share).all()
    assert (low[0], high[0]) == (0, 1)
    difference, low, high = newcombe(zero, zero, np.array([5.0]), np.array([10.0]))
    assert np.isnan(difference).all()
    assert (low[0], high[0]) == (-1, 1)
    assert two_proportion_test(zero, zero, np.array([5.0]), np.array([10.0])) == 1


@given(st.floats(-50, 1050), st.floats(0, 5000))
def test_noise_only_widens_and_negative_counts_stay_in_range(s, variance):
    n = np.array(1000.0)
    _, low, high = wilson(np.array(s), n)
    share, noisy_low, noisy_high = wilson(np.array(s), n, variance)
    assert 0 <= noisy_low <= share <= noisy_high <= 1
    assert noisy_high - noisy_low >= high - low - 1e-9


@pytest.mark.parametrize(
    ("n", "m", "p"), [(500, 50_000, 0.001), (500, 5000, 0.2), (2000, 900, 0.97)]
)
def test_equal_shares_are_called_different_one_time_in_twenty(n, m, p):
    rng = np.random.default_rng(n)
    x, r = (rng.binomial(rows, p, 20_000).astype(float) for rows in (n, m))
    wrong = two_proportion_test(x, np.array(n), r, np.array(m)) < 0.05
    assert wrong.mean() < 0.06
    assert (two_proportion_test(x, np.array(n), r, np.array(m)) < 0.001).mean() < 0.003


def test_rare_events_get_the_exact_test():
    told = two_proportion_test(np.array(6.0), np.array(500.0), np.array(50.0), np.array(50_000.0))
    assert told == pytest.approx(stats.fisher_exact([[6, 494], [50, 49_950]])[1], rel=0.5)


def test_noise_can_explain_what_chance_cannot():
    args = (np.array(60.0), np.array(500.0), np.array(2500.0), np.array(50_000.0))
    assert two_proportion_test(*args) < 1e-6
    assert two_proportion_test(*args, variance_x=2000.0) > 0.05


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_agree_with_scipy(p):
    np.testing.assert_allclose(
        benjamini_hochberg(np.array(p)), stats.false_discovery_control(p), atol=1e-12
    )


def test_tests_not_made_do_not_count():
    q = benjamini_hochberg(np.array([np.nan, 0.01, np.nan, 0.02]))
    np.testing.assert_array_equal(q, [np.nan, 0.02, np.nan, 0.02])
    assert benjamini_hochberg(np.array([])).size == 0
