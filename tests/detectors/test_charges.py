"""What a row can change, counted by the real collector: never more than the ledger charges."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from countersign.collector import Collector
from countersign.design import Design
from countersign.release import Release
from countersign.statement import Baseline, Plan, decode
from countersign.statements import OpenPlan
from countersign.tables import Counts, ErrorTable, Labels, LabelTable, Privacy, SliceTable, Tally
from detectors import charges
from tests.collector.cast import KEY, RECIPE, RICH, plan_of, rich_rows, some_rows

ROWS = 400


def animals(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    p = random.dirichlet([1, 1, 1], rows)
    names = np.array(["cat", "dog", "owl"])
    said = names[p.argmax(axis=1)]
    was = np.where(random.random(rows) < 0.8, said, names[random.integers(0, 3, rows)])
    columns = {f"p {name}": p[:, i] for i, name in enumerate(names)}
    return pd.DataFrame({**columns, "age": random.integers(1, 20, rows), "said": said, "was": was})


def prices(rows: int, seed: int = 0) -> pd.DataFrame:
    frame = some_rows(rows, seed).drop(columns=["when", "risk", "approved", "repaid"])
    frame["price"] = np.linspace(10, 90, rows)
    frame["paid"] = frame["price"] + np.random.default_rng(seed).normal(0, 5, rows)
    return frame


CLASSES: dict[str, Any] = {
    **RECIPE,
    "roles": {
        "said": "prediction",
        "was": "outcome",
        **{f"p {name}": "class_score" for name in ("cat", "dog", "owl")},
    },
    "classes": {f"p {name}": name for name in ("cat", "dog", "owl")},
    "threshold": None,
}
REGRESSION: dict[str, Any] = {
    **RECIPE,
    "roles": {"price": "score", "paid": "outcome", "origin": "group", "sex": "group"},
    "threshold": None,
    "slices": ["region", ("region", "employed")],
}
WORLDS = {
    "loans": (RICH, rich_rows),
    "animals": (CLASSES, animals),
    "prices": (REGRESSION, prices),
}


def plan_for(name: str) -> OpenPlan:
    recipe, rows = WORLDS[name]
    return plan_of(Collector.baseline(rows(5_000), **recipe))


def largest(plan: Plan, name: str) -> float:
    edges = next(c.edges for c in plan.columns if c.name == name)
    return max(abs(edges[0]), abs(edges[-1]))


def figures(told: Any, plan: Plan, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a tally or of labels, sums in units of the most that one row can add."""
    score = next((c.name for c in plan.columns if c.role == "score"), "")
    match told:
        case Counts():
            bound = largest(plan, name) if told.sum else 1.0
            yield from numbers(f"{name} cells", told.cells)
            yield from numbers(f"{name} sum", told.sum, bound)
            yield from numbers(f"{name} squares", told.sum_squares, bound**2)
        case LabelTable():
            yield from numbers(f"{name} positives", told.positives)
            yield from numbers(f"{name} negatives", told.negatives)
        case ErrorTable():
            bound = largest(plan, next(c.name for c in plan.columns if c.role == "outcome"))
            for field, unit in (("rows", 1.0), ("errors", 1.0), ("sum", bound)):
                yield from numbers(f"{name} {field}", getattr(told, field), unit)
            yield from numbers(f"{name} absolute", told.sum_absolute, bound)
            yield from numbers(f"{name} squares", told.sum_squares, bound**2)
        case SliceTable():
            yield from numbers(f"{name} rows", told.rows)
            yield from numbers(f"{name} hits", told.hits)
            if told.loss is not None:
                bound = largest(plan, next(c.name for c in plan.columns if c.role == "outcome"))
                yield from numbers(f"{name} loss", told.loss, bound)
        case Tally():
            yield "rows", float(told.rows or 0)
            for column, counts in (*told.columns.items(), *told.chosen.items()):
                chosen = column in told.chosen and counts is told.chosen[column]
                yield from ((f"{chosen} {k}", v) for k, v in figures(counts, plan, column))
            for group, tables in told.groups.items():
                for token, counts in tables.items():
                    yield from (
                        (f"{group} {token} {k}", v) for k, v in figures(counts, plan, score)
                    )
            for i, table in enumerate(told.slices):
                yield from figures(table, plan, f"slice {i}")
        case Labels():
            yield from label_figures(told, plan)


def label_figures(told: Labels, plan: Plan) -> Iterator[tuple[str, float]]:
    yield from figures(told.overall, plan, "overall")
    yield from figures(told.errors, plan, "errors")
    for column, quality in told.quality.items():
        yield from figures(quality, plan, column)
    by_group: list[tuple[str, dict[str, Any]]]
    by_group = [("labels", {**told.groups}), ("errors", {**told.error_groups})]
    for kind, groups in by_group:
        for group, tables in groups.items():
            for token, table in tables.items():
                yield from figures(table, plan, f"{kind} {group} {token}")
    for name, one in told.classes.items():
        yield from figures(one.overall, plan, f"{name} overall")
        yield from figures(one.chosen, plan, f"{name} chosen")
    for i, sliced in enumerate(told.slices):
        yield from figures(sliced, plan, f"slice {i}")


def numbers(name: str, line: Any, unit: float = 1.0) -> Iterator[tuple[str, float]]:
    for i, value in enumerate(line or ()):
        yield f"{name} {i}", (value or 0) / unit


def counted(opened: OpenPlan, rows: pd.DataFrame, later: bool) -> dict[str, float]:
    """All figures about some rows, with nothing merged."""
    counter = opened.outcome_counter(KEY) if later else opened.counter(KEY)
    design = Design.of(opened.plan).later if later else Design.of(opened.plan).now
    release = Release([counter.count(rows)], design, 1)
    [told] = release.labels() if later else release.tallies()
    return dict(figures(told, opened.plan))


@pytest.mark.parametrize("later", [False, True], ids=["window", "outcomes"])
@pytest.mark.parametrize("name", WORLDS)
def test_a_row_changes_at_most_what_is_charged_and_some_row_so_much(name: str, later: bool) -> None:
    opened = plan_for(name)
    rows = WORLDS[name][1](ROWS, 1)
    touched = (charges.touched_by_outcomes if later else charges.touched_by_window)(opened.plan)
    without = counted(opened, rows.iloc[40:], later)
    changed, squares = [], []
    for i in range(40):
        every = pd.concat([rows.iloc[40:], rows.iloc[i : i + 1]], ignore_index=True)
        told = counted(opened, every, later)
        change = [abs(told.get(k, 0) - without.get(k, 0)) for k in told | without]
        assert max(change) <= 1 + 1e-6
        changed.append(sum(c > 1e-9 for c in change))
        squares.append(sum(c**2 for c in change))
    assert max(changed) == touched
    assert max(squares) <= touched + 1e-6


@pytest.mark.parametrize("later", [False, True], ids=["window", "outcomes"])
def test_a_person_with_three_rows_changes_the_square_of_three_times_as_much(later: bool) -> None:
    opened = plan_for("loans")
    rows = rich_rows(ROWS, 1)
    touched = (charges.touched_by_outcomes if later else charges.touched_by_window)(opened.plan)
    without = counted(opened, rows.iloc[40:], later)
    for i in range(10):
        person = pd.concat([rows.iloc[i : i + 1]] * 3)
        told = counted(opened, pd.concat([rows.iloc[40:], person], ignore_index=True), later)
        change = sum((told.get(k, 0) - without.get(k, 0)) ** 2 for k in told | without)
        assert change <= 9 * touched + 1e-6
        assert change > 9 * touched / 2


def test_a_baseline_with_a_series_tells_its_rows_twice() -> None:
    frame = rich_rows(6_000)
    frame["when"] = some_rows(6_000)["when"]
    series = decode(Collector.baseline(frame, **RICH, time="when"), Baseline)[1]
    whole = decode(Collector.baseline(frame.drop(columns="when"), **RICH), Baseline)[1]
    once = charges.touched_by_window(whole) + charges.touched_by_outcomes(whole)
    assert charges.touched_by_baseline(whole) == once
    assert series.windows
    assert charges.touched_by_baseline(series) == 2 * once


def test_without_noise_nothing_is_claimed_and_nothing_charged() -> None:
    plan = plan_for("loans").plan
    assert charges.of_window(plan).rho == 0
    noise = Privacy(mechanism="discrete_gaussian", scale=10.0, unit="person", contribution=2)
    noised = charges.of_window(msgspec.structs.replace(plan, privacy=noise))
    assert noised.rho == pytest.approx(noised.touched * 4 / 200)
