from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import Array
from detectors.statistics.decomposition import Decomposition, decompose
from detectors.statistics.slices import Losses, decisions

periods = hnp.arrays(float, (4, 5), elements=st.integers(0, 80).map(float))
NAMES = ("total", "mix", "within", "mix_by_slice", "within_by_slice")


def decomposed(cells: Array) -> Decomposition:
    return decompose(decisions(*cells[:2]), decisions(*cells[2:]))


def some_rows(cells: Array) -> bool:
    return bool(cells[:2].sum() > 0 and cells[2:].sum() > 0)


@settings(deadline=None)
@given(periods.filter(some_rows))
def test_parts_add_up_to_the_change(cells):
    d = decomposed(cells)
    wrong, right, wrong_before, right_before = cells.sum(axis=1)
    change = wrong / (wrong + right) - wrong_before / (wrong_before + right_before)
    assert d.total.value == pytest.approx(change, abs=1e-12)
    assert d.mix.value + d.within.value == pytest.approx(change, abs=1e-12)
    assert d.mix_by_slice.value.sum() == pytest.approx(d.mix.value, abs=1e-12)
    assert d.within_by_slice.value.sum() == pytest.approx(d.within.value, abs=1e-12)


@settings(deadline=None)
@given(periods.filter(some_rows))
def test_the_formula_is_kitagawas(cells):
    """Written out with shares and means, where every slice is there in both periods."""
    cells = cells + 1
    rows, before = cells[0] + cells[1], cells[2] + cells[3]
    pi1, pi0 = rows / rows.sum(), before / before.sum()
    m1, m0 = cells[0] / rows, cells[2] / before
    d = decomposed(cells)
    assert d.mix.value == pytest.approx(((pi1 - pi0) * (m0 + m1) / 2).sum(), abs=1e-12)
    np.testing.assert_allclose(d.within_by_slice.value, (pi0 + pi1) / 2 * (m1 - m0), atol=1e-12)


@settings(deadline=None)
@given(periods.filter(some_rows), st.permutations(range(5)))
def test_the_order_of_slices_does_not_matter(cells, order):
    plain, mixed = decomposed(cells), decomposed(cells[:, order])
    for name in NAMES[:3]:
        np.testing.assert_allclose(getattr(plain, name), getattr(mixed, name), atol=1e-12)
    for name in NAMES[3:]:
        by_slice = np.array(getattr(plain, name))[:, order]
        np.testing.assert_allclose(by_slice, getattr(mixed, name), atol=1e-12)


@settings(deadline=None)
@given(periods.filter(some_rows), st.integers(2, 9))
def test_more_of_the_same_has_the_same_parts_and_narrower_limits(cells, factor):
    few, many = decomposed(cells), decomposed(factor * cells)
    for name in NAMES:
        one, more = getattr(few, name), getattr(many, name)
        np.testing.assert_allclose(more.value, one.value, atol=1e-12)
        assert (more.high - more.low <= one.high - one.low + 1e-12).all()


@settings(deadline=None)
@given(periods.filter(some_rows), st.integers(1, 9))
def test_cutting_a_slice_into_two_alike_changes_no_total(cells, parts):
    """A slice of twice the rows, and two slices with half of them each."""
    joined, cut = cells.copy(), np.column_stack([cells, parts * cells[:, -1]])
    joined[:, -1] *= 1 + parts
    one, two = decomposed(joined), decomposed(cut)
    for name in NAMES[:3]:
        np.testing.assert_allclose(getattr(one, name).value, getattr(two, name).value, atol=1e-12)


def test_a_slice_that_comes_or_goes_is_all_mix():
    now = decisions(np.array([10.0, 40.0, 0.0]), np.array([90.0, 60.0, 0.0]))
    before = decisions(np.array([10.0, 0.0, 30.0]), np.array([90.0, 0.0, 70.0]))
    d = decompose(now, before)
    np.testing.assert_array_equal(d.within_by_slice.value, 0.0)
    np.testing.assert_array_equal(d.within_by_slice.high[1:], 0.0)
    assert d.mix.value == pytest.approx(0.25 - 0.20)
    np.testing.assert_allclose(d.mix_by_slice.value, [0, 0.5 * (0.4 - 0.225), -0.5 * (0.3 - 0.225)])
    assert (d.mix.low < d.mix.value) and (d.mix.value < d.mix.high)


SHARES, LATER = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.3, 0.3, 0.2, 0.2])
RATES = np.array([0.1, 0.2, 0.1, 0.4])


def drawn(rng: np.random.Generator, shares: Array, rates: Array, rows: int, sd: float) -> Losses:
    held = rng.multinomial(rows, shares)
    wrong = rng.binomial(held, rates)
    blur = rng.normal(0, 1, (2, len(shares))) * sd
    return decisions(wrong + blur[0], held - wrong + blur[1], (sd**2, sd**2))


@pytest.mark.parametrize("sd", [0.0, 8.0], ids=["no noise", "noise"])
@pytest.mark.parametrize("rise", [0.0, 0.05], ids=["mix only", "both"])
def test_intervals_cover_the_truth(sd, rise):
    """0.95, and three standard errors of 800 repeats."""
    rng, now = np.random.default_rng(8), RATES + rise
    centre = (LATER @ now + SHARES @ RATES) / 2
    mix = (LATER - SHARES) * ((RATES + now) / 2 - centre)
    within = (LATER + SHARES) / 2 * rise
    truth = (mix.sum() + within.sum(), mix.sum(), within.sum(), mix, within)
    held: list[list[Any]] = [[] for _ in NAMES]
    for _ in range(800):
        d = decompose(drawn(rng, LATER, now, 1_000, sd), drawn(rng, SHARES, RATES, 3_000, sd))
        for kept, name, true in zip(held, NAMES, truth, strict=True):
            e = getattr(d, name)
            kept.append((e.low <= true) & (true <= e.high))
    for kept, name in zip(held, NAMES, strict=True):
        most = 1.0 if name == "mix_by_slice" else 0.975
        assert (np.mean(kept, axis=0) >= 0.92).all(), name
        assert (np.mean(kept, axis=0) <= most).all(), name


def test_without_the_variance_of_means_the_mix_would_be_too_sure():
    """Every slice alike: all the mix there seems to be is the means' own error."""
    rng = np.random.default_rng(9)
    flat = np.full(4, 0.2)
    held = []
    for _ in range(400):
        d = decompose(drawn(rng, LATER, flat, 500, 0.0), drawn(rng, SHARES, flat, 500, 0.0))
        held.append(d.mix.low <= 0 <= d.mix.high)
    assert np.mean(held) > 0.92


def test_any_loss_can_be_decomposed():
    rng = np.random.default_rng(10)
    loss, place = rng.gamma(2.0, 1.0, 2_000), rng.integers(0, 3, 2_000)
    rows, total, squares = (
        np.bincount(place, w, 3).astype(float) for w in (np.ones(2_000), loss, loss**2)
    )
    d = decompose(Losses(rows, 2 * total, 4 * squares), Losses(rows, total, squares))
    assert d.mix.value == pytest.approx(0)
    assert d.within.value == pytest.approx(loss.mean())
    spread = (loss.var() * 5 / 2_000) ** 0.5
    assert d.total.high - d.total.value == pytest.approx(1.96 * spread, rel=0.02)


EMPTY = {
    "no slice": ([], []),
    "no rows": ([0.0, 0.0], [0.0, 0.0]),
    "not known": ([np.nan, np.nan], [5.0, np.nan]),
    "negative": ([-3.0, -1.0], [1.0, 0.0]),
}


@pytest.mark.parametrize("case", EMPTY)
def test_a_period_without_rows_leaves_nothing_to_say(case):
    wrong, right = (np.array(c, dtype=float) for c in EMPTY[case])
    empty = decisions(wrong, right)
    full = decisions(np.full(len(empty.rows), 5.0), np.full(len(empty.rows), 9.0))
    for d in (decompose(empty, full), decompose(full, empty)):
        for name in NAMES:
            e = getattr(d, name)
            assert np.isnan([e.value, e.low, e.high]).all()
            assert not np.isnan(e.n).any()


def test_slices_lost_in_noise_are_left_out_of_the_period():
    sd = 10.0
    variances = (sd**2, sd**2)
    now = decisions(np.array([300.0, -12.0]), np.array([700.0, 25.0]), variances)
    before = decisions(np.array([200.0, 200.0]), np.array([800.0, 800.0]), variances)
    d = decompose(now, before)
    assert d.total.value == pytest.approx(0.1)
    assert d.within_by_slice.value[1] == 0
    assert d.total.n == 1_000
