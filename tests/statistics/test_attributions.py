import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.attributions import CONVENTION, importance_weights, ranking_agreement

attributions = hnp.arrays(float, 6, elements=st.floats(0, 10))
distinct = hnp.arrays(float, 6, elements=st.floats(0.01, 10), unique=True)


@given(distinct, st.floats(0.01, 100))
def test_the_same_ranking_agrees_fully_whatever_the_sizes(reference, factor):
    assert ranking_agreement(factor * reference, reference) == pytest.approx(1.0)
    assert ranking_agreement(
        np.argsort(np.argsort(reference)).astype(float), reference
    ) == pytest.approx(1)


@given(attributions, attributions, st.permutations(range(6)))
def test_the_order_of_features_does_not_matter_even_where_they_are_equal(now, before, order):
    plain = ranking_agreement(now.round(), before)
    assert ranking_agreement(now.round()[order], before[order]) == pytest.approx(plain, nan_ok=True)


@given(attributions, distinct)
def test_agreement_lies_between_the_reversed_ranking_and_1(now, before):
    worst = ranking_agreement(-before + before.max(), before)
    assert worst - 1e-9 <= ranking_agreement(now, before) <= 1


def test_the_figure_is_clarifys():
    """Gains of the reference, in the order of the current attributions, over log2(place + 1)."""
    before = np.array([0.5, 0.3, 0.15, 0.05])
    now = np.array([0.1, 0.2, 0.4, 0.3])  # third, fourth, second, first
    order = [2, 3, 1, 0]
    dcg = sum(before[f] / np.log2(place + 2) for place, f in enumerate(order))
    best = sum(before[f] / np.log2(place + 2) for place, f in enumerate(range(4)))
    assert ranking_agreement(now, before) == pytest.approx(dcg / best)
    assert ranking_agreement(now, before) < CONVENTION


def test_two_features_near_the_top_matter_more_than_two_at_the_end():
    before = np.array([8.0, 4.0, 2.0, 1.0])
    top, end = before[[1, 0, 2, 3]], before[[0, 1, 3, 2]]
    assert ranking_agreement(top, before) < ranking_agreement(end, before) < 1


@pytest.mark.parametrize(
    "now, before",
    [([], []), ([0.0, 1.0], [0.0, 0.0]), ([np.nan, 1.0], [1.0, np.nan]), ([1.0], [-0.5])],
    ids=["no feature", "all 0", "none known on both sides", "negative"],
)
def test_without_an_attribution_there_is_no_agreement(now, before):
    assert np.isnan(ranking_agreement(np.array(now), np.array(before)))


def test_a_feature_unknown_on_one_side_is_left_out():
    now, before = np.array([3.0, np.nan, 1.0]), np.array([2.0, 9.0, 4.0])
    assert ranking_agreement(now, before) == ranking_agreement(now[[0, 2]], before[[0, 2]])


@given(attributions, attributions, st.permutations(range(6)))
def test_weights_are_shares_of_drift_times_importance(drift, attribution, order):
    weight = importance_weights(drift, attribution)
    assert (weight >= 0).all()
    assert weight.sum() == pytest.approx(1 if weight.any() else 0)
    np.testing.assert_allclose(importance_weights(drift[order], attribution[order]), weight[order])
    if (drift * attribution).sum() > 1e-6:
        np.testing.assert_allclose(weight, drift * attribution / (drift * attribution).sum())


def test_unknown_importance_is_the_middle_one_and_unknown_drift_weighs_nothing():
    weight = importance_weights(np.array([1.0, 1.0, np.nan]), np.array([2.0, np.nan, 4.0]))
    np.testing.assert_allclose(weight, [0.4, 0.6, 0.0])
    alike = importance_weights(np.array([3.0, 1.0]), np.full(2, np.nan))
    np.testing.assert_allclose(alike, [0.75, 0.25])
    np.testing.assert_allclose(importance_weights(np.array([3.0, 1.0]), np.zeros(2)), [0.75, 0.25])
    assert len(importance_weights(np.array([]), np.array([]))) == 0
    np.testing.assert_array_equal(importance_weights(np.zeros(2), np.ones(2)), 0.0)
