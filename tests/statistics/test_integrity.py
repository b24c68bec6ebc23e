import numpy as np
import pytest
from scipy import special

from detectors.statistics.counts import NO_NOISE, Noise, Sample
from detectors.statistics.integrity import (
    columns_gone,
    rate_change,
    volume_gone,
    volume_interval,
)
from detectors.statistics.ks import ks_test
from detectors.statistics.power import (
    detectable_gap,
    detectable_mean_shift,
    detectable_share_change,
)
from tests.statistics.worlds import LAPLACE, draw, sample


def test_a_rate_that_jumped_stands_out_and_one_that_did_not_does_not():
    current = Sample(np.array([60.0, 10.0]), np.array([1000.0, 1000.0]))
    reference = Sample(np.array([1000.0, 1000.0]), np.array([100_000.0, 100_000.0]))
    told = rate_change(current, reference)
    np.testing.assert_allclose(told.rate.value, [0.06, 0.01])
    np.testing.assert_allclose(told.change.value, [0.05, 0.0])
    assert told.p_value[0] < 1e-6 < 0.5 < told.p_value[1]
    assert told.change.low[0] > 0.03 > 0 > told.change.low[1]


def test_noise_makes_a_rate_less_certain():
    current, reference = np.array([30.0]), np.array([1000.0])
    plain, noisy = (
        rate_change(
            Sample(current, np.array([1000.0]), n), Sample(reference, np.array([100_000.0]), n)
        )
        for n in (NO_NOISE, Noise("discrete_laplace", 10.0))
    )
    assert noisy.p_value > plain.p_value
    assert noisy.rate.high - noisy.rate.low > plain.rate.high - plain.rate.low


@pytest.mark.parametrize(("jitter", "windows"), [(0.0, 60), (0.1, 60), (0.1, 12), (0.3, 200)])
def test_volume_alarms_come_seldom_and_gaps_are_seen(jitter, windows):
    rng = np.random.default_rng(windows)
    wrong = 0
    for _ in range(400):
        volumes = rng.poisson(2000 * np.exp(rng.normal(0, jitter, windows + 1)))
        low, high = volume_interval(volumes[:-1], 0.01)
        wrong += not low <= volumes[-1] <= high
        assert jitter > 0.2 or low > 100
    assert wrong / 400 < 0.03


def test_a_few_odd_windows_do_not_blunt_the_interval():
    volumes = np.r_[np.full(40, 1000.0) + np.arange(40), 5.0, 90_000.0]
    low, high = volume_interval(volumes)
    assert 700 < low < 1000 < high < 1400


@pytest.mark.parametrize("volumes", [[], [7.0]])
def test_one_window_says_nothing_about_volume(volumes):
    assert volume_interval(np.array(volumes)) == (0, float("inf"))


def test_gone_is_gone():
    missing, n = np.array([100.0, 99.0, 0.0, 100.0]), np.array([100.0, 100.0, 0.0, 100.0])
    ref_missing, m = np.array([5.0, 5.0, 5.0, 1000.0]), np.full(4, 1000.0)
    np.testing.assert_array_equal(
        columns_gone(missing, n, ref_missing, m), [True, False, False, False]
    )
    assert volume_gone(0)
    assert not volume_gone(1)


def test_what_a_window_could_have_shown_it_shows_four_times_in_five():
    rng = np.random.default_rng(0)
    reference = draw(rng, np.full(40, 0.025), 20_000, 300)
    rows = draw(rng, np.full(40, 0.025), 1500, 300)
    shift = detectable_mean_shift(detectable_gap(rows, reference))[0]
    edges = special.ndtri(np.arange(41) / 40)
    moved = draw(rng, np.diff(special.ndtr(edges - shift)), 1500, 300)
    found = (ks_test(moved, reference, rng)[1] < 0.05).mean()
    assert 0.7 < found < 0.9


def test_less_data_or_more_noise_shows_less():
    small, big = sample([10.0] * 10), sample([1000.0] * 10)
    noisy = sample([1000.0] * 10, noise=LAPLACE)
    p = np.array([0.3])
    for least in (detectable_gap, lambda x, r: detectable_share_change(p, x, r)):
        assert least(small, big) > least(noisy, big) > least(big, big)
        assert least(sample([0.0] * 10), big) == 1
    assert np.isinf(detectable_mean_shift(np.array([1.0])))
