import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.statistics.counts import Array
from detectors.statistics.ks import ks_test
from detectors.statistics.mean_vectors import (
    between_windows,
    left_out_departures,
    left_out_squares,
    standing,
)
from detectors.statistics.second_moments import (
    MomentShift,
    least_rows,
    moved_pairs,
    rounding_step,
    second_moment_shift,
)
from tests.statistics.worlds import sample

ROWS = 600


def drawn(rng: np.random.Generator, correlation: Array, rows: int = ROWS) -> Array:
    lower = np.linalg.cholesky(correlation)
    return np.asarray(rng.standard_normal((rows, len(lower))) @ lower.T)


def moments(x: Array) -> Array:
    return np.asarray(x.T @ x / len(x))


def windows(rng: np.random.Generator, correlation: Array, sizes: list[int]) -> tuple[Array, Array]:
    means = [moments(drawn(rng, correlation, n)) for n in sizes]
    return np.array(means), np.array(sizes, float)


def related(rho: float) -> Array:
    matrix = np.eye(4)
    matrix[0, 1] = matrix[1, 0] = rho
    return matrix


@pytest.mark.parametrize("count", [10, 90], ids=["few windows", "many"])
def test_a_lost_correlation_is_seen_though_no_single_column_changed(count):
    rng = np.random.default_rng(1)
    now, before = drawn(rng, related(0.0)), [drawn(rng, related(0.5)) for _ in range(count)]
    shift = second_moment_shift(
        moments(now), ROWS, np.array([moments(x) for x in before]), np.full(count, float(ROWS))
    )
    edges = np.linspace(-2, 2, 9)
    current, reference = (
        sample(*(np.bincount(np.searchsorted(edges, c), minlength=10).tolist() for c in x.T))
        for x in (now, np.concatenate(before))
    )
    assert ks_test(current, reference, np.random.default_rng(2))[1].min() > 0.05
    assert shift.p_value < 0.001
    assert shift.size > 2
    assert moved_pairs(shift, 1)[0][:2] == (0, 1)
    assert moved_pairs(shift, 1)[0][2] < -5


@pytest.mark.parametrize("count", [10, 90], ids=["few windows", "many"])
@pytest.mark.parametrize("sigma", [0.0, 30.0], ids=["no noise", "noise"])
def test_without_a_change_p_is_below_a_level_as_often_as_the_level_says(count, sigma):
    rng, p, sizes = np.random.default_rng(3), [], []
    for _ in range(30):
        sizes_now = rng.integers(200, 900, count).tolist()
        reference, weights = windows(rng, related(0.3), sizes_now)
        blur = rng.normal(0, sigma, reference.shape) / weights[:, None, None]
        for n in (300, 600):
            for _ in range(5):
                now = moments(drawn(rng, related(0.3), n)) + rng.normal(0, sigma, (4, 4)) / n
                found = second_moment_shift(now, n, reference + blur, weights, sigma)
                p.append(found.p_value)
                sizes.append(found.size)
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.085
    assert 0.85 < np.mean(sizes) < 1.2


@pytest.mark.parametrize("count, most", [(10, 0.13), (80, 0.085)], ids=["few windows", "many"])
def test_skewed_columns_are_judged_by_the_windows(count, most):
    rng, p = np.random.default_rng(4), []

    def skewed() -> Array:
        x = (np.exp(rng.standard_normal((300, 3))) - 1.65) / 2.16
        return moments(x * np.minimum(1, 3.5 / np.linalg.norm(x, axis=1, keepdims=True)))

    for _ in range(15):
        reference = np.array([skewed() for _ in range(count)])
        p += [
            second_moment_shift(skewed(), 300, reference, np.full(count, 300.0)).p_value
            for _ in range(20)
        ]
    assert np.mean(np.array(p) < 0.05) < most


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.permutations(range(4)), st.sampled_from([5, 80]))
def test_the_order_of_columns_and_of_windows_does_not_matter(seed, order, count):
    rng = np.random.default_rng(seed)
    reference, rows = windows(rng, related(0.4), [ROWS] * count)
    now = moments(drawn(rng, related(0.2)))
    plain = second_moment_shift(now, ROWS, reference, rows)
    place = np.ix_(order, order)
    mixed = second_moment_shift(now[place], ROWS, reference[::-1, *place], rows)
    assert mixed.p_value == pytest.approx(plain.p_value)
    assert mixed.size == pytest.approx(plain.size)
    np.testing.assert_allclose(mixed.z, plain.z[place], atol=1e-9)


def test_a_left_out_window_is_judged_as_if_it_had_not_been_there():
    rng = np.random.default_rng(6)
    means, weights = rng.normal(size=(9, 3)), rng.uniform(50, 500, 9)
    rest, others = np.delete(means, 4, axis=0), np.delete(weights, 4)
    gap = means[4] - others @ rest / others.sum()
    apart = left_out_departures(means, weights)[4]
    np.testing.assert_allclose(apart, gap**2 / (1 / weights[4] + 1 / others.sum()))
    whole = between_windows(means, weights) * 8
    np.testing.assert_allclose((whole - apart) / 7, between_windows(rest, others))


def test_a_new_window_takes_its_place_among_the_left_out_ones():
    """Two questions are asked, so the smaller p-value counts twice."""
    rng = np.random.default_rng(11)
    matrices, rows = windows(rng, related(0.4), rng.integers(200, 900, 80).tolist())
    i, j = np.triu_indices(4)
    null = left_out_squares(matrices[:, i, j], rows, 0.01)
    rest, others = matrices[1:], rows[1:]
    found = second_moment_shift(matrices[0], float(rows[0]), rest, others)
    np.testing.assert_allclose(found.z[i, j] ** 2, null[0])
    among = left_out_squares(rest[:, i, j], others, 0.01)
    many = standing(float(null[0].mean()), among.mean(axis=1))
    one = standing(float(null[0].max()), among.max(axis=1))
    assert found.p_value == min(1.0, 2 * min(many, one))


def test_p_goes_on_falling_beyond_the_largest_window():
    null = np.random.default_rng(7).chisquare(3, 100)
    p = [standing(v, null) for v in np.linspace(0, 60, 200)]
    assert (np.diff(p) <= 0).all()
    assert p[0] == 1.0 and p[-1] < 1e-4
    assert standing(5.0, np.full(80, 5.0)) == 1.0
    assert standing(6.0, np.full(80, 5.0)) == pytest.approx(1 / 81)


def test_rounding_stays_far_below_the_sampling_error():
    rng = np.random.default_rng(8)
    for n in (1, 11, 200, 5_000, 10**6):
        assert 0.25 < rounding_step(n) * n**0.5 <= 0.5
        assert np.log2(rounding_step(n)) % 1 == 0
    reference, rows = windows(rng, related(0.3), [ROWS] * 90)
    now, step = moments(drawn(rng, related(0.15))), rounding_step(ROWS)
    exact = second_moment_shift(now, ROWS, reference, rows)
    rounded = second_moment_shift(
        np.rint(now / step) * step, ROWS, np.rint(reference / step) * step, rows
    )
    assert rounded.z[0, 1] == pytest.approx(exact.z[0, 1], abs=0.4)


def test_a_window_needs_many_rows_for_each_column():
    assert least_rows(50, 11) == 1_000
    assert least_rows(2, 100) == 100


@pytest.mark.parametrize("count", [5, 90], ids=["few windows", "many"])
def test_a_column_that_never_varied_is_no_news_until_it_varies(count):
    rng = np.random.default_rng(9)
    reference, rows = windows(rng, related(0.3), [ROWS] * count)
    reference[:, 3] = reference[:, :, 3] = 0.0
    now = moments(drawn(rng, related(0.3)))
    still = now.copy()
    still[3] = still[:, 3] = 0.0
    assert second_moment_shift(still, ROWS, reference, rows).p_value > 0.01
    moved = second_moment_shift(now, ROWS, reference, rows)
    assert moved.p_value < 1e-3
    assert moved_pairs(moved, 1)[0][:2] == (3, 3)


NOTHING = {
    "no current rows": (np.eye(2), 0.0, np.array([np.eye(2)] * 3), np.full(3, 50.0)),
    "no reference": (np.eye(2), 50.0, np.empty((0, 2, 2)), np.empty(0)),
    "one reference window": (np.eye(2), 50.0, np.eye(2)[None], np.full(1, 50.0)),
    "empty reference windows": (np.eye(2), 50.0, np.array([np.eye(2)] * 3), np.zeros(3)),
    "not known": (np.full((2, 2), np.nan), 50.0, np.array([np.eye(2)] * 3), np.full(3, 50.0)),
    "reference not known": (np.eye(2), 50.0, np.full((3, 2, 2), np.nan), np.full(3, 50.0)),
    "no columns": (np.empty((0, 0)), 50.0, np.empty((3, 0, 0)), np.full(3, 50.0)),
}


@pytest.mark.parametrize("case", NOTHING)
def test_without_anything_to_compare_nothing_is_said(case):
    found = second_moment_shift(*NOTHING[case])
    assert np.isnan(found.size) and found.p_value == 1.0
    assert np.isnan(found.z).all()
    assert moved_pairs(found, 3) == []


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("count", [2, 80])
def test_windows_that_are_all_the_same_have_not_moved(value, count):
    matrices, rows = np.full((count, 3, 3), value), np.full(count, 50.0)
    found = second_moment_shift(matrices[0], 50.0, matrices, rows)
    assert found.size == 0 and found.p_value == 1.0


def test_negative_noisy_spreads_get_a_stated_answer():
    rng = np.random.default_rng(10)
    matrices = np.eye(2) + rng.normal(0, 3, (80, 2, 2))
    for count in (4, 80):
        found = second_moment_shift(-np.eye(2), 20, matrices[:count], np.full(count, 20.0), 60.0)
        assert 0 < found.p_value <= 1


def test_pairs_are_told_once():
    z = np.array([[1.0, 5.0, -7.0], [5.0, -2.0, 0.0], [-7.0, 0.0, 3.0]])
    pairs = moved_pairs(MomentShift(1.0, 0.5, z), 10)
    assert pairs[:3] == [(0, 2, -7.0), (0, 1, 5.0), (2, 2, 3.0)]
    assert len(pairs) == 6
