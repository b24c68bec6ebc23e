import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import NO_NOISE, Array, Noise
from detectors.statistics.quantiles import quantiles

EDGES = np.array([0.0, 10, 20, 50, 100, 200, 500, 1000])
LEVELS = np.array([0.5, 0.95, 0.99])
LAPLACE = Noise("discrete_laplace", 5.0)
cells = hnp.arrays(float, 9, elements=st.integers(-3, 60).map(float))


def counted(values: Array, edges: Array) -> Array:
    place = np.searchsorted(edges, values, side="right")
    return np.bincount(place, minlength=len(edges) + 1).astype(float)


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE], ids=["plain", "noisy"])
def test_the_interval_holds_the_true_quantile_as_often_as_it_says(noise):
    """Durations that lie evenly within each bin, so that the line within a bin is the truth."""
    rng = np.random.default_rng(1)
    shares = np.array([0, 0.1, 0.2, 0.3, 0.2, 0.1, 0.06, 0.04, 0.0])
    truth = np.interp(LEVELS, np.cumsum(shares)[:-1], EDGES)
    tables = rng.multinomial(3000, shares, 2000) + noise.draw(rng, (2000, 9))
    e = quantiles(tables, EDGES, LEVELS, noise, (0.0, np.inf)).estimate
    held = ((e.low <= truth) & (truth <= e.high)).mean(axis=0)
    assert ((held > 0.925) & (held < 0.975)).all(), held


def test_it_agrees_with_the_rows_to_within_a_bin():
    values = np.random.default_rng(2).exponential(120, 20_000)
    fine = np.linspace(0, 1500, 301)
    found = quantiles(counted(values, fine), fine, LEVELS)
    np.testing.assert_allclose(found.estimate.value, np.quantile(values, LEVELS), atol=5)


def test_a_quantile_beyond_the_last_edge_is_told_to_be_at_least_that():
    found = quantiles(np.array([0.0, 90, 0, 0, 0, 0, 0, 0, 10]), EDGES, LEVELS)
    assert found.beyond.tolist() == [0, 1, 1]
    assert found.estimate.value[2] == 1000
    assert found.estimate.high[2] == np.inf
    below = quantiles(np.array([99.0, 1, 0, 0, 0, 0, 0, 0, 0]), EDGES, LEVELS, within=(-5, 2000))
    assert below.beyond[0] == -1
    assert below.estimate.low[0] == -5


@given(cells, st.sampled_from([NO_NOISE, LAPLACE]))
def test_any_counts_get_a_stated_answer_in_order(table, noise):
    e, beyond = quantiles(table, EDGES, LEVELS, noise)
    if table.sum() < 1:
        assert np.isnan(e.value).all()
        assert (beyond == 0).all()
        return
    assert ((e.low <= e.value) & (e.value <= e.high)).all()
    assert (np.diff(e.value) >= 0).all()


@given(cells, cells)
def test_more_rows_of_the_same_narrow_it_and_move_nothing(table, other):
    table = np.abs(table)
    if table.sum() < 1:
        return
    one, many = (quantiles(k * table, EDGES, LEVELS).estimate for k in (1, 10))
    np.testing.assert_allclose(one.value, many.value)
    assert (many.low >= one.low).all()
    assert (many.high <= one.high).all()
    stacked = quantiles(np.stack([table, np.abs(other)]), EDGES, LEVELS).estimate
    np.testing.assert_array_equal(stacked.value[0], one.value)


def test_a_histogram_of_one_edge_only_knows_the_side():
    found = quantiles(np.array([90.0, 10]), np.array([7.0]), np.array([0.5, 0.95]))
    assert found.beyond.tolist() == [-1, 1]
    assert found.estimate.value.tolist() == [7, 7]
