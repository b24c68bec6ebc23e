from collections import defaultdict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.statistics.counts import Array, Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.multiclass import (
    OVERALL,
    Labelled,
    Scored,
    calibrate_classes,
    estimate_classes,
    realised_classes,
)

Rows = tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]
Tables = tuple[Labelled, Labelled]

BINS = 50
MIX = np.array([1.5, 1.0, 0.7])


def rows(rng: np.random.Generator, n: int, mix: Array = MIX, sure: float = 0.8) -> Rows:
    """Scores, predictions, and labels of a model that is a little too sure of itself."""
    score = rng.dirichlet(mix, n)
    truth = sure * score + (1 - sure) / len(mix)
    label = (rng.random((n, 1)) > np.cumsum(truth, axis=1)).sum(axis=1)
    return score, score.argmax(axis=1), np.minimum(label, len(mix) - 1)


def metered(table: Rows, bins: int = BINS) -> Tables:
    score, said, label = table
    classes = score.shape[1]
    place = np.minimum((score * bins).astype(int), bins - 1)

    def cells(kept_of: Callable[[int], npt.NDArray[np.bool_]]) -> Labelled:
        by_class = []
        for c in range(classes):
            kept, is_c = kept_of(c), label == c
            weights = is_c * 1.0, ~is_c * 1.0, score[:, c]
            by_class.append([np.bincount(place[kept, c], w[kept], bins) for w in weights])
        return Labelled(*np.array(by_class).transpose(1, 0, 2))

    return cells(lambda c: said >= 0), cells(lambda c: said == c)


def scored(tables: Tables) -> tuple[Scored, Scored]:
    every, chosen = tables
    return Scored(every.counts, every.sums), Scored(chosen.counts, chosen.sums)


def changed(tables: Tables, change: Callable[[Array], Array]) -> Tables:
    """Every array of both tables, changed alike."""
    every, chosen = (Labelled(*(change(part) for part in table)) for table in tables)
    return every, chosen


@given(st.integers(0, 9999), st.integers(1, 60))
@settings(deadline=None)
def test_every_figure_is_that_of_the_rows(seed, n):
    score, said, label = rows(np.random.default_rng(seed), n)
    found = realised_classes(*metered((score, said, label), 5), np.random.default_rng(0))
    assert found["accuracy"].value[0] == pytest.approx((said == label).mean())
    macro: dict[str, list[float]] = {"precision": [], "recall": [], "f1": []}
    for c in range(3):
        tp = ((said == c) & (label == c)).sum()
        parts = {
            "precision": (tp, (said == c).sum()),
            "recall": (tp, (label == c).sum()),
            "f1": (2 * tp, (said == c).sum() + (label == c).sum()),
        }
        for name, (part, whole) in parts.items():
            told = found[name].value[c]
            assert np.isnan(told) if whole == 0 else told == pytest.approx(part / whole)
            if parts["f1"][1]:
                macro[name].append(part / max(whole, 1))
    for name, values in macro.items():
        assert found[f"macro_{name}"].value[0] == pytest.approx(np.mean(values))
    for e in found.values():
        told = ~np.isnan(e.value)
        assert ((e.low >= 0) & (e.low <= e.value) & (e.value <= e.high) & (e.high <= 1))[told].all()


def test_realised_intervals_hold_the_truth_as_often_as_they_say():
    rng, held = np.random.default_rng(1), defaultdict(list)
    truth = realised_classes(*metered(rows(rng, 1_000_000)), rng)
    for _ in range(500):
        found = realised_classes(*metered(rows(rng, 800)), rng)
        for name in OVERALL:
            held[name].append(
                (found[name].low <= truth[name].value) & (truth[name].value <= found[name].high)
            )
    for name, inside in held.items():
        assert 0.92 < np.mean(inside) < (0.999 if name == "macro_auc" else 0.98), name


def test_it_foresees_what_the_labels_will_say_on_another_mix():
    rng = np.random.default_rng(2)
    calibrations = calibrate_classes(*metered(rows(rng, 50_000)), rng)
    tables = metered(rows(rng, 100_000, np.array([0.6, 0.9, 1.4])))
    told = estimate_classes(calibrations, *scored(tables), rng)
    came = realised_classes(*tables, rng)
    assert told.keys() == came.keys()
    for name, e in told.items():
        np.testing.assert_allclose(e.value, came[name].value, atol=0.015, err_msg=name)


@pytest.mark.parametrize("learned", [2_000, 8_000])
def test_its_band_holds_what_comes_as_often_as_it_says(learned):
    rng, held = np.random.default_rng(3), defaultdict(list)
    for _ in range(25):
        calibrations = calibrate_classes(*metered(rows(rng, learned)), rng)
        for _ in range(3):
            tables = metered(rows(rng, 1_000, np.array([1.0, 1.0, 1.0])))
            told = estimate_classes(calibrations, *scored(tables), rng)
            came = realised_classes(*tables, rng)
            for name in OVERALL:
                held[name].append(
                    (told[name].low <= came[name].value) & (came[name].value <= told[name].high)
                )
    for name, inside in held.items():
        assert 0.89 < np.mean(inside) <= 1.0, name


@given(st.permutations(range(3)))
@settings(deadline=None, max_examples=6)
def test_the_order_of_classes_does_not_matter(order):
    order = list(order)
    tables = metered(rows(np.random.default_rng(4), 3_000))
    mixed = changed(tables, lambda part: part[order])

    def told(parts: Tables) -> dict[str, Estimate]:
        rng = np.random.default_rng(0)
        return estimate_classes(calibrate_classes(*parts, rng), *scored(parts), rng) | {
            f"realised {k}": e for k, e in realised_classes(*parts, rng).items()
        }

    one, other = told(tables), told(mixed)
    for name, e in one.items():
        expected = e.value[order] if len(e.value) > 1 else e.value
        np.testing.assert_allclose(other[name].value, expected, err_msg=name)


@given(st.integers(2, 6))
@settings(deadline=None, max_examples=5)
def test_more_of_the_same_moves_no_value_and_narrows_the_interval(k):
    tables = metered(rows(np.random.default_rng(5), 2_000))
    more = changed(tables, lambda part: k * part)
    one, many = (realised_classes(*t, np.random.default_rng(0)) for t in (tables, more))
    for name, e in one.items():
        np.testing.assert_allclose(many[name].value, e.value)
        assert ((many[name].high - many[name].low) < (e.high - e.low)).all(), name


def test_a_class_that_is_never_chosen_or_never_comes_is_told_so():
    score, said, label = rows(np.random.default_rng(6), 4_000)
    said, rng = np.where(said == 2, 1, said), np.random.default_rng(0)
    tables = metered((score, said, label))
    came = realised_classes(*tables, rng)
    told = estimate_classes(calibrate_classes(*tables, rng), *scored(tables), rng)
    for found in (came, told):
        assert np.isnan(found["precision"].value[2])
        assert found["recall"].value[2] == 0
        assert not np.isnan(found["macro_f1"].value).any()
    gone = metered((score, said, np.where(label == 0, 1, label)))
    assert np.isnan(realised_classes(*gone, rng)["recall"].value[0])


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_window_without_rows_tells_nothing(scale):
    rng = np.random.default_rng(7)
    tables = metered(rows(rng, 2_000))
    empty = changed(tables, lambda part: scale * part)
    told = estimate_classes(calibrate_classes(*tables, rng), *scored(empty), rng)
    for found in (told, realised_classes(*empty, rng)):
        for name, e in found.items():
            assert np.isnan(e.value).all(), name
            assert np.isnan(e.low).all(), name
            assert (e.n == 0).all()
    with pytest.raises(ValueError, match=r"^cbpe\.reference"):
        calibrate_classes(*empty, rng)


def test_noise_widens_every_interval_and_breaks_none():
    rng, noise = np.random.default_rng(8), Noise("discrete_laplace", 3.0)
    tables = metered(rows(rng, 3_000))
    noisy = changed(tables, lambda part: part + noise.draw(rng, part.shape))
    plain = realised_classes(*tables, rng)
    wider = realised_classes(*noisy, rng, noise)
    for name, e in plain.items():
        assert (wider[name].high - wider[name].low > e.high - e.low).all(), name
    told = estimate_classes(calibrate_classes(*noisy, rng, noise), *scored(noisy), rng, noise)
    for name, e in told.items():
        assert ((e.low >= 0) & (e.low <= e.value) & (e.value <= e.high) & (e.high <= 1)).all(), name
