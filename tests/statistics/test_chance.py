from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.statistics import effects
from detectors.statistics.chance import A, B, chance_limits
from detectors.statistics.counts import NO_NOISE, Array, Sample
from tests.statistics.test_contract import DEGENERATE
from tests.statistics.worlds import GAUSSIAN, LAPLACE, draw, sample

SIZES = ("wasserstein", "total_variation", "psi", "hellinger", "jensen_shannon")
noises = pytest.mark.parametrize(
    "noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda noise: noise.mechanism
)


def limits_of(current: Sample, reference: Sample, steps: Array | None = None) -> dict[str, Array]:
    return chance_limits(current, reference, np.random.default_rng(5), steps)


def chosen(whole: Sample, columns: Any) -> Sample:
    return Sample(whole.counts[columns], whole.totals[columns], whole.noise)


@noises
@pytest.mark.parametrize(("rows", "bins"), [(60, 10), (500, 20), (5000, 50)])
def test_without_a_change_a_size_exceeds_its_limit_one_time_in_twenty(noise, rows, bins):
    """Each call shares its draws between columns: average over calls."""
    rng, beyond = np.random.default_rng(bins), []
    for _ in range(25):
        shares = rng.dirichlet(np.full(bins, 3.0))
        current, reference = (
            draw(rng, shares, rows, 40, noise),
            draw(rng, shares, 20_000, 40, noise),
        )
        limits = chance_limits(current, reference, rng)
        beyond.append(
            [(getattr(effects, s)(current.counts, reference.counts) > limits[s]) for s in SIZES]
        )
    rate = np.mean(beyond, axis=(0, 2))
    assert (rate < 0.08).all(), rate
    if rows >= 10 * bins:
        assert (rate > 0.025).all(), rate


def test_fewer_rows_and_more_noise_raise_every_limit():
    shares = np.full(10, 100.0)
    few, many = sample(list(shares)), sample(list(50 * shares))
    noisy = sample(list(shares), noise=LAPLACE)
    for size in SIZES:
        quiet = limits_of(many, many)[size]
        assert quiet < limits_of(few, many)[size] < limits_of(noisy, many)[size]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_columns_do_not_know_each_other(seed):
    """Also across the borders of what is simulated together."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(30))
    current, reference = draw(rng, shares, 400, 80), draw(rng, shares, 3000, 80)
    order = rng.permutation(80)
    whole = limits_of(current, reference)
    mixed = limits_of(chosen(current, order), chosen(reference, order))
    alone = limits_of(chosen(current, [70]), chosen(reference, [70]))
    for size in SIZES:
        np.testing.assert_allclose(whole[size][order], mixed[size], rtol=1e-5)
        np.testing.assert_allclose(whole[size][[70]], alone[size], rtol=1e-5)


@pytest.mark.parametrize("factor", [1e-200, 1.0, 1e60])
def test_wasserstein_has_the_units_of_its_steps(factor):
    current, reference = sample([30, 50, 20]), sample([300, 500, 200])
    once = limits_of(current, reference, np.array([[1.0, 4.0]]))
    scaled = limits_of(current, reference, np.array([[1.0, 4.0]]) * factor)
    np.testing.assert_allclose(scaled["wasserstein"], once["wasserstein"] * factor)
    assert scaled["psi"] == once["psi"]


@pytest.mark.parametrize("rows", [1e3, 1e6, 1e9, 1e12])
def test_limits_fall_with_the_root_of_the_rows_however_many(rows):
    """Single precision must not drown what is simulated."""
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    one = Sample(shares[None] * rows, np.array([rows]))
    limits = limits_of(one, one)
    for size, root in zip(SIZES, (1, 1, 0.5, 1, 1), strict=True):
        assert 0.5 < limits[size][0] ** root * np.sqrt(rows) < 5


@noises
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_counts_have_limits_or_none(case, noise):
    x, r = (np.array([row]) for row in DEGENERATE[case])
    current, reference = Sample(x, x.sum(axis=1), noise), Sample(r, r.sum(axis=1), noise)
    empty = x.sum() < 1 or r.sum() < 1
    for size, limit in limits_of(current, reference).items():
        assert np.isnan(limit).all() == empty
        assert empty or (limit >= 0).all(), size


def test_a_single_bin_cannot_move():
    one = sample([50.0])
    assert all(limit == 0 for limit in limits_of(one, one).values())


def test_jensen_shannon_is_hellinger_times_a_simple_factor():
    t = np.linspace(0, 0.999, 200)
    p, q = np.stack([1 + t, 1 - t], axis=1), np.stack([1 - t, 1 + t], axis=1)
    u = np.sqrt(1 - t**2)
    simple = effects.hellinger(p, q) ** 2 * (1 + A * u + B * u**2)
    np.testing.assert_allclose(simple, effects.jensen_shannon(p, q) ** 2, rtol=0.02, atol=1e-12)
