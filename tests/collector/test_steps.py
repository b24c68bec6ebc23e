"""Revisions of a window's labels, all taken together, give no small count, and are still told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from countersign.collector import Collector
from countersign.counting import Counter
from countersign.design import Design
from countersign.merging import Step, is_safe, merge_steps
from countersign.release import Release
from countersign.revisions import is_safe_step, refuse_less, widths_of
from countersign.sender import Sender
from countersign.statement import Outcomes, Refused, decode
from countersign.tables import Labels, Tally

from . import test_classes, test_errors, test_release, test_slices
from .attack import (
    KEY,
    MIN,
    Cube,
    World,
    a_world,
    assert_nothing_small_follows,
    ranges,
    seeds,
    sizes,
    subsets,
)
from .cast import END, RECIPE, START, plan_of, some_rows
from .test_errors import HOUSES, prices

WHEN = "known in"  # the revision in which a row's label becomes known
FIRST, SECOND, THIRD = 0, 1, 2


@dataclass
class Case:
    """A design, a world for it, and what an attacker asks for."""

    design: Design
    values: dict[str, list[Any]]
    label: str
    told_of: Callable[[World, Tally, Labels], Iterator[Cube]]
    sets: dict[str, Sequence[Sequence[int]]]

    def counted(self, rows: dict[str, Any], revision: int) -> Any:
        """The counts when the labels up to a revision are known."""
        data = dict(rows)
        if self.label == "error":
            data["y"] = data["s"] - data.pop("error")
        outcome = "was" if self.label == "was" else "y"
        known = data.pop(WHEN) <= revision
        data[outcome] = np.where(known, data[outcome], None)
        counter = Counter(self.design, "loans", KEY)
        return counter.count({name: data[name] for name in counter.names})


@dataclass
class Known(World):
    """A world in which labels are told of the rows up to a revision."""

    label: str = ""
    revision: int = 0

    def where(self, **chosen: Sequence[int]) -> Cube:
        if self.label in chosen:
            chosen[WHEN] = range(self.revision + 1)
        return super().where(**chosen)


# Some rows' labels never become known: how many have none yet is not hidden.
CASES = {
    "groups": Case(
        test_release.DESIGN,
        test_release.VALUES | {"w": [0], "y": [0, 1, None]},
        "y",
        lambda world, tally, labels: test_release.told_of(world, tally, labels, [0]),
        {"g": subsets(6), "s": ranges(7), "y": subsets(2)},
    ),
    "slices": Case(
        test_slices.DESIGN,
        test_slices.VALUES | {"w": [0], "c": [None]},
        "y",
        lambda world, tally, labels: test_slices.told_of(world, tally, labels, [0]),
        {"a": subsets(3), "b": subsets(4), "s": ranges(4), "y": subsets(2)},
    ),
    "classes": Case(
        test_classes.DESIGN,
        test_classes.VALUES,
        "was",
        test_classes.told_of,
        {
            "p cat": subsets(2),
            "p dog": subsets(2),
            "said": subsets(4),
            "was": [c for c in subsets(5) if 0 not in c],
        },
    ),
    "errors": Case(
        test_errors.DESIGN,
        test_errors.VALUES | {"error": [*test_errors.VALUES["error"], np.nan]},
        "error",
        test_errors.told_of,
        {"g": subsets(3), "h": subsets(2), "s": ranges(3), "error": ranges(4)},
    ),
}


def revise(counted: Sequence[Any], design: Design) -> list[Labels | None]:
    """What each revision tells beside those before it; None where it is refused."""
    told: list[Labels | None] = []
    for one in counted:
        earlier = [labels for labels in told if labels is not None]
        [labels] = Release([one], design, MIN, earlier=earlier).labels()
        try:
            refuse_less(labels, earlier)
        except Refused:
            told.append(None)
        else:
            told.append(labels)
    return told


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None)
@given(seed=seeds, size=sizes)
def test_three_revisions_together_give_no_small_count(name, seed, size):
    case = CASES[name]
    world = a_world({**case.values, WHEN: [0, 1, 2]}, seed, size / 2)
    assume(world.cube.sum() >= MIN)
    counted = [case.counted(world.rows(), revision) for revision in (0, 1, 2)]
    [tally] = Release(counted[:1], case.design, MIN).tallies()
    told: list[Cube] = []
    for revision, labels in enumerate(revise(counted, case.design)):
        seen = Known(world.values, world.cube, case.label, revision)
        told += case.told_of(seen, tally, labels or Labels())
    sets = world.conjunctions({**case.sets, WHEN: subsets(3)})
    assert_nothing_small_follows(world, told, sets)


@given(seeds, st.integers(2, 25), st.integers(1, 3), st.sampled_from([0.0, 0.2]))
@settings(max_examples=200, deadline=None)
def test_runs_of_two_releases_are_safe_where_they_meet_and_never_overlap(seed, cells, lines, lost):
    random = np.random.default_rng(seed)
    told: list[tuple[Cube, Any]] = []
    now = np.zeros((lines, cells), np.int64)
    for _ in range(4):
        now = now + random.poisson(random.choice([0.5, 4.0, 30.0], cells), now.shape)
        now = now - random.binomial(now, lost)
        steps = [Step(now - before, cuts) for before, cuts in told]
        starts = merge_steps(now, steps, MIN)
        if starts is not None:
            assert is_safe(np.add.reduceat(now, starts, axis=1), MIN)
            told.append((now, starts))
    for (before, first), (after, second) in combinations(told, 2):
        both = np.intersect1d(first, second)
        assert is_safe(np.add.reduceat(after - before, both, axis=1), MIN)
        for low, high in zip(both, [*both[1:].tolist(), cells], strict=True):
            inside = [((low < cuts) & (cuts < high)).any() for cuts in (first, second)]
            assert not all(inside)


def known(rows: pd.DataFrame, share: float) -> pd.DataFrame:
    """The rows when a share of the labels is known."""
    when = np.random.default_rng(1).random(len(rows))
    return rows.assign(repaid=rows["repaid"].astype(object).where(when < share, None))


LOANS = {**RECIPE, "slices": ["region", ("region", "employed")]}


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(tmp_path, "http://127.0.0.1:9", "bearer", Ed25519PrivateKey.generate())


@pytest.fixture
def collector(sender: Sender) -> Collector:
    plan = plan_of(Collector.baseline(some_rows(8_000).drop(columns="when"), **LOANS))
    return Collector(plan, key=RECIPE["key"], memory=sender.memory)


def told_by(collector: Collector, rows: pd.DataFrame, revision: int = 1) -> tuple[bytes, Labels]:
    payload = collector.outcomes(rows, START, END, revision=revision)
    return payload, decode(payload, Outcomes)[1].labels


@pytest.mark.parametrize(
    ("shares", "runs"), [((0.5, 1.0), 30), ((0.9, 1.0), 8), ((0.1, 0.5, 1.0), 30)]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_later_labels_are_told_with_their_groups_and_slices(collector, sender, shares, runs, seed):
    rows = some_rows(4_000, seed)
    for revision, share in enumerate(shares, start=1):
        payload, labels = told_by(collector, known(rows, share), revision)
        sender.put(payload)
    assert len(sender.waiting()) == len(shares)
    assert labels.overall is not None
    assert sum(cell is not None for cell in labels.overall.positives) >= runs
    assert all(labels.groups["sex"].values())
    assert all(
        one is not None and sum(c is not None for c in one.rows) > 2 for one in labels.slices
    )


def test_a_revision_by_one_label_is_refused_and_not_remembered(collector, sender):
    rows = some_rows(4_000)
    some = known(rows, 0.5)
    sender.put(told_by(collector, some)[0])
    one_more = some.copy()
    place = np.flatnonzero(some["repaid"].isna())[0]
    one_more.loc[place, "repaid"] = rows["repaid"][place]
    with pytest.raises(Refused, match=r"labels\.small_step"):
        told_by(collector, one_more, 2)
    sender.put(told_by(collector, rows, 2)[0])


def test_the_same_labels_again_are_told_alike(collector, sender):
    rows = some_rows(4_000)
    for share in (0.5, 0.8):
        payload, labels = told_by(collector, known(rows, share))
        sender.put(payload)
    assert told_by(collector, known(rows, 0.8), 3)[1] == labels


def test_a_revision_that_was_made_before_another_was_sent_is_held_back(collector, sender):
    rows = some_rows(4_000)
    sender.put(told_by(collector, known(rows, 0.5))[0])
    first, second = (told_by(collector, known(rows, s), 2)[0] for s in (0.8, 0.8005))
    sender.put(first)
    with pytest.raises(Refused, match=r"labels\.small_step"):
        sender.put(second)


def test_flipped_and_withdrawn_labels_are_told_once_they_are_many(collector, sender):
    rows = some_rows(4_000)
    sender.put(told_by(collector, known(rows, 0.6))[0])
    for flipped, new, passes in ((1, 0.6, False), (1, 0.9, True), (300, 0.6, True)):
        changed = known(rows, new)
        where = np.flatnonzero(changed["repaid"].notna())[:flipped]
        changed.loc[where, "repaid"] = ~changed["repaid"][where].astype(bool)
        if passes:
            told_by(collector, changed, 2)
        else:
            with pytest.raises(Refused, match=r"labels\.small_step"):
                told_by(collector, changed, 2)
    sender.put(told_by(collector, known(rows, 0.4), 2)[0])


@given(seeds, st.sampled_from([0.0, 0.01, 0.3]), st.sampled_from([0.0, 0.02, 0.3]))
@settings(max_examples=25, deadline=None)
def test_whatever_was_corrected_what_is_told_passes_the_comparison(seed, flipped, withdrawn):
    random = np.random.default_rng(seed)
    rows = some_rows(1_500, seed % 7)
    rows["repaid"] = rows["repaid"].astype(object)
    design = Design.of(
        plan_of(Collector.baseline(some_rows(3_000).drop(columns="when"), **LOANS)).plan
    ).later
    counter = Counter(design, "loans", RECIPE["key"])
    counted = []
    for share in (0.5, 0.7, 1.0):
        flip = random.random(len(rows)) < flipped
        rows.loc[flip, "repaid"] = ~rows["repaid"][flip].astype(bool)
        seen = known(rows, share)
        seen.loc[random.random(len(rows)) < withdrawn, "repaid"] = None
        counted.append(counter.count(seen))
    told = [labels for labels in revise(counted, design) if labels is not None]
    widths = widths_of(design.slices)
    assert all(is_safe_step(a, b, MIN, widths) for a, b in combinations(told, 2))


def test_corrected_prices_are_told_where_others_came(sender):
    plan = plan_of(Collector.baseline(prices(6_000), **HOUSES))
    collector = Collector(plan, key=RECIPE["key"], memory=sender.memory)
    rows = prices(4_000, seed=3)
    first = rows.assign(price=rows["price"].where(rows.index < 2_000))
    sender.put(told_by(collector, first)[0])
    corrected = first.assign(price=first["price"].where(first.index != 1_000, 1.0))
    with pytest.raises(Refused, match=r"labels\.small_step"):
        told_by(collector, corrected, 2)
    rows.loc[1_000, "price"] += 1.0
    payload, labels = told_by(collector, rows, 2)
    sender.put(payload)
    assert labels.errors is not None
    assert all(labels.error_groups["sex"].values())
    assert all(labels.slices)


def test_a_quality_is_told_again_with_its_sums(sender):
    rows = pd.DataFrame({"length": np.arange(6_000) % 40, "ndcg": np.linspace(0, 1, 6_000)})
    recipe = {key: RECIPE[key] for key in ("model", "version", "digest", "key")}
    plan = plan_of(Collector.baseline(rows, **recipe, roles={"ndcg": "quality"}))
    collector = Collector(plan, key=RECIPE["key"], memory=sender.memory)
    for revision, step in enumerate((2, 1), start=1):
        seen = rows.assign(ndcg=rows["ndcg"].where(rows.index % step == 0))
        payload, labels = told_by(collector, seen, revision)
        sender.put(payload)
    told = labels.quality["ndcg"]
    assert sum(cell is not None for cell in told.cells) > 20
    assert told.sum is not None
    assert sum(total or 0 for total in told.sum) == pytest.approx(rows["ndcg"].sum())
    few = rows.assign(ndcg=rows["ndcg"].where(rows.index != 17))
    with pytest.raises(Refused, match=r"labels\.small_step"):
        told_by(collector, few, 3)
