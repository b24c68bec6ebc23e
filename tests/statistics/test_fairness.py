import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import Array
from detectors.statistics.estimate import Estimate
from detectors.statistics.fairness import (
    Rates,
    equalised_odds,
    group_rates,
    impact_ratios,
    largest_difference,
    outcome_rates,
    rates,
    ratio_interval,
    smallest_ratio,
)
from detectors.statistics.performance import Confusion
from detectors.statistics.proportions import newcombe, wilson

cells = hnp.arrays(float, (4, 5), elements=st.integers(0, 60).map(float))
pairs = hnp.arrays(float, (2, 4), elements=st.integers(0, 60).map(float))
TRUTHS = {
    "two groups": np.array([0.3, 0.4]),
    "two equal groups": np.array([0.3, 0.3]),
    "many groups": np.array([0.2, 0.25, 0.3, 0.3, 0.35, 0.4]),
    "many equal groups": np.full(8, 0.3),
}
BY_CHANCE = 0.065  # 0.05, and two standard errors of 800 independent draws


def drawn(truth: Array, rows: int = 300, times: int = 800) -> list[Rates]:
    rng = np.random.default_rng(5)
    return [rates(x, rows - x) for x in rng.binomial(rows, truth, (times, len(truth)))]


def covered(found: list[Estimate], truth: float | Array) -> float:
    return float(np.mean([(e.low <= truth) & (truth <= e.high) for e in found]))


@settings(deadline=None)
@given(cells)
def test_every_figure_agrees_with_the_rows_themselves(counts):
    """Rows are (group, said, label); a group without rows for a rate has none."""
    kinds = list(itertools.product([True, False], repeat=2))
    rows = [
        (group, said, label)
        for (said, label), line in zip(kinds, counts, strict=True)
        for group, n in enumerate(line)
        for _ in range(int(n))
    ]
    group, said, label = np.array(rows or np.empty((0, 3)), int).T
    tp, fp, fn, tn = counts
    found = outcome_rates(Confusion(tp, fp, tn, fn)) | {"selected": rates(tp + fp, fn + tn)}
    questions = {
        "tpr": (said, label == 1),
        "fpr": (said, label == 0),
        "ppv": (label, said == 1),
        "accuracy": (said == label, said >= 0),
        "selected": (said, said >= 0),
    }
    for name, (hit, among) in questions.items():
        direct = {g: hit[among & (group == g)].mean() for g in range(5) if any(among[group == g])}
        told = group_rates(found[name]).value
        np.testing.assert_allclose(told, [direct.get(g, np.nan) for g in range(5)], atol=1e-12)
        if len(direct) < 2:
            assert np.isnan(largest_difference(found[name]).value)
            continue
        lowest, highest = min(direct.values()), max(direct.values())
        assert largest_difference(found[name]).value == pytest.approx(highest - lowest, abs=1e-12)
        if highest > 0:
            assert smallest_ratio(found[name]).value == pytest.approx(lowest / highest, abs=1e-12)
            impact = np.array([direct.get(g, np.nan) for g in range(5)]) / highest
            np.testing.assert_allclose(impact_ratios(found[name]).value, impact, atol=1e-12)
    apart = [largest_difference(found[name]).value for name in ("tpr", "fpr")]
    odds = equalised_odds(found["tpr"], found["fpr"]).value
    np.testing.assert_allclose(odds, np.maximum(*apart), atol=1e-12)


@settings(deadline=None)
@given(pairs, st.sampled_from([0.0, 50.0, 5000.0]))
def test_intervals_hold_their_value_and_stay_within_bounds(counts, variance):
    r = rates(counts[0], counts[1], (variance, variance), 11)
    for found in (group_rates(r), largest_difference(r), smallest_ratio(r), impact_ratios(r)):
        told = ~np.isnan(found.value)
        ordered = (found.low >= 0) & (found.low <= found.value + 1e-12)
        assert (ordered & (found.value <= found.high + 1e-12) & (found.high <= 1))[told].all()
        assert (np.isnan(found.low) & np.isnan(found.high))[~told].all()
        assert not np.isnan(found.n).any()


@given(pairs, st.permutations(range(4)))
def test_the_order_of_groups_does_not_matter(counts, order):
    plain, mixed = rates(*counts), rates(*counts[:, order])
    for figure in (largest_difference, smallest_ratio):
        np.testing.assert_allclose(figure(plain)[:3], figure(mixed)[:3])
    for by_group in (group_rates, impact_ratios):
        np.testing.assert_allclose(
            [part[order] for part in by_group(plain)[:3]], by_group(mixed)[:3]
        )


def test_between_two_groups_the_intervals_are_the_known_ones():
    hits, rows = np.array([45.0, 30.0]), np.array([100.0, 110.0])
    r = rates(hits, rows - hits)
    value, low, high = newcombe(hits[0], rows[0], hits[1], rows[1])
    np.testing.assert_allclose(largest_difference(r)[:3], (value, low, high))
    share = np.stack(wilson(hits, rows))
    limits = ratio_interval(share[:, 1], share[:, 0])
    np.testing.assert_allclose(smallest_ratio(r)[1:3], limits)
    np.testing.assert_allclose([part[1] for part in impact_ratios(r)[1:3]], limits)


def test_for_large_counts_the_ratio_has_the_limits_of_katz():
    hits, rows = np.array([3_000.0, 4_000.0]), np.array([10_000.0, 10_000.0])
    share = np.stack(wilson(hits, rows))
    spread = np.sqrt((1 / hits - 1 / rows).sum())
    katz = hits[0] / hits[1] * np.exp([-1.96 * spread, 1.96 * spread])
    np.testing.assert_allclose(ratio_interval(share[:, 0], share[:, 1]), katz, rtol=1e-3)


@pytest.mark.parametrize("name", TRUTHS)
def test_intervals_cover_the_truth_as_often_as_they_say(name):
    """With more than two groups they are cautious: more often, never less."""
    truth = TRUTHS[name]
    samples = drawn(truth)
    most = 0.97 if name == "two groups" else 1.0
    gap, ratio = truth.max() - truth.min(), truth.min() / truth.max()
    assert 0.935 <= covered([largest_difference(r) for r in samples], gap) <= most
    assert 0.935 <= covered([smallest_ratio(r) for r in samples], ratio) <= most
    assert covered([impact_ratios(r) for r in samples], truth / truth.max()) >= 0.935


def test_many_equal_groups_do_not_differ_by_chance():
    """The widest of 28 pairs excludes 0 far more often than one pair would; this one does not."""
    samples = drawn(TRUTHS["many equal groups"])
    assert np.mean([largest_difference(r).low > 0 for r in samples]) < BY_CHANCE
    assert np.mean([smallest_ratio(r).high < 1 for r in samples]) < BY_CHANCE


def test_equalised_odds_differ_by_chance_no_more_often_than_one_figure_would():
    samples = drawn(np.full(4, 0.3), times=1600)
    found = [equalised_odds(a, b) for a, b in zip(samples[::2], samples[1::2], strict=True)]
    assert np.mean([e.low > 0 for e in found]) < BY_CHANCE


def test_noise_widens_every_interval_and_they_still_cover():
    rng = np.random.default_rng(6)
    truth, rows, sd = np.array([0.2, 0.35]), 400, 10.0
    plain, noisy = [], []
    for x in rng.binomial(rows, truth, (800, 2)):
        blur = rng.normal(0, sd, (2, 2))
        plain.append(rates(x + blur[0], rows - x + blur[1]))
        noisy.append(rates(x + blur[0], rows - x + blur[1], (sd**2, sd**2)))
    assert covered([largest_difference(r) for r in plain], 0.15) < 0.9
    assert 0.93 < covered([largest_difference(r) for r in noisy], 0.15) < 0.97
    assert 0.93 < covered([smallest_ratio(r) for r in noisy], 0.2 / 0.35) < 0.97


def test_a_small_group_gets_no_figure_and_is_not_compared():
    hits, misses = np.array([30.0, 45.0, 9.0]), np.array([70.0, 55.0, 1.0])
    r = rates(hits, misses, min_count=11)
    assert np.isnan(group_rates(r).value[2])
    assert np.isnan(impact_ratios(r).value[2])
    assert largest_difference(r).value == pytest.approx(0.15)
    np.testing.assert_allclose(
        largest_difference(r), largest_difference(rates(hits[:2], misses[:2]))
    )


@pytest.mark.parametrize(
    "hits, misses",
    [([], []), ([5.0], [6.0]), ([0.0, 0.0], [0.0, 0.0]), ([5.0, np.nan], [6.0, np.nan])],
    ids=["no group", "one group", "no rows", "one group known"],
)
def test_without_two_groups_there_is_nothing_to_compare(hits, misses):
    r = rates(np.array(hits), np.array(misses))
    for found in (largest_difference(r), smallest_ratio(r), equalised_odds(r, r), impact_ratios(r)):
        assert np.isnan(np.ravel(found[:3])).all()
        assert not np.isnan(found.n).any()


def test_where_nobody_is_selected_there_is_no_difference_and_no_ratio():
    r = rates(np.zeros(3), np.array([50.0, 60.0, 70.0]))
    assert largest_difference(r).value == 0
    assert 0 < largest_difference(r).high < 0.15
    assert np.isnan(smallest_ratio(r).value)
    assert np.isnan(impact_ratios(r).value).all()


def test_a_group_of_which_nobody_is_selected_has_a_ratio_with_limits():
    r = rates(np.array([0.0, 30.0]), np.array([60.0, 30.0]))
    assert smallest_ratio(r).value == smallest_ratio(r).low == 0
    assert 0 < smallest_ratio(r).high < 0.2


def test_negative_noisy_counts_give_shares_within_bounds():
    r = rates(np.array([-4.0, 120.0]), np.array([90.0, -7.0]), (200.0, 200.0))
    np.testing.assert_array_equal(group_rates(r).value, [0.0, 1.0])
    assert largest_difference(r).value == 1
