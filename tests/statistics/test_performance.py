import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.statistics.counts import Array, Noise
from detectors.statistics.performance import (
    auc_estimate,
    calibration_error,
    confusion,
    decision_metrics,
    mcc_of,
    pr_auc_of,
    probability_metrics,
    ranking_metrics,
)

bins = hnp.arrays(float, 5, elements=st.integers(0, 6).map(float))
CUTS = np.array([1, 3])


def rows_of(positives: Array, negatives: Array) -> tuple[Array, Array]:
    """The rows behind the counts: (bin, label) of each."""
    scores = np.concatenate(
        [np.repeat(np.arange(5), c.astype(int)) for c in (positives, negatives)]
    )
    labels = np.repeat([1, 0], [int(positives.sum()), int(negatives.sum())])
    return scores, labels


@given(bins, bins)
def test_every_figure_agrees_with_the_rows_themselves(positives, negatives):
    scores, labels = rows_of(positives, negatives)
    rng = np.random.default_rng(0)
    found = decision_metrics(positives, negatives, CUTS, rng)
    for i, cut in enumerate(CUTS):
        said = scores >= cut
        tp, fp = (said & (labels == 1)).sum(), (said & (labels == 0)).sum()
        fn, tn = (~said & (labels == 1)).sum(), (~said & (labels == 0)).sum()
        expected = {
            "accuracy": (tp + tn, len(labels)),
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
            "specificity": (tn, tn + fp),
            "f1": (2 * tp, 2 * tp + fp + fn),
        }
        for name, (part, whole) in expected.items():
            told = found[name].value[i]
            assert np.isnan(told) if whole == 0 else told == pytest.approx(part / whole)
        with np.errstate(invalid="ignore"):
            correlation = np.corrcoef(said, labels)[0, 1] if len(set(labels)) > 1 else np.nan
        if not np.isnan(correlation) and 0 < said.sum() < len(said):
            assert found["mcc"].value[i] == pytest.approx(correlation)
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, b in itertools.product(scores[labels == 1], scores[labels == 0])
    ]
    auc = ranking_metrics(positives, negatives, rng)["auc"].value
    assert np.isnan(auc) if not pairs else auc == pytest.approx(np.mean(pairs))


@given(bins, bins)
def test_intervals_hold_their_value_and_stay_within_bounds(positives, negatives):
    rng = np.random.default_rng(0)
    found = decision_metrics(positives, negatives, CUTS, rng)
    found |= ranking_metrics(positives, negatives, rng)
    for name, e in found.items():
        told = ~np.isnan(e.value)
        bottom = -1 if name == "mcc" else 0
        ordered = (bottom <= e.low) & (e.low <= e.value) & (e.value <= e.high) & (e.high <= 1)
        assert (ordered | np.isnan(e.low) | ~told).all()
        assert np.isnan(e.low[~told]).all() if e.low.shape else True


def test_a_perfect_model_scores_one_everywhere():
    positives, negatives = np.array([0.0, 0, 0, 50, 50]), np.array([80.0, 20, 0, 0, 0])
    rng = np.random.default_rng(0)
    found = decision_metrics(positives, negatives, np.array([3]), rng)
    found |= ranking_metrics(positives, negatives, rng)
    assert all(np.all(e.value == 1) for e in found.values())


def test_shards_and_groups_add_up_and_stack():
    rng = np.random.default_rng(1)
    positives, negatives = rng.integers(0, 30, (2, 4, 5)).astype(float)
    apart = confusion(positives, negatives, CUTS)
    together = confusion(positives.sum(0), negatives.sum(0), CUTS)
    for a, t in zip(apart, together, strict=True):
        np.testing.assert_allclose(a.sum(axis=0), t)
    one = decision_metrics(positives[2], negatives[2], CUTS, np.random.default_rng(0))
    all_four = decision_metrics(positives, negatives, CUTS, np.random.default_rng(0))
    for name, e in one.items():
        np.testing.assert_allclose(all_four[name].value[2], e.value)


def test_pr_auc_by_hand():
    # From the top: 2 of 2, then 3 of 5, then 4 of 10.
    told = pr_auc_of(np.array([1.0, 1, 2]), np.array([4.0, 2, 0]))
    assert told == pytest.approx((2 * 1 + 1 * 3 / 5 + 1 * 4 / 10) / 4)


def test_delongs_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    f1, f0 = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.3, 0.2, 0.1])
    truth = (f1 * (np.cumsum(f0) - f0 / 2)).sum()
    e = auc_estimate(
        rng.multinomial(60, f1, 4000).astype(float), rng.multinomial(200, f0, 4000).astype(float)
    )
    assert 0.93 < ((e.low <= truth) & (truth <= e.high)).mean() < 0.97


def test_noise_widens_the_intervals():
    positives, negatives = np.array([20.0, 60, 90, 80]), np.array([200.0, 150, 60, 20])
    cuts = np.array([2])
    plain, noisy = (
        decision_metrics(positives, negatives, cuts, np.random.default_rng(0), *noise)
        | ranking_metrics(positives, negatives, np.random.default_rng(0), *noise)
        for noise in ((), (Noise("discrete_laplace", 10.0),))
    )
    for name, e in plain.items():
        assert (noisy[name].high - noisy[name].low >= e.high - e.low).all(), name


def test_brier_and_log_loss_agree_with_the_rows():
    rng = np.random.default_rng(3)
    p = rng.beta(2, 3, 20_000)
    y = rng.random(20_000) < p
    place = np.minimum((p * 50).astype(int), 49)
    positives, negatives, sums, squares = (
        np.bincount(place, w, 50).astype(float) for w in (y, ~y, p, p**2)
    )
    found = probability_metrics(positives, negatives, sums, squares, rng)
    assert found["brier"].value == pytest.approx(((p - y) ** 2).mean(), abs=2e-4)
    log_loss = -np.where(y, np.log(p), np.log1p(-p)).mean()
    assert found["log_loss"].value == pytest.approx(log_loss, abs=1e-3)
    assert found["calibration_error"].value < 0.02
    for e in found.values():
        assert e.low <= e.value <= e.high


def test_brier_is_exact_when_the_positives_scores_are_summed_apart():
    rng = np.random.default_rng(6)
    p = rng.beta(2, 3, 500)
    y = rng.random(500) < p
    place = (p * 3).astype(int)  # few wide bins: nothing but the sums can make it exact
    positives, negatives, sums, squares, of_positives = (
        np.bincount(place, w, 3).astype(float) for w in (y, ~y, p, p**2, p * y)
    )
    found = probability_metrics(
        positives, negatives, sums, squares, rng, positive_sums=of_positives
    )
    assert found["brier"].value == pytest.approx(((p - y) ** 2).mean(), abs=1e-12)


def test_a_calibrated_model_has_no_calibration_error_on_average_however_few_the_rows():
    rng = np.random.default_rng(4)
    mean = np.linspace(0.05, 0.95, 20)
    positives = rng.binomial(50, mean, (3000, 20)).astype(float)
    honest = calibration_error(positives, 50 - positives, mean)
    shifted = calibration_error(positives, 50 - positives, np.clip(mean + 0.1, 0, 1))
    assert np.median(honest) < 0.02
    assert np.median(shifted) == pytest.approx(0.1, abs=0.01)


def test_no_labels_no_figures():
    nothing = np.zeros(4)
    rng = np.random.default_rng(0)
    found = decision_metrics(nothing, nothing, np.array([2]), rng)
    found |= ranking_metrics(nothing, nothing, rng)
    found |= probability_metrics(nothing, nothing, nothing, nothing, rng)
    for e in found.values():
        assert np.isnan(e.value).all()
        assert np.isnan(e.low).all()
        assert (e.n == 0).all()


def test_mcc_of_counts_beyond_32_bits():
    c = confusion(np.array([1e6, 9e6]), np.array([9e6, 1e6]), np.array([1]))
    assert mcc_of(c)[0] == pytest.approx(0.8)
