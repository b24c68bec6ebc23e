import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import spatial, stats

from detectors.statistics import effects
from tests.statistics.worlds import LAPLACE, draw, sample

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
