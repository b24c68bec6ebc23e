import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import spatial, stats

from detectors.statistics import effects
from detectors.statistics.counts import NO_NOISE, Sample
from tests.statistics.test_contract import DEGENERATE
from tests.statistics.worlds import GAUSSIAN, LAPLACE, draw, sample

ALL = [
    effects.total_variation,
    effects.hellinger,
    effects.jensen_shannon,
    effects.wasserstein,
    effects.psi,
]
counts = hnp.arrays(float, (2, 5), elements=st.integers(1, 10_000).map(float))


@given(counts, counts)
def test_values_agree_with_scipy_or_the_formula(x, r):
    p, q = x / x.sum(1, keepdims=True), r / r.sum(1, keepdims=True)
    places = np.arange(5)
    for i in range(2):
        assert effects.wasserstein(x, r)[i] == pytest.approx(
            stats.wasserstein_distance(places, places, p[i], q[i]), abs=1e-9
        )
        assert effects.jensen_shannon(x, r)[i] == pytest.approx(
            spatial.distance.jensenshannon(p[i], q[i], base=2), abs=1e-6
        )
        assert effects.psi(x, r)[i] == pytest.approx(
            ((p[i] - q[i]) * np.log(p[i] / q[i])).sum(), abs=1e-9
        )
        assert effects.hellinger(x, r)[i] == pytest.approx(
            np.linalg.norm(np.sqrt(p[i]) - np.sqrt(q[i])) / np.sqrt(2), abs=1e-6
        )
        assert effects.total_variation(x, r)[i] == pytest.approx(
            np.maximum(p[i] - q[i], 0).sum(), abs=1e-12
        )


@pytest.mark.parametrize("effect", ALL)
@given(counts, counts, st.floats(1.0, 50.0))
def test_equal_shares_are_at_distance_zero_and_scale_does_not_matter(effect, x, r, factor):
    np.testing.assert_allclose(effect(x, x * factor), 0, atol=1e-6)
    np.testing.assert_allclose(effect(x * factor, r), effect(x, r), atol=1e-6)
    assert (effect(x, r) >= 0).all()


@pytest.mark.parametrize("effect", ALL)
def test_an_empty_side_has_no_distance(effect):
    assert np.isnan(effect(np.zeros((1, 4)), np.ones((1, 4)))).all()
    assert np.isnan(effect(np.ones((1, 4)), np.full((1, 4), -2.0))).all()


def test_disjoint_shares_are_as_far_apart_as_can_be():
    x, r = np.array([[30.0, 70.0, 0.0]]), np.array([[0.0, 0.0, 10.0]])
    for effect in (effects.total_variation, effects.hellinger, effects.jensen_shannon):
        assert effect(x, r)[0] == pytest.approx(1)
    assert np.isfinite(effects.psi(x, r)).all()


def test_wasserstein_in_the_columns_own_units():
    x, r = np.array([[10.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 10.0]])
    assert effects.wasserstein(x, r)[0] == 2
    assert effects.wasserstein(x, r, np.array([[5.0, 20.0]]))[0] == 25


def test_chance_exceeds_the_critical_psi_one_time_in_twenty():
    rng = np.random.default_rng(0)
    for noise in (LAPLACE, sample([1.0]).noise):
        x, r = (draw(rng, np.full(12, 1 / 12), n, 4000, noise) for n in (2000, 3000))
        beyond = effects.psi(x.counts, r.counts) > effects.psi_critical(x, r)
        assert 0.035 < beyond.mean() < 0.065


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda n: n.mechanism)
@pytest.mark.parametrize("bins", [2, 5, 20])
@pytest.mark.parametrize("tilt", [0.0, 0.05, 0.2, 1.0])
def test_the_interval_holds_the_true_size(noise, bins, tilt):
    rng = np.random.default_rng(bins)
    shares = rng.dirichlet(np.full(bins, 3.0))
    moved = shares * np.exp(tilt * np.linspace(-1, 1, bins))
    moved /= moved.sum()
    true = 0.5 * np.abs(moved - shares).sum()
    current, reference = draw(rng, moved, 500, 800, noise), draw(rng, shares, 20_000, 800, noise)
    found = effects.total_variation_interval(current, reference)
    assert (true < found.low).mean() < 0.045
    assert (true > found.high).mean() < 0.05
    if true > 0.15:
        assert (found.low > 0.5 * true).mean() > 0.9


def test_of_two_cells_the_upper_limit_is_that_of_a_share():
    found = effects.total_variation_interval(sample([500, 9500]), sample([4e8, 9.6e9]))
    assert found.high[0] - 0.01 == pytest.approx(1.96 * np.sqrt(0.05 * 0.95 / 10_000), rel=0.01)


def test_the_lower_limit_takes_the_bias_out():
    """Nothing changed, and yet the observed sizes are far from 0."""
    rng = np.random.default_rng(0)
    shares = np.full(50, 0.02)
    current, reference = draw(rng, shares, 300, 200), draw(rng, shares, 20_000, 200)
    found = effects.total_variation_interval(current, reference)
    assert found.value.mean() > 0.1
    assert (found.low == 0).mean() > 0.95


@given(counts, counts, st.permutations(range(5)))
def test_the_interval_knows_no_order_and_contains_its_value(x, r, order):
    samples = [Sample(c, c.sum(axis=1)) for c in (x, r)]
    mixed = [Sample(s.counts[:, order], s.totals) for s in samples]
    found = effects.total_variation_interval(*samples)
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert (found.high <= 1).all()
    for part, other in zip(found, effects.total_variation_interval(*mixed), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)


@given(counts, counts, st.floats(2.0, 50.0))
def test_more_of_the_same_narrows_the_interval(x, r, factor):
    once, more = (
        effects.total_variation_interval(*(Sample(f * c, f * c.sum(axis=1)) for c in (x, r)))
        for f in (1.0, factor)
    )
    np.testing.assert_allclose(once.value, more.value, atol=1e-9)
    assert (more.high <= once.high + 1e-9).all()
    assert (more.low >= once.low - 1e-6).all()


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE], ids=lambda n: n.mechanism)
def test_degenerate_counts_have_an_interval_or_none(case, noise):
    x, r = (np.array([row]) for row in DEGENERATE[case])
    current, reference = Sample(x, x.sum(axis=1), noise), Sample(r, r.sum(axis=1), noise)
    found = effects.total_variation_interval(current, reference)
    if x.sum() < 1 or r.sum() < 1:
        assert np.isnan(found[:3]).all()
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_three_rows_in_one_bin_prove_little():
    found = effects.total_variation_interval(sample([3, 0, 0]), sample([5000, 3000, 2000]))
    assert found.low[0] == 0
