import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics.counts import NO_NOISE, Noise
from detectors.statistics.label_shift import class_shares, on_simplex, positive_share
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


SEEN_AS = np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.15, 0.8]])


@pytest.mark.parametrize(
    "noise", [NO_NOISE, Noise("discrete_laplace", 5.0)], ids=["plain", "noisy"]
)
@pytest.mark.parametrize("rows", [3000, 30_000])
def test_class_shares_cover_the_true_mix_as_often_as_they_say(rows, noise):
    rng, held = np.random.default_rng(5), []
    truth = np.array([0.6, 0.3, 0.1])
    for _ in range(300):
        labels = rng.multinomial(rows, [0.3, 0.3, 0.4])
        reference = np.array([rng.multinomial(n, p) for n, p in zip(labels, SEEN_AS, strict=True)])
        predicted = rng.multinomial(2000, truth @ SEEN_AS)
        e = class_shares(
            reference + noise.draw(rng, (3, 3)),
            predicted + noise.draw(rng, (3,)),
            rng,
            noise,
            noise,
        )
        held.append((e.low <= truth) & (truth <= e.high))
        assert e.value.sum() == pytest.approx(1)
    assert 0.93 < np.mean(held) < 0.97


def test_two_classes_agree_with_the_share_of_positives():
    reference = np.array([[810.0, 90], [20, 80]])
    many = class_shares(reference, np.array([760.0, 240]), np.random.default_rng(0))
    cells = Confusion(*(np.array([v]) for v in (80.0, 90.0, 810.0, 20.0)))
    one = positive_share(cells, np.array([240.0]), np.array([1000.0]))
    assert many.value[1] == pytest.approx(float(one.value[0]))
    assert many.low[1] == pytest.approx(float(one.low[0]), abs=0.01)
    assert many.high[1] == pytest.approx(float(one.high[0]), abs=0.01)


@given(st.permutations(range(3)))
def test_the_order_of_classes_does_not_matter(order):
    order = list(order)
    reference, predicted = 1000 * SEEN_AS, np.array([500.0, 300, 200])
    one = class_shares(reference, predicted, np.random.default_rng(0))
    mixed = class_shares(reference[order][:, order], predicted[order], np.random.default_rng(0))
    np.testing.assert_allclose(mixed.value, one.value[order])
    np.testing.assert_allclose(mixed.low, one.low[order], atol=0.03)


@pytest.mark.parametrize(
    ("reference", "predicted"),
    [
        (np.full((3, 3), 100.0), [10.0, 20, 30]),  # a prediction that says nothing
        ([[90.0, 10, 0], [50, 0, 50], [50, 0, 50]], [10.0, 20, 30]),  # two classes look the same
        ([[90.0, 10, 0], [10, 90, 0], [0, 0, 0]], [10.0, 20, 30]),  # a label never seen
        (100 * SEEN_AS, [0.0, 0, 0]),
        (100 * SEEN_AS, [-5.0, 2, 1]),
        ([[5.0]], [5.0]),
    ],
)
def test_a_mix_that_cannot_be_told_is_not_told(reference, predicted):
    e = class_shares(np.array(reference), np.array(predicted), np.random.default_rng(0))
    assert np.isnan([e.value, e.low, e.high]).all()
    assert (e.n >= 0).all()


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6))
def test_the_nearest_shares_are_shares_and_nothing_nearer_is(point):
    point = np.array(point)
    shares = on_simplex(point)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1)
    others = np.random.default_rng(0).dirichlet(np.ones(len(point)), 50)
    assert ((point - shares) ** 2).sum() <= ((point - others) ** 2).sum(axis=1).min() + 1e-9
