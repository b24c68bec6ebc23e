"""A regression's errors by score, by themselves and by group: right sums, and no small count."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from countersign.collector import Collector
from countersign.counting import Counter
from countersign.design import Design
from countersign.hashing import token_of
from countersign.release import Release
from countersign.statement import Baseline, Outcomes, Refused, decode
from countersign.tables import Column, ErrorTable, Labels, Tally

from .attack import (
    KEY,
    MIN,
    Cube,
    World,
    a_world,
    assert_nothing_small_follows,
    check,
    ranges,
    runs_of,
    seeds,
    sizes,
    subsets,
)
from .cast import END, RECIPE, START, plan_of, some_rows

GROUPS = {"g": ["here", "there"], "h": ["f", "m"]}
COLUMNS = [
    *(
        Column(
            name=name,
            role="group",
            kind="categorical",
            tokens=[token_of(KEY, "loans", name, text) for text in texts],
        )
        for name, texts in GROUPS.items()
    ),
    Column(name="s", role="score", kind="numeric", edges=[0.0, 10.0, 20.0]),
    Column(name="y", role="outcome", kind="numeric", edges=[-2.0, -0.5, 0.5, 2.0]),
]
DESIGN = Design(COLUMNS)
VALUES: dict[str, list[Any]] = {
    "g": ["other", "here", "there"],
    "h": ["f", "m"],
    "s": [5.0, 15.0, 25.0],
    "error": [-1.0, 0.0, 1.0, 3.0],
}
G_CELLS, H_CELLS, S_CELLS, E_CELLS = [2, 3, 4], [3, 4], [3, 4, 5], [3, 4, 5, 6]


def a_counted(world: World) -> Any:
    data = world.rows()
    data["y"] = data["s"] - data.pop("error")
    return Counter(DESIGN, "loans", KEY).count(data)


def told_of(world: World, tally: Tally, labels: Labels) -> Iterator[Cube]:
    """Each told count as the set of combinations that it adds up."""

    def places(cells: list[int], run: list[int]) -> list[int]:
        return [i for i, cell in enumerate(cells) if cell in run]

    def of_errors(table: ErrorTable, **group: list[int]) -> Iterator[Cube]:
        for run in runs_of(table.rows):
            yield world.where(s=places(S_CELLS, run), error=[0, 1, 2, 3], **group)
        for run in runs_of(table.errors):
            yield world.where(error=places(E_CELLS, run), **group)

    axes = {"g": G_CELLS, "h": H_CELLS, "s": S_CELLS}
    for name, cells in axes.items():
        for run in runs_of(tally.columns[name].cells):
            yield world.where(**{name: places(cells, run)})
    if labels.errors is not None:
        yield from of_errors(labels.errors)
    for name in GROUPS:
        tokens = next(c.tokens for c in COLUMNS if c.name == name)
        for token, counts in tally.groups[name].items():
            group = {name: places(axes[name], [3 + tokens.index(token)])}
            for run in runs_of(counts.cells):
                yield world.where(s=places(S_CELLS, run), **group)
        for token, table in labels.error_groups.get(name, {}).items():
            if table is not None:
                yield from of_errors(table, **{name: places(axes[name], [3 + tokens.index(token)])})


@settings(max_examples=60, deadline=None)
@given(seeds, sizes)
def test_errors_by_score_and_group_give_no_small_count(seed, size):
    world = a_world(VALUES, seed, size)
    assume(world.cube.sum() >= MIN)
    release = Release([a_counted(world)], DESIGN, MIN)
    [tally], [labels] = release.tallies(), release.labels()
    check(DESIGN, tally, labels)
    sets = {"g": subsets(3), "h": subsets(2), "s": ranges(3), "error": ranges(4)}
    assert_nothing_small_follows(
        world, list(told_of(world, tally, labels)), world.conjunctions(sets)
    )


def prices(rows: int, seed: int = 0) -> Any:
    """Houses: an estimate, and for most what they were sold for."""
    random = np.random.default_rng(seed)
    frame = some_rows(rows, seed).drop(columns=["when", "risk", "approved", "repaid"])
    frame["estimate"] = random.lognormal(12, 0.5, rows)
    frame["price"] = frame["estimate"] * random.normal(1, 0.1, rows)
    frame.loc[: rows // 50, "price"] = np.nan
    return frame


HOUSES = {**RECIPE, "threshold": None, "slices": ["region", ("region", "employed")]}
HOUSES["roles"] = {"estimate": "score", "price": "outcome", "origin": "group", "sex": "group"}


def test_a_regression_is_told_from_recipe_to_outcomes():
    frame = prices(6_000)
    payload = Collector.baseline(frame, **HOUSES)
    told = decode(payload, Baseline)[1]
    assert told.labels is not None
    assert told.labels.errors is not None
    outcome = next(c for c in told.columns if c.role == "outcome")
    assert outcome.kind == "numeric"
    assert outcome.edges[0] == -outcome.edges[-1]
    collector = Collector(plan_of(payload), key=RECIPE["key"])
    rows = prices(4_000, seed=1)
    labels = decode(collector.outcomes(rows, START, END), Outcomes)[1].labels
    errors = (rows["estimate"] - rows["price"]).dropna()
    table = labels.errors
    assert table is not None
    assert sum(c or 0 for c in table.rows) == sum(c or 0 for c in table.errors) == len(errors)
    cut = errors.clip(outcome.edges[0], outcome.edges[-1])
    for sums, values in (
        (table.sum, cut),
        (table.sum_absolute, cut.abs()),
        (table.sum_squares, cut**2),
    ):
        assert np.isclose(sum(s or 0 for s in sums), values.sum(), rtol=1e-6)
    women = labels.error_groups["sex"]
    assert sum(sum(c or 0 for c in t.rows) for t in women.values() if t) == len(errors)
    assert [s is not None and s.loss is not None for s in labels.slices] == [True, True]
    for one in labels.slices:
        assert one is not None
        assert one.loss is not None
        assert np.isclose(sum(s or 0 for s in one.loss), cut.abs().sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"threshold": 200_000.0}, "baseline.regression"),
        ({"roles": {"price": "outcome"}}, "baseline.regression"),
        ({"roles": {"estimate": "score", "region": "outcome"}}, "baseline.outcome"),
    ],
)
def test_what_cannot_be_a_regression_is_refused_by_name(changes, rule):
    with pytest.raises(Refused) as refusal:
        Collector.baseline(prices(500), **{**HOUSES, **changes})
    assert refusal.value.rule == rule


def test_outcomes_that_are_no_numbers_are_not_known():
    values = [1.0, np.nan, np.inf, None, "text", 1e308, -1e308]
    found = Counter(DESIGN, "loans", KEY).count({"s": [5.0] * 6 + [1e308], "y": values})
    assert found.tables[("errors",)].sum() == 2  # 1, and 1e308; the last difference is infinite
    assert found.tables[("error sums",)][0].sum() == 0.0  # 4 is cut to 2, the other to -2
