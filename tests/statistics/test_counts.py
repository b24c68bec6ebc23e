import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import (
    NO_NOISE,
    Noise,
    Sample,
    differences,
    effective_size,
    fill_suppressed,
    pooled_proportions,
)


def law(noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """The noise's values and probabilities, written out far into the tails."""
    z = np.arange(-4000, 4001)
    if noise.mechanism == "discrete_laplace":
        log_weight = -np.abs(z) / noise.scale
    else:
        log_weight = -(z**2) / (2 * noise.scale**2)
    weight = np.exp(log_weight)
    return z, weight / weight.sum()


@pytest.mark.parametrize("scale", [1.0, 2.5, 10.0])
@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
def test_variance_and_fourth_cumulant_are_those_of_the_law_itself(mechanism, scale):
    noise = Noise(mechanism, scale)
    z, p = law(noise)
    variance = (p * z**2).sum()
    assert noise.variance == pytest.approx(variance, rel=1e-6)
    assert noise.fourth_cumulant == pytest.approx(
        (p * z**4).sum() - 3 * variance**2, rel=1e-6, abs=1e-3 * variance
    )


@pytest.mark.parametrize("theta", [-0.3, -0.05, 0.0, 0.2])
def test_log_moment_is_exact_for_laplace_and_a_bound_for_gaussian(theta):
    for noise in (Noise("discrete_laplace", 2.0), Noise("discrete_gaussian", 3.0)):
        z, p = law(noise)
        near = np.abs(z) < 1000
        exact = np.log((p[near] * np.exp(theta * z[near])).sum())
        told = float(noise.log_moment(np.array(theta)))
        assert told == pytest.approx(exact, abs=1e-6)


def test_log_moment_is_infinite_where_the_tail_outgrows_the_bet():
    assert np.isinf(
        Noise("discrete_laplace", 2.0).log_moment(np.array([0.51, -0.51, 9.0, 900.0]))
    ).all()


@pytest.mark.parametrize(
    "noise", [Noise("discrete_laplace", 3.0, 5), Noise("discrete_gaussian", 4.0, 5)]
)
def test_draws_add_up(noise):
    drawn = noise.draw(np.random.default_rng(1), (200_000,))
    assert drawn.var() == pytest.approx(noise.variance, rel=0.02)
    assert np.array_equal(drawn, np.rint(drawn))
    assert noise.variance == pytest.approx(5 * Noise(noise.mechanism, noise.scale).variance)


@pytest.mark.parametrize(
    "wrong", [("laplace", 1.0, 1), ("none", 1.0, 1), ("discrete_laplace", 0.0, 1)]
)
def test_a_noise_that_cannot_be_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=r"^noise\."):
        Noise(*wrong)


def test_differences_are_plain_where_totals_are_sums():
    x, r = np.array([[3.0, 7.0, 10.0]]), np.array([[30.0, 30.0, 40.0]])
    d = differences(Sample(x, x.sum(1)), Sample(r, r.sum(1)), pooled_proportions(x, r))
    np.testing.assert_allclose(d, x / 20 - r / 100)


def test_a_noisy_sum_leaves_no_difference_behind():
    x, r = np.array([[13.0, 7.0, 20.0]]), np.array([[30.0, 30.0, 40.0]])
    d = differences(Sample(x, np.array([20.0])), Sample(r, r.sum(1)), pooled_proportions(x, r))
    assert d.sum() == pytest.approx(0, abs=1e-12)


def test_effective_size_without_noise_is_the_size_and_never_negative():
    n = np.array([100.0, 0.0, -5.0])
    np.testing.assert_array_equal(effective_size(n, 10, NO_NOISE), [100, 0, 0])
    assert effective_size(n, 10, Noise("discrete_laplace", 10.0))[0] < 10


cells = hnp.arrays(float, (3, 6), elements=st.integers(0, 1000).map(float) | st.just(float("nan")))


@given(cells, hnp.arrays(float, (3, 6), elements=st.integers(-20, 1000).map(float)))
def test_filled_counts_add_up_to_the_total_and_keep_what_was_known(x, r):
    known = np.nan_to_num(x).sum(axis=1)
    filled = fill_suppressed(x, known + 60, r)
    assert not np.isnan(filled).any()
    np.testing.assert_array_equal(filled[~np.isnan(x)], x[~np.isnan(x)])
    hidden = np.isnan(x).any(axis=1)
    np.testing.assert_allclose(filled.sum(axis=1)[hidden], (known + 60)[hidden])


def test_filling_leans_towards_no_change():
    r = np.array([[700.0, 200.0, 100.0]])
    filled = fill_suppressed(np.array([[70.0, np.nan, np.nan]]), np.array([100.0]), r)
    np.testing.assert_allclose(filled / 100, r / 1000)


def test_a_total_below_what_is_known_fills_with_nothing():
    filled = fill_suppressed(np.array([[9.0, np.nan]]), np.array([5.0]), np.array([[1.0, 1.0]]))
    np.testing.assert_array_equal(filled, [[9, 0]])
