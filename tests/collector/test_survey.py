"""Edges of meters and of errors: nearly all values lie inside, few rows in no bin by themselves."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.binning import Bins
from countersign.survey import FAR, error_edges, meter_edges

MIN = 11
Floats = npt.NDArray[np.float64]

SHAPES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "latency": lambda r, n: r.lognormal(4, 1, n),
    "marks": lambda r, n: r.integers(1, 6, n).astype(float),
    "shares": lambda r, n: r.beta(5, 2, n),
    "ranks": lambda r, n: 1 / r.integers(1, 11, n),
    "hits": lambda r, n: (r.random(n) < 0.4).astype(float),
    "oddness": lambda r, n: r.normal(0, 0.2, n),
    "constant": lambda r, n: np.full(n, 0.3),
    "tiny": lambda r, n: r.random(n) * 1e-9,
    "huge": lambda r, n: r.standard_cauchy(n) * 1e12,
    "gaps": lambda r, n: r.choice([np.nan, np.inf, 3.0, 1e70], n),
    "nothing": lambda r, n: np.full(n, np.nan),
}


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from([12, 60, 800, 6_000]),
    st.booleans(),
)
def test_every_meter_gets_increasing_edges_and_no_bin_of_a_few_rows(seed, shape, rows, far):
    values = SHAPES[shape](np.random.default_rng(seed), rows)
    edges = meter_edges(values, MIN, far=far)
    assert 2 <= len(edges) <= 101
    assert (np.diff(edges) > 0).all()
    assert np.isfinite(edges).all()
    bins = Bins(edges).count(values)[3:-1]
    # Those beyond what is usual stand at distances that tell of no row; 0 and 1 are declared.
    assert all(c == 0 or c >= MIN for c in bins[1 : -len(FAR)])


@pytest.mark.parametrize("shape", ["marks", "hits", "shares", "ranks"])
def test_the_bins_of_marks_and_shares_hold_every_row(shape):
    values = SHAPES[shape](np.random.default_rng(0), 5_000)
    cells = Bins(meter_edges(values, MIN, far=False)).count(values)
    assert cells[3:-1].sum() == 5_000


def test_a_few_marks_each_have_their_bin():
    assert meter_edges(SHAPES["marks"](np.random.default_rng(0), 900), MIN, far=False) == [
        *[0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    ]


def test_a_latency_that_trebles_stays_inside_and_its_tail_has_bins():
    values = SHAPES["latency"](np.random.default_rng(0), 20_000)
    edges = meter_edges(values, MIN, far=True)
    assert edges[0] == 0.0
    assert (3 * values > edges[-1]).mean() < 0.001
    usual = [e for e in edges if np.quantile(values, 0.96) < e < values.max()]
    assert len(usual) >= 5


@given(st.integers(0, 2**32 - 1), st.floats(-100, 100), st.sampled_from([20, 300, 5_000]))
@settings(max_examples=50, deadline=None)
def test_error_edges_end_at_the_same_distance_on_both_sides(seed, bias, rows):
    edges = error_edges(np.random.default_rng(seed).normal(bias, 10, rows), MIN)
    assert edges[0] == -edges[-1]
    assert (np.diff(edges) > 0).all()
