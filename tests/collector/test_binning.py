"""Fast binning says what the definition says."""

import math
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.binning import Bins, count_cells, exact_cells

numbers = st.floats(width=64) | st.integers(-5, 5).map(float)
edge_lists = st.lists(
    st.floats(-1e12, 1e12) | st.integers(-20, 20).map(float), min_size=2, max_size=25, unique=True
).map(sorted)


def slow_cell(value: float, edges: list[float]) -> int:
    """The definition, one number at a time."""
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return 1
    if value < edges[0]:
        return 2
    if value > edges[-1]:
        return len(edges) + 2
    return 2 + min(bisect_right(edges, value), len(edges) - 1)


def around(edges: list[float]) -> list[float]:
    """Every edge and its neighbours among the floating-point numbers."""
    low, high = np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)
    return [*edges, *low.tolist(), *high.tolist()]


@settings(max_examples=300, deadline=None)
@given(edge_lists, st.lists(numbers, max_size=60))
def test_doubles_fall_where_the_definition_puts_them(edges, values):
    array = np.array(values + around(edges))
    expected = [slow_cell(v, edges) for v in array.tolist()]
    bins = Bins(edges)
    assert bins.cells(array).tolist() == expected
    assert bins.count(array).tolist() == np.bincount(expected, minlength=bins.size).tolist()
    assert exact_cells(array, bins.edges).tolist() == expected


@settings(max_examples=300, deadline=None)
@given(edge_lists, st.lists(st.floats(width=32), max_size=60))
def test_single_precision_is_compared_as_the_same_double(edges, values):
    array = np.array(values + around(edges), np.float32)
    expected = [slow_cell(float(v), edges) for v in array]
    assert Bins(edges).cells(array).tolist() == expected


@given(edge_lists, st.lists(st.integers(-(2**40), 2**40), max_size=60))
def test_integers_and_booleans_are_numbers(edges, values):
    array = np.array(values, np.int64)
    expected = [slow_cell(float(v), edges) for v in values]
    assert Bins(edges).cells(array).tolist() == expected
    flags = np.array([v > 0 for v in values], bool)
    assert Bins(edges).cells(flags).tolist() == [slow_cell(float(f), edges) for f in flags]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(
    "edges",
    [
        [0.0, 0.1, 0.29, 0.57, 1.0],
        [1e15, 1e15 + 4],
        [-1e-300, 1e-300],
        [-5e-324, 5e-324],
        [1.0, 1.0000000000000002],
        [-1e60, 0.0, 1e60],
        np.sort(np.random.default_rng(3).lognormal(0, 4, 100)).tolist(),
    ],
)
def test_long_arrays_agree_with_the_search(edges, kind):
    random = np.random.default_rng(1)
    wide = max(abs(e) for e in edges)
    with np.errstate(over="ignore"):
        odd = [np.nan, -np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, -0.0, 2.0**31, 2.0**32 + 5]
        values = np.concatenate([random.normal(0, wide, 300_001), odd, around(edges)]).astype(kind)
    bins = Bins(edges)
    expected = exact_cells(values, bins.edges)
    assert np.array_equal(bins.cells(values), expected)
    assert bins.count(values).tolist() == np.bincount(expected, minlength=bins.size).tolist()


@given(st.integers(0, 104), st.integers(0, 9_000), st.integers(0, 2**32 - 1))
def test_counting_pairs_counts_every_cell(size, length, seed):
    cells = np.random.default_rng(seed).integers(0, size + 1, length).astype(np.uint8)
    assert count_cells(cells, size + 1).tolist() == np.bincount(cells, minlength=size + 1).tolist()
