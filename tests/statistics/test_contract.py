"""What every detector over columns promises, whatever it computes.

Each entry takes current and reference samples and answers arrays with one row per column.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.statistics import effects
from detectors.statistics.counts import NO_NOISE, Array, Sample
from detectors.statistics.e_detector import advance, initial_state
from detectors.statistics.integrity import rate_change
from detectors.statistics.ks import ks_test
from detectors.statistics.power import detectable_gap
from detectors.statistics.quadratic import quadratic_test
from detectors.statistics.reference import learn_reference
from detectors.statistics.streams import Streams, ordered_streams, unordered_streams
from tests.statistics.worlds import GAUSSIAN, LAPLACE, draw

Detector = Callable[[Sample, Sample], tuple[Array, ...]]


def first_cell(sample: Sample) -> Sample:
    return Sample(sample.counts[:, 0], sample.totals, sample.noise)


def paging(split: Callable[[Array], Streams]) -> Detector:
    def evidence(current: Sample, reference: Sample) -> tuple[Array, ...]:
        windows = np.repeat(reference.counts[None] / 10, 10, axis=0)
        limits = learn_reference(
            split(windows), np.zeros(10), 1, level=0.001, noise=current.noise, dispersion=1.0
        )
        window = split(current.counts)
        return (advance(initial_state(*window.successes.shape), window, limits)[1],)

    return evidence


DETECTORS: dict[str, Detector] = {
    "ks": lambda x, r: ks_test(x, r, np.random.default_rng(5)),
    "quadratic": quadratic_test,
    "rate": lambda x, r: (rate_change(first_cell(x), first_cell(r)).p_value,),
    "ordered paging": paging(ordered_streams),
    "unordered paging": paging(unordered_streams),
    "smallest visible gap": lambda x, r: (detectable_gap(x, r),),
    "critical psi": lambda x, r: (effects.psi_critical(x, r),),
    "total variation": lambda x, r: (effects.total_variation(x.counts, r.counts),),
    "hellinger": lambda x, r: (effects.hellinger(x.counts, r.counts),),
    "jensen-shannon": lambda x, r: (effects.jensen_shannon(x.counts, r.counts),),
    "wasserstein": lambda x, r: (effects.wasserstein(x.counts, r.counts),),
    "psi": lambda x, r: (effects.psi(x.counts, r.counts),),
}
WITH_P_VALUE = ("ks", "quadratic", "rate")
EFFECTS = ("total variation", "hellinger", "jensen-shannon", "wasserstein", "psi")

each = pytest.mark.parametrize("name", DETECTORS)
noises = st.sampled_from([NO_NOISE, LAPLACE, GAUSSIAN])


@each
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), noise=noises)
def test_columns_do_not_know_each_other(name, seed, noise):
    """Reordered columns get reordered answers; a column alone gets what it got among others."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(6))
    current, reference = draw(rng, shares, 400, 7, noise), draw(rng, shares, 3000, 7, noise)
    order = rng.permutation(7)

    def chosen(sample: Sample, columns: Any) -> Sample:
        return Sample(sample.counts[columns], sample.totals[columns], sample.noise)

    whole = DETECTORS[name](current, reference)
    mixed = DETECTORS[name](chosen(current, order), chosen(reference, order))
    alone = DETECTORS[name](chosen(current, [3]), chosen(reference, [3]))
    for w, m, a in zip(whole, mixed, alone, strict=True):
        # Simulated p-values go through single precision: a draw on the brink may tip over.
        np.testing.assert_allclose(w[order], m, rtol=1e-5, atol=0.011)
        np.testing.assert_allclose(w[[3]], a, rtol=1e-5, atol=0.011)


@each
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_more_of_the_same_is_more_evidence_and_the_same_effect(name, seed):
    rng = np.random.default_rng(seed)
    current = draw(rng, np.array([0.3, 0.3, 0.2, 0.2]), 200, 1)
    reference = draw(rng, np.array([0.2, 0.2, 0.3, 0.3]), 2000, 1)
    more = [Sample(10 * s.counts, 10 * s.totals) for s in (current, reference)]
    before, after = DETECTORS[name](current, reference)[-1], DETECTORS[name](*more)[-1]
    if name in WITH_P_VALUE:
        assert after <= before + 1e-12
    elif name in EFFECTS:
        np.testing.assert_allclose(after, before, atol=1e-9)
    elif "paging" in name:
        assert (after >= np.minimum(before, 0)).all()
    else:
        assert after < before


DEGENERATE = {
    "an empty window": ([0.0, 0, 0, 0], [100.0, 200, 300, 400]),
    "an empty reference": ([10.0, 20, 30, 40], [0.0, 0, 0, 0]),
    "nothing at all": ([0.0, 0, 0, 0], [0.0, 0, 0, 0]),
    "a constant column": ([0.0, 0, 500, 0], [0.0, 0, 9000, 0]),
    "fewer rows than bins": ([1.0, 0, 0, 1], [1.0, 0, 0, 0]),
    "one row": ([1.0, 0, 0, 0], [100.0, 200, 300, 400]),
    "negative noisy counts": ([-3.0, 40, -7, 60], [90.0, -2, 300, 400]),
    "a negative total": ([-3.0, -4, 2, -1], [100.0, 200, 300, 400]),
    "disjoint columns": ([50.0, 50, 0, 0], [0.0, 0, 700, 300]),
    "astronomical counts": ([1e12, 2e12, 3e12, 4e12], [1e12, 2e12, 3e12, 4e12]),
}


@each
@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("noise", [NO_NOISE, LAPLACE, GAUSSIAN], ids=lambda n: n.mechanism)
def test_degenerate_counts_get_a_stated_answer(name, case, noise):
    """No warning, no exception; NaN only where an effect does not exist."""
    x, r = (np.array([row]) for row in DEGENERATE[case])
    current, reference = Sample(x, x.sum(axis=1), noise), Sample(r, r.sum(axis=1), noise)
    answers = DETECTORS[name](current, reference)
    if name in EFFECTS:
        nothing = (np.maximum(x, 0).sum() == 0) or (np.maximum(r, 0).sum() == 0)
        assert np.isnan(answers[0]).all() == nothing
        return
    assert not any(np.isnan(a).any() for a in answers)
    if name in WITH_P_VALUE:
        p = answers[-1]
        assert ((p >= 0) & (p <= 1)).all()
        empty = x.sum() < 1 or r.sum() < 1
        assert not empty or p == 1


@each
def test_a_single_bin_cannot_change(name):
    one = Sample(np.array([[50.0]]), np.array([50.0]))
    if "paging" in name or name == "smallest visible gap":
        return
    answers = DETECTORS[name](one, one)
    assert answers[-1] == (1 if name in WITH_P_VALUE else 0)
