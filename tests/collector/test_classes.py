"""Several classes: each score by what was predicted and what was true; nothing small is told."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings

from countersign.collector import Collector
from countersign.counting import Counter
from countersign.design import Design
from countersign.hashing import token_of
from countersign.release import Release
from countersign.scores import NEGATIVE, POSITIVE
from countersign.statement import Baseline, Outcomes, Refused, Window, decode
from countersign.tables import Column, Labels, Tally

from .attack import (
    KEY,
    MIN,
    Cube,
    World,
    a_world,
    assert_nothing_small_follows,
    check,
    counted,
    runs_of,
    seeds,
    sizes,
    subsets,
)
from .cast import END, RECIPE, START, plan_of

ANIMALS = ["cat", "dog", "owl"]
TOKENS = [token_of(KEY, "loans", "said", animal) for animal in ANIMALS]
COLUMNS = [
    *(
        Column(name=f"p {a}", role="class_score", kind="numeric", edges=[0.0, 0.5, 1.0], token=t)
        for a, t in zip(ANIMALS[:2], TOKENS, strict=False)
    ),
    Column(name="said", role="prediction", kind="categorical", tokens=TOKENS),
    Column(name="was", role="outcome", kind="categorical"),
]
DESIGN = Design(COLUMNS)
VALUES: dict[str, list[Any]] = {
    "p cat": [0.2, 0.7],
    "p dog": [0.2, 0.7],
    "said": ["rat", *ANIMALS],
    "was": [None, "rat", *ANIMALS],
}
SAID, WAS = {2: 0, 3: 1, 4: 2, 5: 3}, {0: 0, 2: 1, 3: 2, 4: 3, 5: 4}  # places by cell


def told_of(world: World, tally: Tally, labels: Labels) -> Iterator[Cube]:
    """Each told count as the set of combinations that it adds up."""

    def scores(name: str, run: list[int]) -> dict[str, list[int]]:
        return {name: [cell - 3 for cell in run if cell in (3, 4)]}

    for run in runs_of(tally.columns["said"].cells):
        yield world.where(said=[SAID[cell] for cell in run if cell in SAID])
    for i, column in enumerate(COLUMNS[:2]):
        chosen = {"said": [1 + i]}
        for run in runs_of(tally.columns[column.name].cells):
            yield world.where(**scores(column.name, run))
        if column.name in tally.chosen:
            for run in runs_of(tally.chosen[column.name].cells):
                yield world.where(**scores(column.name, run), **chosen)
        if column.name in labels.classes:
            table = labels.classes[column.name]
            yes, no = [2 + i], [place for place in (1, 2, 3, 4) if place != 2 + i]
            for one, more in ((table.overall, {}), (table.chosen, chosen)):
                for run in runs_of(one.positives):
                    yield world.where(**scores(column.name, run), **more, was=yes)
                    yield world.where(**scores(column.name, run), **more, was=no)


@settings(max_examples=80, deadline=None)
@given(seeds, sizes)
def test_classes_give_no_small_count(seed, size):
    world = a_world(VALUES, seed, size)
    assume(world.cube.sum() >= MIN)
    release = Release([counted(world, DESIGN)], DESIGN, MIN)
    [tally], [labels] = release.tallies(), release.labels()
    check(DESIGN, tally, labels)
    # One class, or all but one; how many rows have no label yet is not hidden.
    known = [c for c in subsets(5) if 0 not in c or len(c) == 5]
    sets = {"p cat": subsets(2), "p dog": subsets(2), "said": subsets(4), "was": known}
    assert_nothing_small_follows(
        world, list(told_of(world, tally, labels)), world.conjunctions(sets)
    )


def test_classes_that_would_give_the_others_count_are_not_told():
    """Everybody is a cat or a dog but 5: cats and dogs together would tell how many."""
    world = a_world(VALUES, 0, 0)
    world.cube[:, :, 1:3, 2:4] = 50
    world.cube[0, 0, 1, 1] = 5
    world.cube[0, 0, 1, 2] = 90
    [labels] = Release([counted(world, DESIGN)], DESIGN, MIN).labels()
    assert set(labels.classes) == {"p cat"}


def animals(rows: int, seed: int = 0) -> pd.DataFrame:
    """Pictures of four kinds of animals; one kind is rare."""
    random = np.random.default_rng(seed)
    kinds = np.array([*ANIMALS, "eel"])
    true = random.choice(4, rows, p=[0.5, 0.3, 0.19, 0.01])
    logits = random.normal(0, 1, (rows, 4)) + 2.5 * np.eye(4)[true]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame({f"p_{kind}": shares[:, i] for i, kind in enumerate(kinds)})
    was = kinds[true].astype(object)
    was[::10] = None
    return frame.assign(said=kinds[shares.argmax(axis=1)], was=was, size=random.normal(0, 1, rows))


ZOO: dict[str, Any] = {
    **RECIPE,
    "threshold": None,
    "roles": {"said": "prediction", "was": "outcome"},
    "classes": {f"p_{kind}": kind for kind in (*ANIMALS, "eel")},
}


def test_classes_are_told_from_recipe_to_outcomes():
    payload = Collector.baseline(animals(8_000), **ZOO)
    told = decode(payload, Baseline)[1]
    outcome = next(c for c in told.columns if c.role == "outcome")
    assert (outcome.kind, outcome.tokens) == ("categorical", [])
    assert set(told.total.chosen) == set(ZOO["classes"])
    collector = Collector(plan_of(payload), key=RECIPE["key"])
    rows = animals(5_000, seed=1)
    collector.add(rows)
    window = decode(collector.close_window(START, END), Window)[1]
    labels = decode(collector.outcomes(rows, START, END), Outcomes)[1].labels
    for kind in ANIMALS:
        said, was, known = rows["said"] == kind, rows["was"] == kind, rows["was"].notna()
        chosen, table = window.tally.chosen[f"p_{kind}"], labels.classes[f"p_{kind}"]
        assert chosen.sum is not None
        assert np.isclose(sum(s or 0 for s in chosen.sum), rows[f"p_{kind}"][said].sum())
        expected = [(said & was).sum(), (said & ~was & known).sum(), was.sum()]
        got = [table.chosen.positives, table.chosen.negatives, table.overall.positives]
        assert [sum(c or 0 for c in cells) for cells in got] == expected


def test_a_class_that_was_predicted_a_few_times_is_left_out():
    """As are those that would give its count: the rarest, until the rest is large enough."""
    payload = Collector.baseline(animals(8_000), **ZOO)
    collector = Collector(plan_of(payload), key=RECIPE["key"])
    rows = animals(5_000, seed=1)
    eels = np.flatnonzero(rows["said"] == "eel")
    collector.add(rows.drop(index=eels[5:]))
    window = decode(collector.close_window(START, END), Window)[1]
    assert "p_eel" not in window.tally.chosen
    assert "p_cat" in window.tally.chosen
    said = next(c for c in collector.plan.plan.columns if c.name == "said")
    cells = window.tally.columns["said"].cells
    merged = {
        i for i, c in enumerate(cells) if c is None or (i + 1 < len(cells) and cells[i + 1] is None)
    }
    for column in collector.plan.plan.columns:
        if column.token is not None:
            alone = 3 + said.tokens.index(column.token) not in merged
            assert (column.name in window.tally.chosen) <= alone


def test_categories_of_the_outcome_are_those_of_the_prediction():
    data = {"said": ["cat", "dog"], "was": ["cat", "owl"], "p cat": [0.9, 0.1], "p dog": [0.1, 0.8]}
    found = Counter(DESIGN, "loans", KEY).count(data).tables["class", "p cat"]
    assert found[1, POSITIVE, 4] == 1
    assert found[0, NEGATIVE, 3] == 1
    assert found.sum() == 2


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"roles": {"was": "outcome"}}, "baseline.classes"),
        ({"roles": {**ZOO["roles"], "p_cat": "score"}}, "baseline.classes"),
        ({"roles": {**ZOO["roles"], "size": "class_score"}}, "baseline.classes"),
        ({"roles": {**ZOO["roles"], "size": "score"}}, "baseline.classes"),
        ({"classes": {"p_cat": "unicorn"}}, "baseline.classes"),
        ({"classes": {"p_cat": "cat", "p_dog": "cat"}}, "baseline.classes"),
        ({"classes": {"p_cow": "cat"}}, "baseline.role"),
        ({"classes": {}}, "baseline.outcome"),
    ],
)
def test_what_cannot_be_classes_is_refused_by_name(changes, rule):
    with pytest.raises(Refused) as refusal:
        Collector.baseline(animals(2_000), **{**ZOO, **changes})
    assert refusal.value.rule == rule


def test_two_classes_are_a_score():
    rows = animals(2_000)
    rows = rows[rows["said"].isin(["cat", "dog"])]
    with pytest.raises(Refused, match=r"baseline\.classes: Two classes"):
        Collector.baseline(rows, **{**ZOO, "classes": {"p_cat": "cat", "p_dog": "dog"}})
