"""The small-cell rule."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from countersign.merging import is_safe, merge_small, runs, safe_groups

MIN = 11
counts = st.just(0) | st.integers(0, 15) | st.integers(0, 300)
tables = st.tuples(st.integers(1, 5), st.integers(1, 20)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=counts)
)


@given(tables)
def test_no_run_holds_one_to_ten_rows_and_none_is_lost(lines):
    assume(is_safe(lines.sum(axis=1), MIN))
    starts = merge_small(lines, MIN)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    for line in lines:
        told = runs(line, starts)
        assert all(c is None or c == 0 or c >= MIN for c in told)
        assert sum(c or 0 for c in told) == line.sum()
        assert [i for i, c in enumerate(told) if c is not None] == starts.tolist()


@given(tables)
def test_cells_that_are_safe_alone_are_not_merged(lines):
    safe = np.where(lines < MIN, 0, lines)
    assert merge_small(safe, MIN).tolist() == list(range(lines.shape[1]))


@given(tables, st.data())
def test_a_refining_table_is_cut_only_where_the_coarse_one_is(lines, data):
    assume(is_safe(lines.sum(axis=1), MIN) and len(lines) > 1)
    total = lines.sum(axis=0, keepdims=True)
    outer = merge_small(total, MIN)
    inner = merge_small(lines, MIN, outer)
    assert set(inner.tolist()) <= set(outer.tolist())
    # Whichever lines are subtracted from the sum, what remains is safe in every inner run.
    taken = data.draw(st.lists(st.integers(0, len(lines) - 1), unique=True))
    rest = total[0] - lines[taken].sum(axis=0)
    assert is_safe(np.add.reduceat(rest, inner), MIN)


@given(tables, st.integers(0, 19))
def test_the_preferred_cut_is_kept_where_both_sides_are_safe(lines, prefer):
    assume(is_safe(lines.sum(axis=1), MIN) and 0 < prefer < lines.shape[1])
    starts = merge_small(lines, MIN, prefer=prefer)
    sides = lines[:, :prefer].sum(axis=1), lines[:, prefer:].sum(axis=1)
    assert (prefer in starts) >= all(is_safe(side, MIN) for side in sides)
    assert all(is_safe(run, MIN) for run in np.add.reduceat(lines, starts, axis=1))


@given(tables, st.data())
def test_told_groups_and_the_rest_are_safe(groups, data):
    rest = data.draw(arrays(np.int64, groups.shape[1], elements=counts))
    told = safe_groups(groups, rest, MIN)
    assert all(is_safe(groups[i], MIN) for i in told)
    untold = [i for i in range(len(groups)) if i not in told]
    if told:
        assert is_safe(rest + groups[untold].sum(axis=0), MIN)
    sizes = groups[told].sum(axis=1).tolist()
    assert sizes == sorted(sizes, reverse=True)
