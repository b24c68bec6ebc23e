from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.statistics.cbpe import (
    Calibration,
    calibrate,
    estimate_performance,
    expected_confusion,
)
from detectors.statistics.counts import Array, Mask, Noise

EDGES = np.linspace(0, 1, 51)
CUTS = np.array([25, 40])


def rows(rng: np.random.Generator, n: int, a: float = 2.0, b: float = 3.0) -> tuple[Array, Mask]:
    """Scores and labels of a model that is a little too sure of itself."""
    score = rng.beta(a, b, n)
    truth = 0.5 + 0.8 * (score - 0.5)
    return score, rng.random(n) < truth


def binned(score: Array, label: Mask) -> tuple[Array, Array, Array]:
    place = np.minimum((score * 50).astype(int), 49)
    positives, negatives, sums = (
        np.bincount(place, w, 50).astype(float) for w in (label, ~label, score)
    )
    return positives, negatives, sums


@pytest.fixture(name="calibration", scope="module")
def from_reference() -> Calibration:
    rng = np.random.default_rng(1)
    return calibrate(*binned(*rows(rng, 50_000)), rng)


def test_it_foresees_what_the_labels_will_say_on_shifted_scores(calibration):
    rng = np.random.default_rng(2)
    score, label = rows(rng, 200_000, 3.0, 2.0)
    positives, negatives, sums = binned(score, label)
    told = estimate_performance(calibration, positives + negatives, sums, CUTS, rng)
    for i, cut in enumerate(EDGES[CUTS]):
        said = score >= cut
        realised = {
            "accuracy": (said == label).mean(),
            "precision": label[said].mean(),
            "recall": said[label].mean(),
            "f1": 2 * (said & label).sum() / (said.sum() + label.sum()),
        }
        for name, value in realised.items():
            assert told[name].value[i] == pytest.approx(value, abs=0.01), name


def test_its_band_covers_what_comes_as_often_as_it_says(calibration):
    rng, hits = np.random.default_rng(3), defaultdict(list)
    for _ in range(150):
        positives, negatives, sums = binned(*rows(rng, 2000))
        told = estimate_performance(calibration, positives + negatives, sums, CUTS[:1], rng)
        wrong = positives[25:].sum(), negatives[25:].sum(), positives[:25].sum()
        accuracy = 1 - (wrong[1] + wrong[2]) / 2000
        f1 = 2 * wrong[0] / (2 * wrong[0] + wrong[1] + wrong[2])
        below = np.cumsum(negatives) - negatives / 2
        auc = (positives * below).sum() / (positives.sum() * negatives.sum())
        for name, value in {"accuracy": accuracy, "f1": f1, "auc": auc}.items():
            hits[name].append(told[name].low[0] <= value <= told[name].high[0])
    for name, inside in hits.items():
        assert 0.88 < np.mean(inside) <= 1.0, name


@pytest.mark.parametrize("noise", [Noise(), Noise("discrete_laplace", 1.0)], ids=["plain", "noisy"])
def test_its_band_knows_how_little_a_small_reference_knows(noise):
    """References of 2,000 rows, windows of 5,000 whose scores lie where the reference had few."""
    rng, hits = np.random.default_rng(6), defaultdict(list)
    for _ in range(80):
        learned, window = binned(*rows(rng, 2000)), binned(*rows(rng, 5000, 3.0, 2.0))
        positives, negatives, sums = (part + noise.draw(rng, part.shape) for part in learned)
        known = calibrate(positives, negatives, sums, rng, noise)
        positives, negatives, sums = window
        counts = positives + negatives + noise.draw(rng, (50,))
        told = estimate_performance(known, counts, sums, CUTS[:1], rng, noise=noise)
        right = positives[25:].sum() + negatives[:25].sum()
        f1 = (
            2
            * positives[25:].sum()
            / (positives.sum() + positives[25:].sum() + negatives[25:].sum())
        )
        for name, value in {"accuracy": right / 5000, "f1": f1}.items():
            hits[name].append(told[name].low[0] <= value <= told[name].high[0])
    for name, inside in hits.items():
        assert 0.87 < np.mean(inside) <= 1.0, name


@given(st.integers(2, 50))
@settings(deadline=None, max_examples=10)
def test_more_of_the_same_moves_no_value(calibration, k):
    positives, negatives, sums = binned(*rows(np.random.default_rng(7), 500))
    counts = positives + negatives
    one, many = (
        estimate_performance(calibration, k * counts, k * sums, CUTS, np.random.default_rng(0))
        for k in (1, k)
    )
    for name, e in one.items():
        np.testing.assert_allclose(many[name].value, e.value)
        assert (e.low <= e.value).all()
        assert (e.value <= e.high).all()


@pytest.mark.parametrize("bins", [1, 2])
def test_scores_in_a_bin_or_two_and_labels_that_all_agree(bins):
    rng = np.random.default_rng(8)
    counts, none = np.full(bins, 40.0), np.zeros(bins)
    for positives, negatives in ((counts, none), (none, counts)):
        known = calibrate(positives, negatives, counts * np.arange(bins), rng)
        told = estimate_performance(
            known, counts, counts * np.arange(bins), np.array([bins - 1]), rng
        )
        assert told["positive_rate"].value[0] == pytest.approx(float(positives.any()), abs=0.02)
        assert told["positive_rate"].low[0] <= told["positive_rate"].high[0]


def test_the_confusion_matrix_accounts_for_every_row(calibration):
    counts = np.arange(50.0)
    c = expected_confusion(calibration, counts, counts * (np.arange(50) + 0.5) / 50, CUTS)
    np.testing.assert_allclose(c.tp + c.fp + c.tn + c.fn, counts.sum())


def test_calibration_rises_with_the_score_and_fills_empty_bins():
    positives = np.array([5.0, 1.0, 0.0, 30.0])
    calibration = calibrate(
        positives, np.array([35.0, 39, 0, 10]), np.array([4.0, 12, 0, 30]), np.random.default_rng(0)
    )
    assert (np.diff(calibration.probability) >= 0).all()
    assert 0.075 <= calibration.probability[2] <= 0.75
    assert (np.diff(calibration.draws, axis=1) >= -1e-12).all()


def test_scores_that_moved_within_a_bin_are_taken_at_their_new_place(calibration):
    counts = np.zeros(50)
    counts[20] = 1000
    low, high = (
        estimate_performance(calibration, counts, counts * at, CUTS[:1], np.random.default_rng(0))[
            "positive_rate"
        ].value[0]
        for at in (0.401, 0.419)
    )
    assert 0.005 < high - low < 0.04


def test_noise_widens_the_band(calibration):
    positives, negatives, sums = binned(*rows(np.random.default_rng(5), 2000))
    widths = [
        estimate_performance(
            calibration, positives + negatives, sums, CUTS[:1], np.random.default_rng(0), **noise
        )["accuracy"]
        for noise in ({}, {"noise": Noise("discrete_laplace", 10.0)})
    ]
    assert widths[1].high - widths[1].low > widths[0].high - widths[0].low


@pytest.mark.parametrize("counts", [np.zeros(50), np.full(50, -3.0)])
def test_a_window_without_rows_promises_nothing(calibration, counts):
    told = estimate_performance(calibration, counts, counts, CUTS, np.random.default_rng(0))
    for e in told.values():
        assert np.isnan(e.value).all()
        assert np.isnan(e.low).all()


def test_a_reference_without_labels_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^cbpe\.reference"):
        calibrate(np.zeros(4), np.zeros(4), np.zeros(4), np.random.default_rng(0))
