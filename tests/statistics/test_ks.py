import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.statistics.counts import NO_NOISE, Sample
from detectors.statistics.ks import DRAWS, FEW, ks_test
from tests.statistics.worlds import GAUSSIAN, LAPLACE, draw, sample


def rng_of(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_gap_is_the_largest_difference_of_cumulative_shares():
    gap, _ = ks_test(sample([50, 30, 20]), sample([40, 20, 40]), rng_of())
    assert gap[0] == pytest.approx(0.2)


@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda n: n.mechanism)
@pytest.mark.parametrize("bins", [5, 20])
def test_false_alarms_come_as_often_as_promised(noise, bins):
    rng, alarms = rng_of(bins), []
    for _ in range(12):  # each call shares its draws between features: average over calls
        shares = rng.dirichlet(np.full(bins, 3.0))
        current, reference = draw(rng, shares, 600, 400, noise), draw(rng, shares, 5000, 400, noise)
        alarms.append((ks_test(current, reference, rng)[1] < 0.05).mean())
    assert 0.035 < np.mean(alarms) < 0.065


def test_many_fine_bins_agree_with_the_test_on_raw_rows():
    rng, told, raw = rng_of(3), [], []
    edges = np.linspace(0, 1, 201)
    for _ in range(40):
        x, r = rng.beta(2, 2.25, 800), rng.beta(2, 2, 4000)
        counts = [np.histogram(v, edges)[0][None].astype(float) for v in (x, r)]
        current, reference = (Sample(c, c.sum(axis=1)) for c in counts)
        told.append(ks_test(current, reference, rng)[1][0])
        raw.append(stats.ks_2samp(x, r).pvalue)
    assert np.corrcoef(np.log(told), np.log(raw))[0, 1] > 0.98
    assert np.median(np.abs(np.array(told) - raw)) < 0.03


def test_small_samples_are_drawn_exactly():
    rng = rng_of(4)
    shares = np.array([0.9, 0.05, 0.05])
    p = np.concatenate(
        [ks_test(draw(rng, shares, 30, 60), draw(rng, shares, 60, 60), rng)[1] for _ in range(12)]
    )
    assert (p < 0.05).mean() < 0.065


def test_far_tails_go_on_falling_below_what_the_draws_can_tell():
    reference = Sample(np.tile(np.full(10, 1000.0), (6, 1)), np.full(6, 10_000.0))
    shift = np.outer(np.linspace(5, 12, 6), np.linspace(-1, 1, 10))
    _, p = ks_test(Sample(100 + shift * 4, np.full(6, 1000.0)), reference, rng_of())
    assert (np.diff(p) <= 0).all()
    assert p[-1] < 1 / (DRAWS + 1) / 100


def test_the_tail_is_about_right_and_not_too_bold():
    rng = rng_of(5)
    shares = np.full(12, 1 / 12)
    p = np.concatenate(
        [
            ks_test(draw(rng, shares, 400, 2000, LAPLACE), draw(rng, shares, 4000, 2000), rng)[1]
            for _ in range(10)
        ]
    )
    assert 0.0003 < (p < 0.001).mean() < 0.002
    assert p.min() > 1e-6
    assert FEW / (DRAWS + 1) > 0.01


def test_the_same_seed_gives_the_same_answer():
    current, reference = draw(rng_of(1), np.full(6, 1 / 6), 300, 20), sample(*[[60.0] * 6] * 20)
    first, second = (ks_test(current, reference, rng_of(9)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), times=st.integers(2, 9))
def test_the_gap_knows_only_shares_and_no_direction(seed, times):
    rng = rng_of(seed)
    x, r = rng.integers(0, 300, (2, 7)).astype(float) + 1
    gap, _ = ks_test(sample(list(x)), sample(list(r)), rng_of())
    for left, right in ((times * x, times * r), (x[::-1], r[::-1]), (r, x)):
        again, _ = ks_test(sample(list(left)), sample(list(right)), rng_of())
        assert again[0] == pytest.approx(gap[0])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), bin_=st.integers(0, 5))
def test_merging_two_bins_never_widens_the_gap(seed, bin_):
    rng = rng_of(seed)
    x, r = rng.integers(0, 300, (2, 7)).astype(float) + 1
    gap, _ = ks_test(sample(list(x)), sample(list(r)), rng_of())
    kept = np.delete(np.arange(7), bin_ + 1)
    current, reference = (sample(list(np.add.reduceat(v, kept))) for v in (x, r))
    coarse, _ = ks_test(current, reference, rng_of())
    assert coarse[0] <= gap[0] + 1e-12
