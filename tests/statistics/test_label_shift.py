import numpy as np
import pytest

from detectors.statistics.counts import NO_NOISE, Noise
from detectors.statistics.label_shift import positive_share
from detectors.statistics.performance import Confusion


def reference_of(rng: np.random.Generator, rows: int, tpr: float, fpr: float) -> Confusion:
    """4,000 references with three rows in ten positive."""
    positives = rng.binomial(rows, 0.3, 4000)
    tp, fp = rng.binomial(positives, tpr), rng.binomial(rows - positives, fpr)
    cells = (tp, fp, rows - positives - fp, positives - tp)
    return Confusion(*(c.astype(float) for c in cells))


@pytest.mark.parametrize(
    "noise", [NO_NOISE, Noise("discrete_laplace", 5.0)], ids=["plain", "noisy"]
)
@pytest.mark.parametrize(("tpr", "fpr"), [(0.8, 0.1), (0.5, 0.2)])
def test_the_interval_covers_the_true_share_as_often_as_it_says(tpr, fpr, noise):
    rng = np.random.default_rng(1)
    reference = reference_of(rng, 5000, tpr, fpr)
    predicted = rng.binomial(2000, 0.45 * tpr + 0.55 * fpr, 4000) + noise.draw(rng, (4000,))
    e = positive_share(reference, predicted, np.full(4000, 2000.0), noise)
    assert 0.94 < ((e.low <= 0.45) & (e.high >= 0.45)).mean() < 0.965
    assert e.value.mean() == pytest.approx(0.45, abs=0.005)


@pytest.mark.parametrize(
    ("reference", "rows"),
    [
        ((30.0, 30.0, 70.0, 70.0), 500.0),  # a prediction that says nothing
        ((0.0, 0.0, 0.0, 0.0), 500.0),
        ((80.0, 10.0, 90.0, 20.0), 0.0),
    ],
)
def test_what_cannot_be_told_is_not_told(reference, rows):
    cells = Confusion(*(np.array([v]) for v in reference))
    e = positive_share(cells, np.array([min(rows, 100.0)]), np.array([rows]))
    assert np.isnan(e.value).all()
    assert np.isnan(e.low).all()


def test_a_share_beyond_the_possible_ends_at_its_edge():
    cells = Confusion(*(np.array([v]) for v in (80.0, 10.0, 90.0, 20.0)))
    e = positive_share(cells, np.array([499.0]), np.array([500.0]))
    assert e.value == e.high == 1
    assert e.low <= 1
