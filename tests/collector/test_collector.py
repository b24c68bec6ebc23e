"""The collector beside the model: every row counted once, nothing raised, shards add up."""

import datetime as dt
import logging
import threading
import time
from typing import Any

import numpy as np
import pytest

from countersign import collector as module
from countersign.checks import check_outcomes, check_window
from countersign.collector import BUFFER, MONDAY, Collector
from countersign.statement import Outcomes, Refused, Window, decode
from countersign.statements import OpenPlan

from .cast import KEY, a_collector, a_plan, some_rows

END = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
WEEK = dt.timedelta(days=7)
START = END - WEEK


def told(payload: bytes, plan: OpenPlan) -> Window:
    window = decode(payload, Window)[1]
    check_window(window, plan.plan)
    return window


def test_a_window_counts_what_the_plan_asks_for():
    collector = a_collector(deployment="prod")
    collector.add(some_rows(3_000, seed=1))
    assert collector.rows == 3_000
    window = told(collector.close_window(START, END), collector.plan)
    assert (window.model, window.version, window.deployment) == ("loans", "1", "prod")
    assert (window.start, window.end) == (START, END)
    assert window.plan == collector.plan.digest
    assert window.tally.rows == 3_000
    assert "repaid" not in window.tally.columns
    assert collector.rows == 0


def test_rows_one_by_one_count_as_rows_in_a_frame():
    rows = some_rows(1_300, seed=2)
    batch, single = a_collector(), a_collector()
    batch.add(rows)
    for row in rows.to_dict("records"):
        single.add_row(row)
    assert single.rows == 1_300
    assert single.close_window(START, END) == batch.close_window(START, END)


def test_many_threads_count_every_row_once():
    collector = a_collector()
    rows = some_rows(500, seed=3).to_dict("records")
    closed: list[bytes] = []

    def serve() -> None:
        for _ in range(8):
            for row in rows:
                collector.add_row(row)

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        closed.append(collector.close_window(START, END))
    for thread in threads:
        thread.join()
    closed.append(collector.close_window(START, END))
    counts = [told(payload, collector.plan).tally.rows for payload in closed]
    assert sum(c or 0 for c in counts) == 8 * 8 * 500
    assert collector.failures == 0


def test_a_row_may_be_changed_after_it_was_added():
    collector, row = a_collector(), {"age": 30.0}
    for _ in range(20):
        collector.add_row(row)
    row["age"] = "changed"  # type: ignore[assignment]
    window = told(collector.close_window(START, END), collector.plan)
    assert window.tally.columns["age"].cells[1] == 0


class Hostile:
    """Raises whatever is done with it."""

    def __iter__(self) -> Any:
        raise RuntimeError

    def __float__(self) -> float:
        raise RuntimeError


@pytest.mark.parametrize(
    "batch",
    [
        None,
        5,
        "text",
        Hostile(),
        {},
        {"other": [1]},
        {"age": [1], "income": [1, 2]},
        {"age": Hostile()},
    ],
)
def test_a_batch_that_cannot_be_counted_never_reaches_the_model(batch, caplog):
    collector = a_collector()
    collector.add(some_rows(100))
    with caplog.at_level(logging.ERROR, "countersign"):
        collector.add(batch)
        collector.add(batch)
    assert collector.failures == 2
    assert len(caplog.records) == 1
    assert collector.rows == 100


@pytest.mark.parametrize("row", [None, 5, Hostile(), {"age": Hostile()}, {"age": [1]}, {}])
def test_a_row_that_cannot_be_counted_never_reaches_the_model(row):
    collector = a_collector()
    for _ in range(BUFFER):
        collector.add_row(row)
    for _ in range(BUFFER):
        collector.add_row({"age": 40})
    window = told(collector.close_window(START, END), collector.plan)
    assert sum(c or 0 for c in window.tally.columns["age"].cells[3:]) >= BUFFER - 1


def test_shards_merged_inside_count_as_the_whole():
    rows = some_rows(4_000, seed=5)
    whole, first, second = a_collector(), a_collector(), a_collector()
    whole.add(rows)
    first.add(rows[:1_500])
    second.add(rows[1_500:])
    first.merge(second)
    assert second.rows == 0
    assert first.close_window(START, END) == whole.close_window(START, END)


def test_replicas_of_another_plan_are_not_merged():
    other = Collector(a_plan(threshold=0.5), key=KEY)
    with pytest.raises(Refused, match=r"collector\.other_plan"):
        a_collector().merge(other)


def test_a_window_with_few_rows_tells_nothing_but_that():
    collector = a_collector()
    collector.add(some_rows(10))
    window = told(collector.close_window(START, END), collector.plan)
    assert window.tally.rows is None
    assert window.tally.columns == {}


def test_an_empty_window_says_that_it_is_empty():
    collector = a_collector()
    window = told(collector.close_window(START, END), collector.plan)
    assert window.tally.rows == 0


def test_a_column_that_disappears_is_missing_in_every_row():
    collector = a_collector()
    collector.add(some_rows(100).drop(columns=["income", "risk", "sex"]))
    window = told(collector.close_window(START, END), collector.plan)
    for name in ("income", "risk", "sex"):
        assert window.tally.columns[name].cells[0] == 100


def test_labels_come_by_score_and_group():
    collector = a_collector()
    rows = some_rows(5_000, seed=6)
    payload = collector.outcomes(rows, START, END, revision=2)
    outcomes = decode(payload, Outcomes)[1]
    check_outcomes(outcomes, collector.plan.plan)
    assert outcomes.revision == 2
    assert outcomes.labels.overall is not None
    assert sum(c or 0 for c in outcomes.labels.overall.positives) == rows["repaid"].sum()
    assert set(outcomes.labels.groups) == {"origin", "sex"}
    assert collector.rows == 0


def test_a_few_labels_are_withheld():
    rows = some_rows(5_000).astype({"repaid": object})
    rows.loc[5:, "repaid"] = None
    outcomes = decode(a_collector().outcomes(rows, START, END), Outcomes)[1]
    assert outcomes.labels.overall is None


def test_sums_belong_to_the_scores_inside_the_bins():
    collector = a_collector()
    rows = some_rows(2_000, seed=7)
    rows.loc[:99, "risk"] = 5.0
    collector.add(rows)
    score = told(collector.close_window(START, END), collector.plan).tally.columns["risk"]
    assert score.sum is not None
    assert score.sum_squares is not None
    inside = rows["risk"][100:]
    assert np.isclose(sum(s or 0 for s in score.sum), inside.sum())
    assert np.isclose(sum(s or 0 for s in score.sum_squares), (inside**2).sum())


def test_wrong_periods_are_refused_and_nothing_is_lost():
    collector = a_collector()
    collector.add(some_rows(100))
    with pytest.raises(Refused, match=r"window\.empty_period"):
        collector.close_window(END, START)
    with pytest.raises(Refused, match=r"window\.naive_time"):
        collector.close_window(START.replace(tzinfo=None), END)
    assert collector.rows == 100


def test_without_a_period_the_window_reaches_from_the_last_one_to_now():
    collector = a_collector()
    before = dt.datetime.now(dt.UTC)
    first = told(collector.close_window(), collector.plan)
    second = told(collector.close_window(), collector.plan)
    assert first.end <= second.start < second.end <= dt.datetime.now(dt.UTC)
    assert first.start <= before


def test_shards_that_stop_name_the_calendars_start_and_end_to_add_up():
    sent: list[bytes] = []
    collectors = [a_collector(shard=i, shards=2) for i in range(2)]
    for collector in collectors:
        collector.start(sent.append)
        collector.add(some_rows(50))
        collector.stop()
    first, second = (told(payload, collectors[0].plan) for payload in sent)
    assert (first.start, first.end) == (second.start, second.end)
    assert (first.start - MONDAY) % WEEK == dt.timedelta(0)
    assert first.start <= dt.datetime.now(dt.UTC) < first.end == first.start + WEEK


def test_a_shard_closes_each_window_once():
    collector = a_collector(shards=2)
    first, again = (told(collector.close_window(), collector.plan) for _ in range(2))
    assert (first.start, first.end) == (again.start, again.end)


def test_windows_are_closed_by_themselves_and_the_last_one_at_the_stop():
    sent: list[bytes] = []
    collector = a_collector()
    collector.start(sent.append)
    collector.add(some_rows(50))
    collector.stop()
    assert [told(payload, collector.plan).tally.rows for payload in sent] == [50]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"deployment": "no spaces, please"}, "collector.deployment"),
        ({"deployment": ""}, "collector.deployment"),
        ({"shard": 2, "shards": 2}, "window.shard_out_of_range"),
        ({"shard": -1}, "window.shard_out_of_range"),
        ({"shards": 10_001}, "window.shard_out_of_range"),
    ],
)
def test_what_no_statement_could_carry_is_refused_before_a_row_is_counted(options, rule):
    with pytest.raises(Refused) as refusal:
        a_collector(**options)
    assert refusal.value.rule == rule


def test_a_window_that_cannot_be_closed_is_tried_again_after_a_pause(monkeypatch):
    collector = a_collector()
    monkeypatch.setattr(module, "PAUSE", 0.05)
    collector._opened -= WEEK  # its window is over
    collector.deployment = "no spaces, please"
    collector.start(lambda payload: None)
    time.sleep(0.5)
    collector.stop()
    assert 2 <= collector.failures <= 12


def test_a_statement_that_cannot_be_sent_is_kept_and_tried_again(monkeypatch):
    tried: list[bytes] = []
    sent = threading.Event()

    def send(payload: bytes) -> None:
        tried.append(payload)
        if len(tried) < 3:
            raise Refused("spool.full", "Too many statements wait.")
        sent.set()

    collector = a_collector()
    monkeypatch.setattr(module, "PAUSE", 0.02)
    collector._opened -= WEEK
    collector.add(some_rows(50))
    collector.start(send)
    assert sent.wait(10)
    assert len(set(tried)) == 1
    assert told(tried[2], collector.plan).tally.rows == 50
    collector.stop()
    assert len(tried) == 4
    assert collector.failures == 2
