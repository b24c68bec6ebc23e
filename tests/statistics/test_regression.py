from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics.counts import Array, Noise
from detectors.statistics.regression import (
    Losses,
    error_quantiles,
    estimate_errors,
    fourth_powers,
    learn_losses,
    realised_errors,
)

EDGES = np.linspace(-6, 6, 61)
BINS = 10


def rows(
    rng: np.random.Generator, n: int, low: float = 0.0, high: float = 1.0
) -> tuple[Array, Array]:
    """Predictions, and errors that grow with them."""
    predicted = rng.uniform(low, high, n)
    return predicted, rng.normal(0.1, 0.3 + predicted)


def metered(predicted: Array, error: Array) -> tuple[Losses, Array]:
    place = np.minimum((predicted * BINS).astype(int), BINS - 1)
    losses = (
        np.bincount(place, w, BINS).astype(float)
        for w in (error**0, error, np.abs(error), error**2)
    )
    cells = np.bincount(np.searchsorted(EDGES, error, side="right"), minlength=len(EDGES) + 1)
    return Losses(*losses), cells.astype(float)


@given(st.integers(0, 999), st.integers(2, 300))
def test_mean_errors_are_those_of_the_rows(seed, n):
    predicted, error = rows(np.random.default_rng(seed), n)
    found = realised_errors(*metered(predicted, error), EDGES)
    expected = {
        "me": error.mean(),
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt((error**2).mean()),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-9)
        assert found[name].low <= value <= found[name].high
        assert found[name].n == n


def test_realised_intervals_hold_the_truth_as_often_as_they_say():
    rng, held = np.random.default_rng(1), defaultdict(list)
    _, many = rows(rng, 2_000_000)
    truth = {
        "me": many.mean(),
        "mae": np.abs(many).mean(),
        "rmse": np.sqrt((many**2).mean()),
    }
    for _ in range(1000):
        found = realised_errors(*metered(*rows(rng, 800)), EDGES)
        for name, value in truth.items():
            held[name].append(found[name].low <= value <= found[name].high)
    for name, inside in held.items():
        assert 0.93 < np.mean(inside) < 0.97, name


def test_error_quantiles_are_those_of_the_rows():
    _, error = rows(np.random.default_rng(2), 20_000)
    _, cells = metered(np.zeros(20_000), error)
    median, size = error_quantiles(cells, EDGES)
    assert median.estimate.value[0] == pytest.approx(np.median(error), abs=0.02)
    assert size.estimate.value[0] == pytest.approx(np.quantile(np.abs(error), 0.9), abs=0.03)
    assert size.estimate.low[0] < size.estimate.value[0] < size.estimate.high[0]


def test_the_size_of_errors_is_only_bounded_where_the_histogram_ends():
    lopsided = np.array([0.0, 50, 50, 0])  # nothing tells how far below 0 the negative ones lie
    median, size = error_quantiles(lopsided, np.array([0.0, 1.0, 2.0]))
    assert median.beyond[0] == 0
    assert (size.estimate.value[0], size.beyond[0]) == (0, 1)


def test_the_estimate_foresees_larger_errors_where_predictions_moved():
    rng = np.random.default_rng(3)
    reference = metered(*rows(rng, 50_000))
    expected, before = learn_losses(*reference, EDGES), realised_errors(*reference, EDGES)
    losses, cells = metered(*rows(rng, 100_000, 0.6, 1.0))
    told, came = estimate_errors(expected, losses.rows), realised_errors(losses, cells, EDGES)
    for name in ("mae", "rmse"):
        assert told[name].value == pytest.approx(float(came[name].value), rel=0.015)
        assert told[name].value > 1.2 * before[name].value


@pytest.mark.parametrize("noise", [Noise(), Noise("discrete_laplace", 5.0)], ids=["plain", "noisy"])
@pytest.mark.parametrize("learned", [1_000, 20_000])
def test_its_band_holds_what_comes_as_often_as_it_says(learned, noise):
    rng, held = np.random.default_rng(4), defaultdict(list)
    for _ in range(300):
        expected = learn_losses(*metered(*rows(rng, learned)), EDGES)
        for _ in range(2):
            predicted, error = rows(rng, 1_000, 0.3, 1.0)
            losses, _ = metered(predicted, error)
            told = estimate_errors(expected, losses.rows + noise.draw(rng, (BINS,)), noise)
            came = {"mae": np.abs(error).mean(), "rmse": np.sqrt((error**2).mean())}
            for name, value in came.items():
                held[name].append(told[name].low <= value <= told[name].high)
    for name, inside in held.items():
        assert 0.92 < np.mean(inside) < 0.98, name


def test_a_bin_that_the_reference_hardly_saw_asks_its_neighbours():
    rows = np.array([1000.0, 1000, 2, 0, 0])
    losses = Losses(rows, 0 * rows, rows * [1.0, 2, 50, 0, 0], rows * [1.0, 4, 2500, 0, 0])
    expected = learn_losses(losses, np.zeros(62), EDGES)
    np.testing.assert_allclose(expected.absolute[:2], [1, 2])
    assert 2 < expected.absolute[2] < 2.2
    assert not np.isnan(expected.absolute).any()


@given(st.permutations(range(4)), st.integers(1, 5))
def test_shards_add_up_and_scale_moves_no_value(order, k):
    shards = [metered(*rows(np.random.default_rng(i), 50)) for i in range(4)]

    def summed(which: Iterable[int]) -> tuple[Losses, Array]:
        losses = Losses(*np.sum([shards[i][0] for i in which], axis=0))
        return losses, np.sum([shards[i][1] for i in which], axis=0)

    losses, cells = summed(range(4))
    one = realised_errors(*summed(order), EDGES)
    more = realised_errors(Losses(*(k * part for part in losses)), k * cells, EDGES)
    for name, e in realised_errors(losses, cells, EDGES).items():
        assert one[name].value == pytest.approx(float(e.value), abs=1e-12)
        assert more[name].value == pytest.approx(float(e.value), abs=1e-12)
        assert more[name].high - more[name].low <= e.high - e.low + 1e-12


def test_nothing_known_is_nothing_told():
    nothing, cells = Losses(*np.zeros((4, BINS))), np.zeros(62)
    for e in realised_errors(nothing, cells, EDGES).values():
        assert np.isnan(e.value)
        assert e.n == 0
    for found in error_quantiles(cells, EDGES):
        assert np.isnan(found.estimate.value).all()
    known = learn_losses(*metered(*rows(np.random.default_rng(1), 100)), EDGES)
    unknown = learn_losses(nothing, cells, EDGES)
    for expected, counts in (
        (unknown, np.ones(BINS)),
        (known, np.zeros(BINS)),
        (known, -cells[:10]),
    ):
        for e in estimate_errors(expected, counts).values():
            assert np.isnan(e.value)
            assert np.isnan(e.low)


def test_fourth_powers_are_near_those_of_the_rows():
    _, error = rows(np.random.default_rng(5), 50_000)
    _, cells = metered(np.zeros(50_000), error)
    assert fourth_powers((error**2).sum(), cells, EDGES) == pytest.approx(
        (error**4).sum(), rel=0.03
    )
