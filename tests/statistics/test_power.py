import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from detectors.statistics import power
from detectors.statistics.counts import NO_NOISE, Sample
from detectors.statistics.ks import ks_test
from detectors.statistics.quadratic import quadratic_test
from tests.statistics.worlds import GAUSSIAN, LAPLACE, draw, sample

noises = pytest.mark.parametrize(
    "noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda noise: noise.mechanism
)
REFERENCE = 20_000


@noises
@pytest.mark.parametrize("bins", [2, 5, 20])
def test_q_finds_a_change_of_that_size_four_times_in_five(noise, bins):
    rng, rows = np.random.default_rng(bins), 800
    shares = np.full(bins, 1 / bins)
    size = power.detectable_change(
        draw(rng, shares, rows, 1, noise), draw(rng, shares, REFERENCE, 1, noise)
    )
    moved = shares * (1 + 2 * size * np.where(np.arange(bins) % 2, 1, -1))
    moved /= moved.sum()
    current, reference = (
        draw(rng, moved, rows, 2000, noise),
        draw(rng, shares, REFERENCE, 2000, noise),
    )
    found = (quadratic_test(current, reference)[1] < power.LEVEL).mean()
    assert 0.72 < found < 0.88


@noises
def test_ks_finds_a_shift_of_that_size_four_times_in_five(noise):
    rng, edges = np.random.default_rng(0), np.linspace(-2.5, 2.5, 19)
    shares = np.diff(ndtr(edges), prepend=0, append=1)
    usual = draw(rng, shares, 800, 1, noise), draw(rng, shares, REFERENCE, 1, noise)
    shift = power.detectable_mean_shift(power.detectable_gap(*usual))
    moved = np.diff(ndtr(edges - shift), prepend=0, append=1)
    moved /= moved.sum()
    found = []
    for _ in range(10):
        now, then = draw(rng, moved, 800, 60, noise), draw(rng, shares, REFERENCE, 60, noise)
        found.append(ks_test(now, then, rng)[1] < power.LEVEL)
    assert 0.7 < np.mean(found) < 0.9


@noises
@pytest.mark.parametrize(
    ("rows_for", "detectable"),
    [
        (power.rows_for_gap, power.detectable_gap),
        (power.rows_for_change, power.detectable_change),
    ],
)
@given(size=st.floats(0.05, 0.9))
def test_so_many_rows_show_the_size_and_one_less_does_not(noise, rows_for, detectable, size):
    reference = sample([4000.0] * 5, noise=noise)
    rows = rows_for(size, reference, noise)
    sizes = [
        detectable(Sample(np.full((1, 5), n / 5), n, noise), reference) for n in (rows, rows - 1)
    ]
    assert sizes[0] <= size + 1e-9
    assert sizes[1] > size - 1e-9 or rows <= 2


def test_a_reference_too_small_shows_nothing_however_large_the_window():
    assert power.rows_for_gap(0.01, sample([50.0, 50.0])) == np.inf
    assert power.rows_for_change(0.01, sample([0.0, 0.0])) == np.inf


@pytest.mark.parametrize("bins", [1, 2, 20, 104])
def test_the_reach_of_q_is_known_for_every_number_of_bins(bins):
    assert 1.3 < power.quadratic_reach(bins) < 4


def test_an_empty_window_could_have_seen_nothing():
    empty, usual = sample([0.0, 0.0]), sample([10.0, 10.0])
    assert power.detectable_change(empty, usual) == power.detectable_gap(empty, usual) == 1
