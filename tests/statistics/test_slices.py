import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from detectors.statistics.counts import Array
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.slices import (
    Losses,
    LossNoise,
    SliceFindings,
    decisions,
    ranking,
    sliceline_score,
    worse_than_before,
    worse_than_rest,
)

Places = npt.NDArray[np.int_]
counts = hnp.arrays(float, (2, 6), elements=st.integers(0, 300).map(float))


def whole(losses: Losses) -> Losses:
    """All rows, if the slices part them."""
    squares = None if losses.squares is None else losses.squares.sum()
    return Losses(losses.rows.sum(), losses.total.sum(), squares)


def of_rows(loss: Array, place: Places, slices: int) -> Losses:
    rows, total, squares = (
        np.bincount(place, w, slices).astype(float) for w in (np.ones(len(loss)), loss, loss**2)
    )
    return Losses(rows, total, squares)


def figures(found: SliceFindings) -> Array:
    return np.array([found.score, *found.effect, found.p_value, found.q_value, found.told])


@settings(deadline=None)
@given(counts, st.permutations(range(6)))
def test_the_order_of_slices_does_not_matter(wrong_right, order):
    plain, mixed = decisions(*wrong_right), decisions(*wrong_right[:, order])
    before = decisions(*(wrong_right[:, ::-1] + 5))
    before_mixed = decisions(*(wrong_right[:, ::-1] + 5)[:, order])
    rest = worse_than_rest(plain, whole(plain)), worse_than_rest(mixed, whole(plain))
    same = (
        worse_than_before(plain, before, plain.rows.sum()),
        worse_than_before(mixed, before_mixed, plain.rows.sum()),
    )
    for one, other in (rest, same):
        np.testing.assert_allclose(figures(one)[:, order], figures(other), rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(counts.map(lambda c: c + 11), st.integers(2, 9))
def test_more_of_the_same_is_the_same_effect_and_score_and_more_evidence(wrong_right, factor):
    few, many = decisions(*wrong_right), decisions(*(factor * wrong_right))
    one, more = worse_than_rest(few, whole(few)), worse_than_rest(many, whole(many))
    np.testing.assert_allclose(more.effect.value, one.effect.value, atol=1e-12)
    np.testing.assert_allclose(more.score, one.score)
    assert (more.effect.high - more.effect.low < one.effect.high - one.effect.low).all()
    clear = one.effect.low > 0
    assert (more.p_value <= one.p_value)[clear].all()


def test_a_share_has_the_p_value_of_the_exact_test():
    """One-sided, counting half of what was seen; 0.0002 and 0.05 are both right."""
    for rows, rest, wrong in [(800, 19_200, 200), (200, 20_000, 1_000), (5_000, 5_000, 700)]:
        law = stats.hypergeom(rows + rest, 2 * wrong, rows)
        for level in (0.05, 2e-4):
            x = float(law.isf(level))
            exact = law.sf(x) + law.pmf(x) / 2
            slices = decisions(np.array([x]), np.array([rows - x]))
            overall = decisions(np.array(2.0 * wrong), np.array(rows + rest - 2.0 * wrong))
            assert worse_than_rest(slices, overall).p_value == pytest.approx(exact, rel=0.15)


def test_other_losses_have_the_p_value_of_welchs_test():
    rng = np.random.default_rng(3)
    loss, place = rng.gamma(2.0, 1.0, 3_000), rng.integers(0, 4, 3_000)
    loss[place == 1] *= 1.1
    slices = of_rows(loss, place, 4)
    found = worse_than_rest(slices, whole(slices))
    for k in range(4):
        rest = loss[place != k]
        welch = stats.ttest_ind(loss[place == k], rest, equal_var=False, alternative="greater")
        assert found.p_value[k] == pytest.approx(welch.pvalue, rel=0.02)
        assert found.effect.value[k] == pytest.approx(loss[place == k].mean() - rest.mean())


def test_the_score_is_slicelines():
    score = sliceline_score(
        np.array([0.2, 0.1]), np.array([100.0, 1000.0]), np.array(0.1), np.array(1e3)
    )
    np.testing.assert_allclose(score, [0.6 * 1 - 0.4 * 9, 0.0])


def test_slices_are_ranked_by_what_is_certain_about_them():
    """The small slice looks worse, the large one is surely bad; the tiny one is not spoken of."""
    slices = decisions(np.array([7.0, 260.0, 10.0, 640.0]), np.array([13.0, 740.0, 0.0, 8_360.0]))
    found = worse_than_rest(slices, whole(slices))
    assert found.effect.value[0] > found.effect.value[1]
    assert list(ranking(found)) == [1, 0, 3, 2]
    assert list(found.told) == [True, True, False, True]


def test_the_q_value_counts_only_slices_that_were_looked_at():
    slices = decisions(np.array([30.0, 40.0, 3.0]), np.array([70.0, 360.0, 2.0]))
    found = worse_than_rest(slices, whole(slices))
    np.testing.assert_allclose(found.q_value[:2], benjamini_hochberg(found.p_value[:2]))
    assert np.isnan(found.q_value[2])


def test_equal_slices_are_called_worse_as_often_as_the_level_says():
    rng = np.random.default_rng(4)
    p = []
    for _ in range(300):
        rows = np.array([60.0, 200.0, 600.0, 5_000.0])
        wrong = rng.binomial(rows.astype(int), 0.07).astype(float)
        slices = decisions(wrong, rows - wrong)
        p.append(worse_than_rest(slices, whole(slices)).p_value)
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.07


def test_a_slice_is_compared_with_itself_in_the_reference():
    before = decisions(np.array([50.0, 300.0]), np.array([450.0, 700.0]))
    now = decisions(np.array([100.0, 300.0]), np.array([400.0, 700.0]))
    found = worse_than_before(now, before, now.rows.sum())
    np.testing.assert_allclose(found.effect.value, [0.1, 0.0])
    assert found.q_value[0] < 1e-4 < 0.4 < found.q_value[1]
    np.testing.assert_allclose(found.score, [0.6 - 0.4 * 2, -0.4 * 0.5])


def test_noise_raises_the_least_rows_and_intervals_still_cover():
    rng, sd = np.random.default_rng(5), 8.0
    rows, rates = np.array([400, 1_500, 8_000]), np.array([0.2, 0.1, 0.1])
    truth = rates - (rates @ rows - rates * rows) / (rows.sum() - rows)
    held = []
    for _ in range(600):
        wrong = rng.binomial(rows, rates)
        blur = rng.normal(0, sd, (2, 3))
        slices = decisions(wrong + blur[0], rows - wrong + blur[1], (sd**2, sd**2))
        overall = decisions(np.array(wrong.sum()), np.array((rows - wrong).sum()))
        effect = worse_than_rest(slices, overall).effect
        held.append((effect.low <= truth) & (truth <= effect.high))
    assert slices.least_rows == pytest.approx(20 * sd * 2**0.5)
    assert ((np.mean(held, axis=0) > 0.93) & (np.mean(held, axis=0) < 0.985)).all()


@pytest.mark.parametrize(
    "wrong, right",
    [
        ([], []),
        ([0.0, 0.0], [0.0, 0.0]),
        ([np.nan, 20.0], [30.0, 20.0]),
        ([20.0], [80.0]),
        ([-5.0, 20.0], [-9.0, 20.0]),
        ([3.0, 2.0], [5.0, 5.0]),
    ],
    ids=["no slice", "no rows", "not known", "all rows in it", "negative", "too few"],
)
def test_without_enough_rows_on_both_sides_nothing_is_said(wrong, right):
    slices = decisions(np.array(wrong), np.array(right))
    overall = whole(slices.kept(~np.isnan(slices.rows)))
    for found in (
        worse_than_rest(slices, overall),
        worse_than_before(slices, slices, np.array(1.0)),
    ):
        untold = ~found.told
        assert np.isnan(figures(found)[[0, 1, 2, 3, 5, 6]][:, untold]).all()
        assert not np.isnan(found.effect.n).any()
        assert len(ranking(found)) == len(wrong)
    assert not worse_than_rest(slices, overall).told[:1].any()


def test_slices_without_a_single_error_have_limits_and_no_score():
    slices = decisions(np.zeros(2), np.array([50.0, 500.0]))
    found = worse_than_rest(slices, whole(slices))
    assert np.isnan(found.score).all()
    assert (found.effect.value == 0).all() and (found.effect.high > 0).all()
    assert (found.p_value >= 0.5).all()


def test_losses_that_happen_to_be_equal_are_not_certain():
    rows = np.array([12.0, 1_000.0])
    slices = Losses(rows, np.array([12.0, 500.0]), np.array([12.0, 500.0]))
    found = worse_than_rest(slices, whole(slices))
    assert 0 < found.p_value[0] < 0.01
    assert found.effect.low[0] < 0.5 < found.effect.high[0]
    constant = Losses(rows, 2 * rows, 4 * rows)
    assert (worse_than_rest(constant, whole(constant)).p_value == 0.5).all()


def test_noise_in_wrong_and_right_disturbs_the_share_as_known():
    noise = decisions(np.array(1.0), np.array(1.0), (3.0, 5.0))
    assert noise.noise == LossNoise(8.0, 3.0, 3.0)
    assert noise.noise_at(np.array(0.2)) == pytest.approx(0.8**2 * 3 + 0.2**2 * 5)
