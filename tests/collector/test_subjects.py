"""Of one person, a statement counts at most as many rows as the plan says; no name is kept."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from countersign.collector import Collector
from countersign.statement import Refused
from countersign.statements import OpenPlan
from countersign.subjects import Subjects
from countersign.tables import Privacy

from .cast import KEY, noised_plan, some_rows

PERSONS = Privacy(mechanism="discrete_gaussian", scale=4.0, unit="person", contribution=2)


@pytest.fixture(scope="module")
def plan() -> OpenPlan:
    return noised_plan(PERSONS)


def persons(rows: int) -> pd.DataFrame:
    """Everybody has five rows, spread over the frame."""
    return some_rows(rows).assign(who=[f"person {i % (rows // 5)}" for i in range(rows)])


def limited(values: Any, most: int = 2) -> int:
    rows, _ = Subjects("who", most, KEY).limit({"who": values})
    return rows


def test_the_first_rows_of_each_person_are_counted():
    data: dict[str, Any] = {"who": np.array(["a", "b", "a", "a", "b", "c"]), "x": np.arange(6)}
    rows, kept = Subjects("who", 2, KEY).limit(data)
    assert (rows, list(kept)) == (5, ["x"])
    assert np.array_equal(kept["x"], [0, 1, 2, 4, 5])  # type: ignore[arg-type]


def test_5_and_5_0_and_its_text_are_one_person_and_nobody_is_left_out():
    assert limited(np.array([5, 5.0, "5", 5], object)) == 2
    assert limited(np.array([7.0, np.nan, 7.0, 7.0, np.nan])) == 2
    assert limited(np.array([None, [1], "x"], object)) == 1


@pytest.mark.parametrize("as_frame", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
def test_the_bound_holds_over_batches_of_any_kind(plan: OpenPlan, as_frame: Any):
    frame = persons(1_000)
    collector = Collector(plan, key=KEY, subject="who")
    for start in range(0, 1_000, 250):
        collector.add(as_frame(frame.iloc[start : start + 250]))
    assert (collector.rows, collector.failures) == (400, 0)


def test_single_rows_are_bounded_too_and_the_next_window_begins_anew(plan: OpenPlan):
    collector = Collector(plan, key=KEY, subject="who")
    row = persons(5).iloc[0].to_dict()
    for _ in range(2):
        for _ in range(5):
            collector.add_row(row)
        assert collector.take().rows == 2


def test_windows_by_time_have_a_bound_each(plan: OpenPlan):
    frame = persons(1_000)
    counter, subjects = plan.counter(KEY), plan.subjects(KEY, "who")
    counts = counter.count_by_time([frame[:600], frame[600:]], "when", 0, 30 * 86_400, subjects)
    months = frame["when"].astype("datetime64[s]").astype("int64") // (30 * 86_400)
    rows = frame.groupby([months.rename("month"), "who"]).size().clip(upper=2)
    assert [c.rows for c in counts.values()] == rows.groupby(level=0).sum().tolist()


def test_who_it_was_is_in_no_statement_and_not_in_memory(plan: OpenPlan):
    collector = Collector(plan, key=KEY, subject="who")
    collector.add(persons(100))
    assert "person" not in str(vars(collector._subjects))
    assert b"person 1" not in collector.close_window()


def test_without_the_column_a_plan_for_persons_is_not_followed(plan: OpenPlan):
    for subject in (None, "income"):  # none named; one that is counted
        with pytest.raises(Refused, match=r"noise\.subject"):
            Collector(plan, key=KEY, subject=subject)
    collector = Collector(plan, key=KEY, subject="who")
    collector.add(some_rows(20))
    assert (collector.rows, collector.failures) == (0, 1)


def test_replicas_of_which_each_knows_its_own_persons_are_not_added_up(plan: OpenPlan):
    one, other = (Collector(plan, key=KEY, subject="who") for _ in range(2))
    other.add(persons(10))
    with pytest.raises(Refused, match=r"noise\.replicas"):
        one.merge(other)
    assert other.rows == 4
