"""Nothing that is told, alone or together, gives away a small count."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from countersign.counting import Counter
from countersign.design import Design
from countersign.hashing import token_of
from countersign.release import Release
from countersign.scores import NEGATIVE, POSITIVE
from countersign.tables import Column, Counts, Labels, Tally

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

GROUPS = ["here", "there", "elsewhere"]
COLUMNS = [
    Column(
        name="g",
        role="group",
        kind="categorical",
        tokens=[token_of(KEY, "loans", "g", group) for group in GROUPS],
    ),
    Column(name="s", role="score", kind="numeric", edges=[0.0, 0.2, 0.4, 1.0]),
    Column(name="y", role="outcome", kind="boolean"),
]
DESIGN = Design(COLUMNS, decides=True, threshold=0.4)
VALUES: dict[str, list[Any]] = {
    "w": [0, 1],
    "g": [None, ["list"], "other", *GROUPS],
    "y": [0, 1],
    "s": [None, np.inf, -1.0, 0.1, 0.3, 0.7, 2.0],
}


def told_of(world: World, tally: Tally, labels: Labels, w: Sequence[int]) -> Iterator[Cube]:
    """Each told count as the set of combinations that it adds up."""
    tokens = COLUMNS[0].tokens
    for run in runs_of(tally.columns["g"].cells):
        yield world.where(w=w, g=run)
    for run in runs_of(tally.columns["s"].cells):
        yield world.where(w=w, s=run)
    for token, counts in tally.groups["g"].items():
        for run in runs_of(counts.cells):
            yield world.where(w=w, g=[3 + tokens.index(token)], s=run)
    tables: list[tuple[dict[str, list[int]], Any]] = [({}, labels.overall)]
    tables += [
        ({"g": [3 + tokens.index(t)]}, table) for t, table in labels.groups.get("g", {}).items()
    ]
    for group, table in tables:
        if table is not None:
            for run in runs_of(table.positives):
                yield world.where(w=w, y=[POSITIVE], s=run, **group)
                yield world.where(w=w, y=[NEGATIVE], s=run, **group)


def sums_of(world: World, tally: Tally, w: Sequence[int]) -> Iterator[Cube]:
    """Each told sum as the set of combinations whose scores it adds up."""
    everybody: list[tuple[dict[str, list[int]], Counts]] = [({}, tally.columns["s"])]
    tokens = COLUMNS[0].tokens
    everybody += [({"g": [3 + tokens.index(t)]}, c) for t, c in tally.groups["g"].items()]
    for group, counts in everybody:
        for run, total in zip(runs_of(counts.cells), filter_told(counts), strict=True):
            if total is not None:
                yield world.where(w=w, s=sorted({*run} & {3, 4, 5}), **group)


def filter_told(counts: Counts) -> list[float | None]:
    assert counts.sum is not None
    return [s for s, cell in zip(counts.sum, counts.cells, strict=True) if cell is not None]


def sets_of(world: World) -> Cube:
    """Any window or all, any groups, any label or both, any range of scores."""
    return world.conjunctions(
        {"w": subsets(2), "g": subsets(6), "y": subsets(2), "s": ranges(len(VALUES["s"]))}
    )


@settings(max_examples=60, deadline=None)
@given(seeds, sizes)
def test_no_combination_of_a_windows_tables_gives_a_small_count(seed, size):
    world = a_world(VALUES | {"w": [0]}, seed, size)
    assume(world.cube.sum() >= MIN)
    release = Release([counted(world, DESIGN)], DESIGN, MIN)
    [tally], [labels] = release.tallies(), release.labels()
    check(DESIGN, tally, labels)
    assert_nothing_small_follows(world, list(told_of(world, tally, labels, [0])), sets_of(world))
    inside = sets_of(world) * world.where(s=[3, 4, 5]).reshape(-1)
    assert_nothing_small_follows(world, [world.where(s=[]), *sums_of(world, tally, [0])], inside)


@settings(max_examples=40, deadline=None)
@given(seeds, sizes)
def test_nor_do_the_windows_of_a_baseline_together_with_the_total(seed, size):
    world = a_world(VALUES, seed, size)
    parts = [counted(world, DESIGN, w=w) for w in (0, 1)]
    assume(all(part.rows >= MIN for part in parts))
    total = Counter(DESIGN, "loans", KEY).nothing()
    for part in parts:
        total += part
    whole = Release([total], DESIGN, MIN)
    [tally], [labels] = whole.tallies(), whole.labels()
    told, sums = list(told_of(world, tally, labels, [0, 1])), list(sums_of(world, tally, [0, 1]))
    series = Release(parts, DESIGN, MIN, within=whole)
    for w, (own, known) in enumerate(zip(series.tallies(), series.labels(), strict=True)):
        check(DESIGN, own, known)
        told += told_of(world, own, known, [w])
        sums += sums_of(world, own, [w])
    assert_nothing_small_follows(world, told, sets_of(world))
    inside = sets_of(world) * world.where(s=[3, 4, 5]).reshape(-1)
    assert_nothing_small_follows(world, [world.where(s=[]), *sums], inside)


def test_a_tiny_group_does_not_coarsen_the_largest():
    world = a_world(VALUES | {"w": [0]}, 0, 0)
    world.cube[0, 3, :, 3:6] = 200
    world.cube[0, 4, :, 3:6] = 100
    world.cube[0, 5, :, 4] = 12
    [tally] = Release([counted(world, DESIGN)], DESIGN, MIN).tallies()
    large, middle, tiny = (tally.groups["g"][token].cells for token in COLUMNS[0].tokens)
    assert None not in large
    assert None not in middle
    assert sum(c or 0 for c in tiny) == 24


def test_a_group_that_the_total_withholds_is_not_told_of_the_windows_either():
    """The total tells the first two, the windows could tell the first and the third: 5 remain."""
    world = a_world(VALUES, 0, 0)
    other, here, there, elsewhere = (2, 3, 4, 5)
    world.cube[:, other:, NEGATIVE, 4] = 1_000
    world.cube[0, [other, here, there, elsewhere], POSITIVE, 4] = [5, 400, 6, 20]
    world.cube[1, [other, here, there, elsewhere], POSITIVE, 4] = [0, 400, 200, 20]
    parts = [counted(world, DESIGN, w=w) for w in (0, 1)]
    total = Counter(DESIGN, "loans", KEY).nothing()
    for part in parts:
        total += part
    whole = Release([total], DESIGN, MIN)
    [labels] = whole.labels()
    told = [labels.groups["g"][token] is not None for token in COLUMNS[0].tokens]
    assert told == [True, True, False]
    for known in Release(parts, DESIGN, MIN, within=whole).labels():
        assert known.groups["g"][COLUMNS[0].tokens[2]] is None


@pytest.mark.parametrize(("inside", "told"), [(0, True), (5, False), (11, True)])
def test_sums_of_a_few_rows_inside_the_bins_are_not_told(inside, told):
    columns = [Column(name="ms", role="operational", kind="numeric", edges=[0.0, 10.0, 20.0])]
    design = Design(columns)
    values = [5.0] * inside + [None] * 100 + [50.0] * 30
    [tally] = Release([Counter(design, "loans", KEY).count({"ms": values})], design, MIN).tallies()
    counts = tally.columns["ms"]
    check(design, tally)
    assert sum(c or 0 for c in counts.cells) == 130 + inside
    assert counts.sum is not None
    assert any(s is not None for s in counts.sum) == told
    if told:
        assert sum(s or 0 for s in counts.sum) == 5.0 * inside
