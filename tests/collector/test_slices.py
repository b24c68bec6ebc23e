"""Slices are merged in whole lines, and no two of them, nor anything else, give a small count."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from countersign.counting import Counter
from countersign.crossing import cut_product
from countersign.design import Design
from countersign.hashing import token_of
from countersign.merging import is_safe
from countersign.release import Release
from countersign.scores import NEGATIVE, POSITIVE
from countersign.tables import Column, Labels, Slice, SliceTable, Tally

from .attack import (
    KEY,
    MIN,
    Cube,
    World,
    a_world,
    assert_nothing_small_follows,
    check,
    counted,
    ranges,
    runs_of,
    seeds,
    sizes,
    subsets,
)

TOKENS = [token_of(KEY, "loans", "b", text) for text in ("north", "south")]
COLUMNS = [
    Column(name="a", role="feature", kind="boolean"),
    Column(name="b", role="feature", kind="categorical", tokens=TOKENS),
    Column(name="c", role="operational", kind="numeric", edges=[0.0, 1.0, 2.0]),
    Column(name="s", role="score", kind="numeric", edges=[0.0, 0.3, 0.5, 1.0]),
    Column(name="y", role="outcome", kind="boolean"),
]
BANDS = {"a": [0, 2, 3], "b": [0, 2, 3, 4], "c": [0, 2, 4]}
RING = [("a",), ("b",), ("a", "b"), ("b", "c"), ("a", "c")]
DESIGN = Design(
    COLUMNS,
    [Slice(columns=list(names), starts=[BANDS[n] for n in names]) for names in RING],
    decides=True,
    threshold=0.5,
)
VALUES: dict[str, list[Any]] = {
    "w": [0, 1],
    "a": [None, False, True],
    "b": [None, "other", "north", "south"],
    "c": [None, 0.5, 1.5],
    "s": [None, 0.1, 0.4, 0.8],
    "y": [0, 1, None],
}
CELLS = {"a": [0, 2, 3], "b": [0, 2, 3, 4], "c": [0, 3, 4], "s": [0, 3, 4, 5]}
HIT = [3]  # among the values of s
FEW: dict[str, list[Any]] = {"w": [0]}


def places(name: str, cells: Sequence[int]) -> list[int]:
    """Which of a variable's values lie in the cells."""
    return [i for i, cell in enumerate(CELLS[name]) if cell in cells]


def bands(one: Slice, table: SliceTable) -> Iterator[dict[str, list[int]]]:
    """The told crossed bands, each as the values that it takes together."""
    sizes_of = [len(starts) for starts in one.starts]
    kept = np.flatnonzero([c is not None for c in table.rows])
    lines = [np.unique(axis) for axis in np.unravel_index(kept, sizes_of)]
    runs = []
    for name, starts, line in zip(one.columns, one.starts, lines, strict=True):
        ends = [*(starts[i] for i in line[1:]), 100]
        firsts = [starts[i] for i in line]
        runs.append([(name, places(name, range(a, b))) for a, b in zip(firsts, ends, strict=True)])
    for crossed in product(*runs):
        yield dict(crossed)


def told_of(world: World, tally: Tally, labels: Labels | None, w: list[int]) -> Iterator[Cube]:
    """Each told count as the set of combinations that it adds up."""
    for name in ("a", "b", "c", "s"):
        for run in runs_of(tally.columns[name].cells):
            yield world.where(w=w, **{name: places(name, run)})
    for one, table in zip(DESIGN.slices, tally.slices, strict=True):
        for band in bands(one, table) if table else ():
            yield world.where(w=w, **band)
            yield world.where(w=w, s=HIT, **band)
    if labels is None:
        return
    if labels.overall is not None:
        for run in runs_of(labels.overall.positives):
            yield world.where(w=w, s=places("s", run), y=[POSITIVE])
            yield world.where(w=w, s=places("s", run), y=[NEGATIVE])
    for one, table in zip(DESIGN.slices, labels.slices, strict=bool(labels.slices)):
        for band in bands(one, table) if table else ():
            yield world.where(w=w, y=[0, 1], **band)
            hit, miss = HIT, [0, 1, 2]
            yield world.where(w=w, s=hit, y=[0], **band) + world.where(w=w, s=miss, y=[1], **band)


def is_nested(inner: Sequence[SliceTable | None], outer: Sequence[SliceTable | None]) -> bool:
    """No slice is told, or cut, where the one that it is a part of isn't."""
    for one, of in zip(inner, outer, strict=bool(inner)):
        starts = set() if of is None else {i for i, c in enumerate(of.rows) if c is not None}
        if one and not {i for i, c in enumerate(one.rows) if c is not None} <= starts:
            return False
    return True


def counts_agree(world: World, design: Design, tally: Tally, labels: Labels | None) -> None:
    """What is told of a slice is what the world holds."""
    for is_label, tables in enumerate((tally.slices, labels.slices if labels else [])):
        for one, table in zip(design.slices, tables, strict=bool(tables)):
            if table is None:
                continue
            known = {"y": [0, 1]} if is_label else {}
            rows = [int((world.cube * world.where(**known, **b)).sum()) for b in bands(one, table)]
            assert [r for r in table.rows if r is not None] == rows


@settings(max_examples=30, deadline=None)
@given(seeds, sizes)
def test_a_windows_slices_columns_and_score_give_no_small_count(seed, size):
    world = a_world(VALUES | FEW | {"y": [None]}, seed, size)
    assume(world.cube.sum() >= MIN)
    [tally] = Release([counted(world, DESIGN)], DESIGN, MIN).tallies()
    check(DESIGN, tally)
    counts_agree(world, DESIGN, tally, None)
    sets = {"a": subsets(3), "b": subsets(4), "c": subsets(3), "s": ranges(4)}
    told = list(told_of(world, tally, None, [0]))
    assert_nothing_small_follows(world, told, world.conjunctions(sets))


@settings(max_examples=30, deadline=None)
@given(seeds, sizes)
def test_nor_do_those_of_the_labels_with_them(seed, size):
    world = a_world(VALUES | FEW | {"c": [None]}, seed, size)
    assume(world.cube.sum() >= MIN)
    release = Release([counted(world, DESIGN)], DESIGN, MIN)
    [tally], [labels] = release.tallies(), release.labels()
    check(DESIGN, tally, labels)
    counts_agree(world, DESIGN, tally, labels)
    assert is_nested(labels.slices, tally.slices)
    # How many rows have no label yet is not hidden.
    sets = {"a": subsets(3), "b": subsets(4), "s": ranges(4), "y": [[0], [1], [0, 1], [0, 1, 2]]}
    told = list(told_of(world, tally, labels, [0]))
    assert_nothing_small_follows(world, told, world.conjunctions(sets))


@settings(max_examples=15, deadline=None)
@given(seeds, sizes)
def test_nor_do_the_windows_of_a_baseline_with_the_total(seed, size):
    world = a_world(VALUES | {"c": [None], "y": [0, 1]}, seed, size)
    parts = [counted(world, DESIGN, w=w) for w in (0, 1)]
    assume(all(part.rows >= MIN for part in parts))
    total = Counter(DESIGN, "loans", KEY).nothing()
    for part in parts:
        total += part
    whole = Release([total], DESIGN, MIN)
    [tally], [labels] = whole.tallies(), whole.labels()
    told = list(told_of(world, tally, labels, [0, 1]))
    series = Release(parts, DESIGN, MIN, within=whole)
    for w, (own, known) in enumerate(zip(series.tallies(), series.labels(), strict=True)):
        check(DESIGN, own, known)
        assert is_nested(own.slices, tally.slices)
        assert is_nested(known.slices, labels.slices)
        told += told_of(world, own, known, [w])
    sets = {"w": subsets(2), "a": subsets(3), "b": subsets(4), "s": ranges(4), "y": subsets(2)}
    assert_nothing_small_follows(world, told, world.conjunctions(sets))


@given(seeds, st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
def test_product_merging_leaves_no_small_cell_and_loses_no_row(seed, first, second, lines):
    random = np.random.default_rng(seed)
    table = random.poisson(random.choice([0.2, 3, 30], (lines, first, second)))
    assume(is_safe(table.sum(axis=(1, 2)), MIN))
    starts = cut_product(table[None], np.arange(first * second), MIN)
    assert starts is not None
    across, down = np.unique(starts // second), np.unique(starts % second)
    assert len(starts) == len(across) * len(down)
    told = np.add.reduceat(np.add.reduceat(table, across, axis=1), down, axis=2)
    assert is_safe(told, MIN)
    assert told.sum() == table.sum()


def test_large_bands_are_all_told_with_their_hits_and_wrong_decisions():
    world = a_world(VALUES | FEW | {"y": [0, 1]}, 0, 0)
    world.cube[:] = np.arange(world.cube.size).reshape(world.cube.shape) % 7 + 11
    release = Release([counted(world, DESIGN)], DESIGN, MIN)
    [tally], [labels] = release.tallies(), release.labels()
    for one, table, known in zip(DESIGN.slices, tally.slices, labels.slices, strict=True):
        assert table is not None
        assert known is not None
        assert None not in table.rows
        assert table.hits is not None
        assert known.hits is not None
        hits = [int((world.cube * world.where(s=HIT, **b)).sum()) for b in bands(one, table)]
        assert table.hits == hits
        wrong = [
            int((world.cube * world.where(s=HIT, y=[0], **b)).sum())
            + int((world.cube * world.where(s=[0, 1, 2], y=[1], **b)).sum())
            for b in bands(one, known)
        ]
        assert known.hits == wrong
        assert known.rows == table.rows


def test_without_a_cut_at_the_decision_no_slice_is_told():
    """Its hits, less those of the score's whole runs, would be some of one run's."""
    rows: dict[str, list[Any]] = {name: [v[1]] * 200 for name, v in VALUES.items() if name in "abc"}
    rows |= {"s": [0.4] * 195 + [0.8] * 5, "y": [1] * 200}
    release = Release([Counter(DESIGN, "loans", KEY).count(rows)], DESIGN, MIN)
    [tally], [labels] = release.tallies(), release.labels()
    check(DESIGN, tally, labels)
    assert tally.slices == [None] * len(DESIGN.slices)
    assert labels.slices == []


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_hits_are_told_only_where_there_is_a_decision(threshold):
    design = Design(COLUMNS, DESIGN.slices, decides=threshold is not None, threshold=threshold)
    world = a_world(VALUES | FEW | {"y": [0, 1]}, 0, 0)
    world.cube[:] = np.arange(world.cube.size).reshape(world.cube.shape) % 7 + 11
    [tally] = Release([counted(world, design)], design, MIN).tallies()
    check(design, tally)
    assert all(t is not None and (t.hits is None) == (threshold is None) for t in tally.slices)
