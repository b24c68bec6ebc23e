import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.means import mean_from_bins, mean_of
from detectors.statistics.ranking import ranking_figures

EDGES = np.linspace(0, 1, 11)
LAPLACE = Noise("discrete_laplace", 5.0)


def metered(values: Array, edges: Array = EDGES) -> tuple[Array, Array, Array]:
    """Counts, sums and sums of squares per bin, (bins,) each."""
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    counts, sums, squares = (
        np.bincount(place, w, len(edges) - 1).astype(float)
        for w in (np.ones(len(values)), values, values**2)
    )
    return counts, sums, squares


@given(hnp.arrays(float, st.integers(2, 40), elements=st.floats(0, 1, width=32)))
def test_mean_and_spread_are_those_of_the_rows(values):
    e = mean_of(*metered(values))
    assert e.value == pytest.approx(values.mean(), abs=1e-9)
    half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
    assert e.high - e.value == pytest.approx(half, abs=1e-6)


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE], ids=["plain", "noisy"])
def test_the_interval_holds_the_true_mean_as_often_as_it_says(noise):
    rng = np.random.default_rng(1)
    held = []
    for _ in range(1000):
        counts, sums, squares = metered(rng.beta(2, 5, 600))
        counts, sums = (part + noise.draw(rng, part.shape) for part in (counts, sums))
        e = mean_of(counts, sums, squares, noise, (0.0, 1.0))
        held.append(e.low <= 2 / 7 <= e.high)
    assert 0.93 < np.mean(held) < 0.97


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60))
def test_without_sums_the_interval_holds_the_mean_of_any_rows_in_the_bins(values):
    values = np.array(values)
    counts, _, _ = metered(values)
    e = mean_from_bins(counts, EDGES)
    assert e.low - 1e-9 <= values.mean() <= e.high + 1e-9
    assert abs(e.value - values.mean()) <= 0.05 + 1e-9


@given(st.permutations(range(6)))
def test_the_order_of_shards_does_not_matter(order):
    shards = np.random.default_rng(3).integers(0, 9, (6, 3, 10)).astype(float)
    np.testing.assert_array_equal(
        mean_of(*shards[list(order)].sum(axis=0)), mean_of(*shards.sum(axis=0))
    )


@pytest.mark.parametrize(
    "counts", [np.zeros(10), np.full(10, -2.0), np.eye(10)[3]], ids=["none", "negative", "one row"]
)
def test_too_few_rows_get_a_stated_answer(counts):
    exact = mean_of(counts, counts * 0.35, counts * 0.1225, bounds=(0.0, 1.0))
    guessed = mean_from_bins(counts, EDGES)
    if counts.sum() < 1:
        assert np.isnan(exact.value)
        assert np.isnan(exact.low)
        assert np.isnan(guessed.value)
        assert exact.n == guessed.n == 0
    else:
        assert exact.low == 0
        assert exact.high == 1
        assert guessed.low <= 0.35 <= guessed.high


def test_ranking_figures_are_those_of_the_queries():
    rng = np.random.default_rng(4)
    gains = np.where(rng.random(5000) < 0.2, 0.0, rng.beta(3, 2, 5000))
    edges = np.concatenate([[1e-9], np.linspace(0, 1, 51)[1:]])
    place = np.searchsorted(edges, gains, side="right")
    cells, sums, squares = (
        np.bincount(place, w, 52).astype(float) for w in (gains**0, gains, gains**2)
    )
    found = ranking_figures(cells, edges, sums, squares)
    assert found["mean"].value == pytest.approx(gains.mean(), abs=1e-9)
    assert found["at_zero"].value == pytest.approx((gains == 0).mean(), abs=1e-9)
    assert found["tenth"].value == found["tenth"].low == 0
    assert found["median"].value == pytest.approx(np.median(gains), abs=0.02)
    for e in ranking_figures(np.zeros(52), edges, np.zeros(52), np.zeros(52)).values():
        assert np.isnan(e.value)
