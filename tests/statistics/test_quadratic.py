import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.statistics.counts import NO_NOISE
from detectors.statistics.quadratic import _moments, quadratic_test
from tests.statistics.worlds import GAUSSIAN, LAPLACE, draw, sample


def test_without_noise_it_is_pearsons_chi_square():
    current, reference = sample([310, 420, 270]), sample([3000, 4000, 3000])
    q, p = quadratic_test(current, reference)
    table = np.vstack([current.counts, reference.counts])
    expected = stats.chi2_contingency(table, correction=False)
    assert q[0] == pytest.approx(expected.statistic)
    assert p[0] == pytest.approx(expected.pvalue, rel=0.02)


def test_moments_are_those_of_the_covariance_written_out():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(7), 3)
    c, s = np.array([0.01, 0.02, 0.003]), np.array([0.0001, 0.0, 0.01])
    fourth = np.array([1e-7, 0.0, 1e-3])[:, None] * np.ones(7)
    mean, variance = _moments(p, c, s, fourth)
    for i in range(3):
        project = np.eye(7) - np.outer(p[i], np.ones(7))
        covariance = c[i] * (np.diag(p[i]) - np.outer(p[i], p[i])) + s[i] * project @ project.T
        w = 1 / (c[i] * p[i] + s[i])
        weighed = covariance @ np.diag(w)
        tails = fourth[i] @ ((w[:, None] * project**2).sum(axis=0) ** 2)
        assert mean[i] == pytest.approx(np.trace(weighed))
        assert variance[i] == pytest.approx(2 * np.trace(weighed @ weighed) + tails)


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda n: n.mechanism)
@pytest.mark.parametrize(("rows", "bins"), [(500, 10), (500, 40), (5000, 20)])
def test_false_alarms_come_as_often_as_promised(noise, rows, bins):
    rng = np.random.default_rng(rows + bins)
    shares = rng.dirichlet(np.full(bins, 2.0))
    args = (draw(rng, shares, rows, 4000, noise), draw(rng, shares, 20_000, 4000, noise))
    _, p = quadratic_test(*args)
    assert 0.035 < (p < 0.05).mean() < 0.065
    assert (p < 0.001).mean() < 0.006


def test_a_real_change_is_found_and_more_noise_hides_more():
    rng = np.random.default_rng(2)
    before, after = np.full(10, 0.1), np.linspace(0.07, 0.13, 10)
    found = []
    for noise in (NO_NOISE, LAPLACE, GAUSSIAN):
        reference = draw(rng, before, 20_000, 500, noise)
        _, p = quadratic_test(draw(rng, after, 600, 500, noise), reference)
        found.append((p < 0.05).mean())
    assert found[0] > 0.75
    assert found[0] >= found[1] >= found[2] > 0.3


counts = st.lists(st.integers(0, 400).map(float), min_size=2, max_size=8)


@settings(max_examples=60, deadline=None)
@given(x=counts, seed=st.integers(0, 99), noise=st.sampled_from([NO_NOISE, LAPLACE, GAUSSIAN]))
def test_cells_have_no_order_and_the_two_sides_no_rank(x, seed, noise):
    rng = np.random.default_rng(seed)
    r = rng.integers(0, 4000, len(x)).astype(float)
    order = rng.permutation(len(x))
    current, reference = sample(x, noise=noise), sample(list(r), noise=noise)
    q, p = quadratic_test(current, reference)
    mixed = (sample(list(np.array(v)[order]), noise=noise) for v in (x, r))
    np.testing.assert_allclose(quadratic_test(*mixed), (q, p), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(quadratic_test(reference, current), (q, p), rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), times=st.integers(2, 9))
def test_counts_scaled_alike_scale_the_statistic(seed, times):
    rng = np.random.default_rng(seed)
    x, r = rng.integers(1, 300, (2, 6)).astype(float)
    once, _ = quadratic_test(sample(list(x)), sample(list(r)))
    often, _ = quadratic_test(sample(list(times * x)), sample(list(times * r)))
    assert often[0] == pytest.approx(times * once[0])
