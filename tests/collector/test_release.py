"""Nothing that is told, alone or together, gives away a small count."""

from collections.abc import Iterator
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from countersign.checks import check_labels, check_tally
from countersign.counting import NEGATIVE, POSITIVE, Counted, Counter
from countersign.merging import is_safe
from countersign.release import Release
from countersign.statement import Column, Labels, Privacy, Tally

MIN = 11
GROUPS, BINS = 3, 3
COLUMNS = [
    Column(name="g", role="group", kind="categorical", tokens=[f"{i:032x}" for i in range(GROUPS)]),
    Column(name="s", role="score", kind="numeric", edges=[0.0, 0.2, 0.4, 1.0]),
    Column(name="y", role="outcome", kind="boolean"),
]
G, S = COLUMNS[0].size, COLUMNS[1].size
Cube = npt.NDArray[np.int64]  # window, group cell, label, score cell


@st.composite
def cubes(draw: Any, windows: int = 1) -> Cube:
    """Rows by window, group, label and score; many cells small, some empty, some large."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([1.0, 4.0, 12.0, 60.0]))
    shares = random.lognormal(0, 1.5, (1, G, 1, 1)) * random.lognormal(0, 0.7, (windows, 1, 2, S))
    rates = size * shares * (random.random((windows, G, 1, S)) < 0.8)
    cube: Cube = random.poisson(rates)
    return cube


def counted(cube: Cube) -> Counted:
    """The raw counts of one window: group cell, label, score cell."""
    counter = Counter(COLUMNS, "loans", b"k")
    result = counter.nothing()
    result.rows = int(cube.sum())
    result.columns = {"g": cube.sum(axis=(1, 2)), "s": cube.sum(axis=(0, 1))}
    assert result.score is not None
    result.score.counts[:2] = cube.sum(axis=0)
    result.groups["g"].counts[:, :2] = cube
    return result


def test_the_labels_are_where_the_counter_puts_them():
    counter = Counter(COLUMNS, "loans", b"k")
    found = counter.count({"g": ["a", "b"], "s": [0.1, 0.9], "y": [True, False]})
    assert found.score is not None
    assert found.score.counts[POSITIVE, 3] == 1
    assert found.score.counts[NEGATIVE, 5] == 1


def runs_of(cells: list[int | None]) -> Iterator[tuple[range, int]]:
    """What a table tells: runs of cells, and their totals."""
    starts = [i for i, cell in enumerate(cells) if cell is not None]
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        yield range(start, stop), cells[start] or 0


def told_by(tally: Tally, labels: Labels, shape: tuple[int, ...], w: Any) -> Iterator[Cube]:
    """Each told count as the set of cells of the cube that it adds up."""

    def cells(g: Any, y: Any, s: Any) -> Cube:
        chosen = np.zeros(shape, np.int64)
        chosen[w, g, y, s] = 1
        return chosen

    everyone = slice(None)
    tokens = COLUMNS[0].tokens
    for run, _ in runs_of(tally.columns["g"].cells):
        yield cells(list(run), everyone, everyone)
    for run, _ in runs_of(tally.columns["s"].cells):
        yield cells(everyone, everyone, list(run))
    for token, counts in tally.groups["g"].items():
        for run, _ in runs_of(counts.cells):
            yield cells(3 + tokens.index(token), everyone, list(run))
    tables: list[tuple[Any, Any]] = [(everyone, labels.overall)]
    tables += [(3 + tokens.index(t), table) for t, table in labels.groups.get("g", {}).items()]
    for g, table in tables:
        if table is not None:
            for run, _ in runs_of(table.positives):
                yield cells(g, POSITIVE, list(run))
            for run, _ in runs_of(table.negatives):
                yield cells(g, NEGATIVE, list(run))


def sets_of_interest(shape: tuple[int, ...]) -> Cube:
    """A row each: any window or all, any set of groups, any label or both, any range of scores."""
    windows, groups, labels, cells = shape
    one_or_all = [[*np.eye(n, dtype=np.int64).tolist(), [1] * n] for n in (windows, labels)]
    some_groups = list(product([0, 1], repeat=groups))[1:]
    ranges = [
        [int(first <= i <= last) for i in range(cells)]
        for first, last in combinations_with_replacement(range(cells), 2)
    ]
    axes = [np.array(a) for a in (one_or_all[0], some_groups, one_or_all[1], ranges)]
    sets = np.einsum("aw,bg,cl,ds->abcdwgls", *axes)
    return np.asarray(sets.reshape(-1, windows * groups * labels * cells), np.int64)


def assert_nothing_small_can_be_worked_out(cube: Cube, told: list[Cube]) -> None:
    """No small set is a sum or difference of told counts, however many are combined."""
    base = np.array([t.reshape(-1) for t in told], float)
    _, values, rows = np.linalg.svd(base, full_matrices=False)
    space = rows[values > 1e-9]
    sets = sets_of_interest(cube.shape)
    rows_in = sets @ cube.reshape(-1)
    sets = sets[(rows_in > 0) & (rows_in < MIN)]
    beyond = sets - (sets @ space.T) @ space
    assert (np.abs(beyond).max(axis=1) > 1e-6).all(), "a small count follows from what is told"


@settings(max_examples=60, deadline=None)
@given(cubes())
def test_no_combination_of_a_windows_tables_gives_a_small_count(cube):
    assume(cube.sum() >= MIN)
    part = counted(cube[0])
    release = Release([part], COLUMNS, MIN, threshold=0.4)
    [tally], [labels] = release.tallies(), release.labels()
    check_tally(tally, COLUMNS, Privacy(min_count=MIN), "$")
    check_labels(labels, COLUMNS, Privacy(min_count=MIN), "$")
    assert_nothing_small_can_be_worked_out(cube, list(told_by(tally, labels, cube.shape, 0)))


@settings(max_examples=40, deadline=None)
@given(cubes(windows=2))
def test_nor_do_the_windows_of_a_baseline_together_with_the_total(cube):
    sizes = cube.reshape(2, -1).sum(axis=1)
    assume(is_safe(sizes, MIN) and sizes.all())
    parts = [counted(window) for window in cube]
    total = Counter(COLUMNS, "loans", b"k").nothing()
    for part in parts:
        total += part
    whole = Release([total], COLUMNS, MIN, threshold=0.4)
    [tally], [labels] = whole.tallies(), whole.labels()
    told = list(told_by(tally, labels, cube.shape, slice(None)))
    series = Release(parts, COLUMNS, MIN, threshold=0.4, within=whole.cuts)
    for w, (own, known) in enumerate(zip(series.tallies(), series.labels(), strict=True)):
        check_tally(own, COLUMNS, Privacy(min_count=MIN), "$")
        check_labels(known, COLUMNS, Privacy(min_count=MIN), "$")
        told += told_by(own, known, cube.shape, w)
    assert_nothing_small_can_be_worked_out(cube, told)


def test_a_tiny_group_does_not_coarsen_the_largest():
    cube = np.zeros((G, 2, S), np.int64)
    cube[3, :, 3 : 3 + BINS] = 200
    cube[4, :, 3 : 3 + BINS] = 100
    cube[5, :, 4] = 12
    release = Release([counted(cube)], COLUMNS, MIN)
    [tally] = release.tallies()
    large, middle, tiny = (tally.groups["g"][token].cells for token in COLUMNS[0].tokens)
    assert None not in large
    assert None not in middle
    assert sum(c or 0 for c in tiny) == 24
