import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from detectors.statistics.counts import Array
from detectors.statistics.random_features import embedding_shift

D, ROWS, BANDWIDTH = 64, 400, 3.0
NORMALS = np.random.Generator(np.random.PCG64(7)).standard_normal((8, D // 2))


def features(x: Array, normals: Array = NORMALS) -> Array:
    angle = x @ (normals / BANDWIDTH)
    return np.asarray(np.hstack([np.cos(angle), np.sin(angle)]) / np.sqrt(normals.shape[1]))


def window(
    rng: np.random.Generator, rows: int = ROWS, shift: float = 0.0, sigma: float = 0.0
) -> Array:
    z = features(rng.standard_normal((rows, 8)) + shift)
    return np.asarray(z.mean(axis=0) + rng.normal(0, sigma, D) / rows)


def windows(rng: np.random.Generator, count: int, sigma: float = 0.0) -> tuple[Array, Array]:
    means = np.array([window(rng, sigma=sigma) for _ in range(count)])
    return means, np.full(count, float(ROWS))


def test_the_distance_is_that_of_the_gaussian_kernel():
    """With many features, MMD^2 as the mean over all pairs of different rows."""
    rng = np.random.default_rng(1)
    many = np.random.default_rng(2).standard_normal((8, 20_000))
    x, y = rng.standard_normal((300, 8)), rng.standard_normal((400, 8)) + 0.3

    def kernel(a: Array, b: Array) -> Array:
        return np.asarray(np.exp(-(cdist(a, b) ** 2) / (2 * BANDWIDTH**2)))

    def within(a: Array) -> float:
        return float(kernel(a, a).sum() - len(a)) / (len(a) * (len(a) - 1))

    direct = within(x) + within(y) - 2 * kernel(x, y).mean()
    current, reference = features(x, many).mean(axis=0), features(y, many).mean(axis=0)
    found = embedding_shift(current, 300, reference[None], np.array([400.0]))
    assert found.mmd2 == pytest.approx(direct, rel=0.05)


def test_sampling_and_noise_are_taken_out_of_the_distance():
    """Where both means are the same, what is left is what was taken out."""
    mean, n, m, sigma = np.full(4, 0.3), 50.0, 80.0, 5.0
    variance = (1 - 4 * 0.09 + 4 * sigma**2 / m**2) * m / (m - 1)
    expected = -variance * (1 / n + 1 / m) - 4 * sigma**2 * (1 / n**2 + 1 / m**2)
    found = embedding_shift(mean, n, mean[None], np.array([m]), sigma)
    assert found.mmd2 == pytest.approx(expected)


@pytest.mark.parametrize("sigma", [0.0, 3.0], ids=["no noise", "noise"])
@pytest.mark.parametrize("count", [30, 90], ids=["some windows", "many"])
def test_without_a_change_the_distance_is_0_on_average_and_p_keeps_its_level(count, sigma):
    rng, p, mmd2 = np.random.default_rng(3), [], []
    for _ in range(25):
        means, weights = windows(rng, count, sigma)
        for rows in (150, 400):
            for _ in range(6):
                now = window(rng, rows, sigma=sigma)
                found = embedding_shift(now, rows, means, weights, sigma)
                p.append(found.p_value)
                mmd2.append(found.mmd2)
    assert 0.015 < np.mean(np.array(p) < 0.05) < 0.09
    assert abs(np.mean(mmd2)) < 4 * np.std(mmd2) / len(mmd2) ** 0.5


@pytest.mark.parametrize("count", [1, 5], ids=["one window", "few"])
def test_with_few_windows_p_is_too_large_rather_than_too_small(count):
    rng = np.random.default_rng(4)
    p = [embedding_shift(window(rng), ROWS, *windows(rng, count)).p_value for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) <= 0.05


@pytest.mark.parametrize("count", [1, 5, 30, 90])
def test_a_cloud_that_moved_is_seen(count):
    rng = np.random.default_rng(5)
    found = embedding_shift(window(rng, shift=0.3), ROWS, *windows(rng, count))
    assert found.mmd2 > 0
    assert found.p_value < 0.01


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.permutations(range(D)), st.sampled_from([1, 5, 30, 90]))
def test_the_order_of_features_and_windows_does_not_matter(seed, order, count):
    rng = np.random.default_rng(seed)
    means, rows = windows(rng, count)
    current = window(rng)
    plain = embedding_shift(current, ROWS, means, rows)
    mixed = embedding_shift(current[order], ROWS, means[::-1, order], rows)
    assert (mixed.mmd2, mixed.p_value) == pytest.approx((plain.mmd2, plain.p_value))


def test_one_merged_reference_window_gives_the_same_distance():
    rng = np.random.default_rng(6)
    means, rows = windows(rng, 8)
    apart = embedding_shift(window(np.random.default_rng(7)), ROWS, means, rows)
    merged = embedding_shift(
        window(np.random.default_rng(7)), ROWS, means.mean(axis=0)[None], rows.sum()[None]
    )
    assert merged.mmd2 == pytest.approx(apart.mmd2)


def test_rows_that_are_all_alike_do_not_differ_and_anything_else_does():
    point = features(np.ones((1, 8)))[0]
    for count in (1, 5, 30, 90):
        reference = np.repeat(point[None], count, axis=0), np.full(count, 100.0)
        same = embedding_shift(point, 100, *reference)
        assert same.p_value == pytest.approx(1) and same.mmd2 == pytest.approx(0, abs=1e-9)
        other = embedding_shift(features(2 * np.ones((1, 8)))[0], 100, *reference)
        assert other.mmd2 > 0.05
        assert other.p_value < 0.05


@pytest.mark.parametrize(
    "current, rows, reference, reference_rows",
    [
        (np.zeros(4), 0.0, np.zeros((2, 4)), np.full(2, 50.0)),
        (np.zeros(4), 50.0, np.empty((0, 4)), np.empty(0)),
        (np.zeros(4), 50.0, np.zeros((2, 4)), np.array([0.0, -3.0])),
        (np.full(4, np.nan), 50.0, np.zeros((2, 4)), np.full(2, 50.0)),
        (np.zeros(4), 50.0, np.full((2, 4), np.nan), np.full(2, 50.0)),
    ],
    ids=["no rows", "no reference", "empty reference", "not known", "reference not known"],
)
def test_without_anything_to_compare_nothing_is_said(current, rows, reference, reference_rows):
    found = embedding_shift(current, rows, reference, reference_rows)
    assert np.isnan(found.mmd2) and found.p_value == 1.0


def test_noise_larger_than_any_signal_is_answered_too():
    rng = np.random.default_rng(8)
    means = rng.normal(0, 5, (90, D))
    for count in (1, 5, 30, 90):
        found = embedding_shift(means[0], 10, means[:count], np.full(count, 10.0), 50.0)
        assert 0 < found.p_value <= 1 and np.isfinite(found.mmd2)
