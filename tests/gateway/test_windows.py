"""One deployment's windows: sums are exact, counted once, told once, whatever happens between."""

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign import Collector, Refused
from countersign.gateway.exchange import Message, counted_of, decode, tables_of
from countersign.gateway.windows import MOST_OPEN, Deployment
from countersign.statement import Window
from countersign.statement import decode as decode_statement
from tests.collector.cast import KEY, RICH, a_plan, plan_of, rich_rows, shap_values, some_rows
from tests.gateway.conftest import WEEK, counted_by_one, equal, message_of, week_of

PLAN = plan_of(
    Collector.baseline(rich_rows(3_000), attributions=shap_values(400), **RICH),
)
ROWS = rich_rows(1_200, seed=5)
LIKE = PLAN.counter(KEY).nothing()


def deployment(
    folder: Path, put: Any = None, patience: float = 60.0, plan: Any = PLAN
) -> Deployment:
    put = put or [].append
    return Deployment("prod", folder, KEY, newest=lambda: plan, put=put, patience=patience)


def told(folder: Path, plan: Any = PLAN) -> Window:
    """What a gateway tells that starts now and waits for nobody."""
    statements: list[bytes] = []
    deployment(folder, statements.append, patience=0, plan=plan).release()
    [payload] = statements
    return decode_statement(payload, Window)[1]


def of_last_week(counted: Any, replica: str = "a", sequence: int = 1) -> Message:
    return message_of(PLAN, counted, week_of(time.time()) - WEEK, replica, sequence)


@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_replicas_equal_one_collector_on_the_union_of_their_rows(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("gateway")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ROWS)), min_size=1, max_size=5)))
    parts = [ROWS[a:b] for a, b in zip([0, *cuts], [*cuts, len(ROWS)], strict=True)]
    messages = [
        of_last_week(counted_by_one(PLAN, KEY, part), f"replica{i % 2}", i)
        for i, part in enumerate(parts)
    ]
    gateway = deployment(folder)
    for message in messages:
        for _ in range(data.draw(st.integers(1, 3))):  # an answer may get lost
            gateway.add(decode(msgspec.msgpack.encode(message)))
            if data.draw(st.booleans()):
                gateway = deployment(folder)  # killed, and started again
    one = Collector(PLAN, key=KEY, deployment="prod")
    one.add(ROWS)
    window = told(folder)
    alone = decode_statement(one.close_window(window.start, window.end), Window)[1]
    assert window == alone


def test_a_message_is_the_counts_again() -> None:
    counted = counted_by_one(PLAN, KEY, ROWS)
    assert equal(counted_of(counted.rows, tables_of(counted), LIKE), counted)
    assert {t.dtype.kind for t in LIKE.tables.values()} == {"i", "f"}
    assert all(LIKE.tables[k].dtype.kind == t.dtype.kind for k, t in counted.tables.items())


def test_counts_that_no_rows_could_have_are_refused() -> None:
    counted = counted_by_one(PLAN, KEY, ROWS[:100])
    tables = tables_of(counted)
    whole, sums = next(t for t in tables if t.key == ("column", "age")), next(
        t for t in tables if t.key == ("sums", "risk"))  # fmt: skip

    def spoiled(table: Any, **changes: Any) -> list[Any]:
        changed = msgspec.structs.replace(table, **changes)
        return [changed if each is table else each for each in tables]

    negative = np.frombuffer(whole.numbers, "<i8").copy()
    negative[[0, 4]] = [-5, negative[4] + 5 + negative[0]]
    for wrong in (
        tables[1:],
        [*tables, tables[0]],
        spoiled(whole, key=("column", "nobody's")),
        spoiled(whole, shape=(2, 2)),
        spoiled(whole, numbers=whole.numbers[:-8]),
        spoiled(whole, numbers=negative.tobytes()),
        spoiled(sums, numbers=np.full(len(sums.numbers) // 8, np.nan).tobytes()),
    ):
        with pytest.raises(Refused, match=r"gateway\.counts"):
            counted_of(counted.rows, wrong, LIKE)
    with pytest.raises(Refused, match=r"gateway\.counts"):
        counted_of(counted.rows + 1, tables, LIKE)


def test_a_statement_is_made_once_and_its_bytes_are_kept_until_they_are_taken(
    tmp_path: Path,
) -> None:
    deployment(tmp_path).add(of_last_week(counted_by_one(PLAN, KEY, ROWS)))
    taken: list[bytes] = []

    def full(payload: bytes) -> None:
        taken.append(payload)
        if len(taken) < 3:
            raise Refused("spool.full", "Too many statements wait.")

    gateway = deployment(tmp_path, full, patience=0)
    with pytest.raises(Refused, match=r"spool\.full"):
        gateway.release()
    [kept] = tmp_path.glob("*.statement")
    kept.write_bytes(taken[0].replace(b"prod", b"PROD"))  # so that making it anew would show
    gateway = deployment(tmp_path, full, patience=0)
    with pytest.raises(Refused, match=r"spool\.full"):
        gateway.release()
    gateway.release()
    gateway.release()
    assert taken == [taken[0], taken[1], taken[1]] and b"PROD" in taken[1]
    assert {path.name for path in tmp_path.iterdir()} == {"plans", "released"}


def test_what_cannot_be_told_is_set_aside_and_holds_nothing_up(tmp_path: Path) -> None:
    gateway, counted = deployment(tmp_path), counted_by_one(PLAN, KEY, ROWS)
    last = week_of(time.time()) - WEEK
    for start in (last - WEEK, last):
        gateway.add(message_of(PLAN, counted, start))
    taken: list[bytes] = []

    def put(payload: bytes) -> None:
        taken.append(payload)
        if len(taken) == 1:
            raise Refused("noise.drawn_before", "Noise was drawn for this before.")

    deployment(tmp_path, put, patience=0).release()
    assert len(taken) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"plans", "released", f"{last - WEEK}.untold"}


def test_small_cells_are_merged_in_the_sum_and_not_in_each_replica(tmp_path: Path) -> None:
    plan = a_plan()
    rare = some_rows(60).drop(columns="when").assign(region="west")
    gateway = deployment(tmp_path, plan=plan)
    for i in range(6):  # 10 rows each: alone, none could tell anything
        counted = counted_by_one(plan, KEY, rare[10 * i : 10 * i + 10])
        gateway.add(message_of(plan, counted, week_of(time.time()) - WEEK, f"r{i}"))
    window = told(tmp_path, plan)
    assert window.tally.rows == 60
    assert 60 in window.tally.columns["region"].cells


def test_who_comes_late_early_or_between_is_refused(tmp_path: Path) -> None:
    gateway, counted, now = deployment(tmp_path), counted_by_one(PLAN, KEY, ROWS[:50]), time.time()
    for start, rule in (
        (week_of(now) + WEEK, "gateway.future"),
        (week_of(now) + 60, "gateway.period"),
    ):
        with pytest.raises(Refused, match=rule):
            gateway.add(message_of(PLAN, counted, start))
    with pytest.raises(Refused, match=r"gateway\.other_plan"):
        gateway.add(message_of(a_plan(), counted, week_of(now)))
    with pytest.raises(Refused, match=r"gateway\.late"):
        deployment(tmp_path, patience=0).add(of_last_week(counted))
    with pytest.raises(Refused, match=r"gateway\.full"):
        for weeks in range(MOST_OPEN + 1):
            gateway.add(message_of(PLAN, LIKE, week_of(now) - weeks * WEEK))


def test_a_window_of_which_everything_was_refused_is_not_told(tmp_path: Path) -> None:
    counted = counted_by_one(PLAN, KEY, ROWS[:50])
    taken: list[bytes] = []
    gateway = deployment(tmp_path, taken.append)
    with pytest.raises(Refused, match=r"gateway\.counts"):
        gateway.add(msgspec.structs.replace(of_last_week(counted), rows=51))
    gateway.patience = 0
    gateway.release()
    assert taken == []


def test_many_at_once_are_all_counted_and_all_on_disk(tmp_path: Path) -> None:
    gateway, counted = deployment(tmp_path), counted_by_one(PLAN, KEY, ROWS[:50])

    def send(replica: int) -> None:
        for sequence in range(8):
            gateway.add(of_last_week(counted, f"r{replica}", sequence))

    threads = [threading.Thread(target=send, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(tmp_path).tally.rows == 64 * 50


def test_a_plan_that_protects_persons_needs_shards(tmp_path: Path) -> None:
    privacy = msgspec.structs.replace(
        PLAN.plan.privacy, unit="person", mechanism="discrete_laplace", scale=1.0
    )
    plan = msgspec.structs.replace(PLAN.plan, privacy=privacy)
    with pytest.raises(Refused, match=r"gateway\.persons"):
        deployment(tmp_path, plan=type(PLAN)(plan, "0" * 64, PLAN.version_digest))
