"""KServe's and Seldon's events: joined in either order, counted as the rows that they hold."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign import Collector, Home, Refused
from countersign.gateway import events, windows
from countersign.gateway.events import Event, Joiner, read_event, rows_of
from countersign.gateway.service import Serve, Served
from countersign.gateway.windows import Deployment, Kept
from tests.collector.cast import KEY, RECIPE, plan_of, some_rows
from tests.gateway.conftest import Gateway, counted_by_one, equal, week_of

INCOMES, REGIONS, RISKS = [41_000.0, 12.5, None], ["north", "south", "Utopia"], [0.1, 0.5, 0.9]
V1 = {"instances": [list(pair) for pair in zip(INCOMES, REGIONS, strict=True)]}
NAMED = {"instances": [{"income": i, "region": r} for i, r in zip(INCOMES, REGIONS, strict=True)]}
V2 = {
    "id": "7",
    "inputs": [
        {"name": "income", "shape": [3], "datatype": "FP64", "data": INCOMES},
        {"name": "region", "shape": [3, 1], "datatype": "BYTES", "data": REGIONS},
    ],
}
SELDON = {"data": {"names": ["income", "region"], "ndarray": V1["instances"]}}
ANSWERS: dict[str, Any] = {
    "V1": {"predictions": RISKS},
    "V1 in lists": {"predictions": [[risk] for risk in RISKS]},
    "V2": {
        "outputs": [
            {"name": "output-0", "shape": [3, 1], "datatype": "FP64", "data": [[r] for r in RISKS]}
        ]
    },
    "Seldon": {"data": {"names": ["t:0"], "ndarray": [[risk] for risk in RISKS]}},
    "Seldon's tensor": {"data": {"tensor": {"shape": [3, 1], "values": RISKS}}},
}
ROWS = {"income": INCOMES, "region": REGIONS, "risk": RISKS}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("asked", [V1, NAMED, V2, SELDON], ids=["V1", "named", "V2", "Seldon"])
def test_every_form_holds_the_same_rows(asked: Any, answer: str) -> None:
    assert rows_of(asked, ANSWERS[answer], ["income", "region"], ["risk"]) == ROWS


def test_events_by_http_are_counted_as_the_rows_are(gateway: Gateway, home: Home) -> None:
    assert gateway.event("request", V1).status == 202
    assert gateway.event("response", ANSWERS["V1"]).status == 200
    assert gateway.event("response", ANSWERS["V1"]).status == 202  # sent twice: counted once
    assert gateway.event("response", ANSWERS["V2"], "2").status == 202  # the other order
    assert gateway.event("request", V2, "2").status == 200
    seldon = {"ce_requestid": "3", "ce_type": "io.seldon.serving.inference.request"}
    assert gateway.event("request", SELDON, "x", **seldon).status == 202
    seldon["ce_type"] = "io.seldon.serving.inference.response"
    assert gateway.event("response", ANSWERS["Seldon"], "y", **seldon).status == 200
    for kind, data in (("request", NAMED), ("response", ANSWERS["V1"])):
        structured = {"specversion": "1.0", "id": "4", "source": "a", "data": data}
        structured["type"] = f"org.kubeflow.serving.inference.{kind}"
        body = json.dumps(structured).encode()
        assert gateway.ask("events", body, content_type=events.STRUCTURED).ok
    plan, key = home.plan("loans", "1"), home.hashing_key
    assert equal(gateway.kept(plan, key), counted_by_one(plan, key, *[ROWS] * 4))
    assert gateway.ask("status").json() == {"waiting": 0, "forgotten": 0}


def test_an_event_belongs_to_the_window_of_its_time(gateway: Gateway) -> None:
    assert gateway.event("request", V1).status == 202
    assert gateway.event("response", ANSWERS["V1"], ce_time="2026-01-05T00:00:10.5Z").ok
    folder = gateway.home.directory / "gateway" / "loans" / "1" / "prod"
    assert [path.stem for path in folder.glob("*.counts")] == [str(week_of(1_767_571_210))]


def test_clients_that_know_only_addresses_send_the_token_as_a_password(gateway: Gateway) -> None:
    token = gateway.token.read_text().strip()
    basic = base64.b64encode(f"kserve:{token}".encode()).decode()
    assert gateway.ask("plan", Authorization=f"Basic {basic}").ok
    assert gateway.ask("plan", Authorization="Basic !").status == 401


HEADERS = {"content-type": "application/json", "ce-id": "1", "ce-type": "a.inference.request"}


@pytest.mark.parametrize(
    ("headers", "body", "rule"),
    [
        ({"ce-id": ""}, b"{}", "gateway.event"),
        ({"ce-id": "x" * 201}, b"{}", "gateway.event"),
        ({"ce-type": "org.example.outlier"}, b"{}", "gateway.event_type"),
        ({"ce-time": "yesterday"}, b"{}", "gateway.event"),
        ({"ce-time": "2026-01-05T00:00:00"}, b"{}", "gateway.event"),
        ({}, b'{"instances": [NaN]}', "gateway.malformed"),
        ({}, b"\xff\xfe", "gateway.malformed"),
        ({}, b"[" * 5_000, "gateway.malformed"),
        ({"content-type": events.STRUCTURED}, b"[]", "gateway.event"),
        (
            {"content-type": events.STRUCTURED},
            b'{"id": "1", "type": "a.inference.request", "data_base64": "%"}',
            "gateway.event",
        ),
    ],
)
def test_what_is_no_event_is_refused_by_name(
    headers: dict[str, str], body: bytes, rule: str
) -> None:
    with pytest.raises(Refused) as refused:
        read_event(HEADERS | headers, body)
    assert refused.value.rule == rule


def tensor(**changes: Any) -> dict[str, Any]:
    told = {"name": "income", "shape": [3], "datatype": "FP64", "data": [1, 2, 3]}
    return {"inputs": [told | changes]}


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ("text", "gateway.tensor"),
        ({"instances": []}, "gateway.rows"),
        ({"instances": [[1], [1, 2], [3]]}, "gateway.rows"),
        ({"instances": [[1, 2, 3], [1, 2, 3], [1, 2, 3]]}, "gateway.names"),
        ({"instances": [{"income": 1}]}, "gateway.rows"),  # one row, three answers
        (tensor(shape=[4]), "gateway.tensor"),
        (tensor(shape=[-3, -1]), "gateway.tensor"),
        (tensor(shape=[3, 1, 1]), "gateway.tensor"),
        (tensor(shape=[]), "gateway.tensor"),
        (tensor(data=None), "gateway.tensor"),
        (tensor(parameters={"binary_data_size": 24}, data=None), "gateway.tensor"),
        (tensor(shape=[3, 10**12]), "gateway.tensor"),
        ({"data": {"names": ["income"]}}, "gateway.tensor"),
        ({"data": {"tensor": {"shape": ["3"], "values": [1]}}}, "gateway.tensor"),
        ({"data": {"tensor": {"shape": [1], "values": [1]}, "names": 5}}, "gateway.tensor"),
        ({"inputs": 3 * tensor()["inputs"]}, "gateway.names"),
    ],
)
def test_what_holds_no_rows_is_refused_by_name(asked: Any, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        rows_of(asked, ANSWERS["V1"], ["a", "b"], ["risk"])
    assert refused.value.rule == rule


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["instances", "inputs", "data", "names", "ndarray", "tensor", "shape",
                         "values", "name"]) | st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(JSON, JSON)
@settings(max_examples=200, deadline=None)
def test_whatever_comes_gives_columns_of_one_length_or_a_refusal(asked: Any, told: Any) -> None:
    try:
        columns = rows_of(asked, told)
    except Refused:
        return
    assert len({len(values) for values in columns.values()}) == 1


def an_event(identity: str, kind: str = "request", size: int = 10) -> Event:
    return Event(identity, kind, time.time(), {}, size)


def test_halves_wait_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_WAITING", 3)
    joiner = Joiner()
    for number in range(5):
        assert joiner.join(an_event(str(number))) is None
    assert (joiner.waiting, joiner.forgotten) == (3, 2)
    assert joiner.join(an_event("0", "response")) is None  # its request was forgotten
    assert joiner.join(an_event("4", "response")) is not None
    monkeypatch.setattr(events, "MOST_BYTES", 1_000)
    joiner.join(an_event("large", size=5_000))
    joiner.join(an_event("next"))
    assert joiner.waiting == 1
    monkeypatch.setattr(events, "PATIENCE", 0.0)
    joiner.join(an_event("later"))
    assert joiner.waiting == 1


@pytest.fixture
def served(tmp_path: Path) -> Served:
    plan = plan_of(Collector.baseline(some_rows(3_000).drop(columns="when"), **RECIPE))
    sent: list[bytes] = []
    one = Deployment("prod", tmp_path / "prod", KEY, newest=lambda: plan, put=sent.append)
    return Served(Serve("loans", "1", "prod", ["income", "region"], ["risk"]), one)


def inference(identity: str) -> tuple[Event, Event]:
    at = time.time()
    asked = Event(identity, "request", at, V1, 10)
    return asked, Event(identity, "response", at, ANSWERS["V1"], 10)


def rows_on_disk(folder: Path) -> int:
    [path] = folder.glob("*.counts")
    return msgspec.msgpack.decode(path.read_bytes(), type=Kept).rows


def test_an_event_that_the_disk_did_not_take_counts_once(served: Served, tmp_path: Path) -> None:
    folder, away = tmp_path / "prod", tmp_path / "away"
    request, response = inference("1")
    assert not served.add_event(request)
    folder.rename(away)
    folder.write_text("a disk that takes nothing")
    with pytest.raises(OSError):
        served.add_event(response)
    folder.unlink()
    away.rename(folder)
    assert not served.add_event(response)
    assert [served.add_event(half) for half in inference("2")] == [False, True]
    assert rows_on_disk(folder) == 6


def test_an_event_without_room_may_come_again(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, response = inference("1")
    served.add_event(request)
    monkeypatch.setattr(windows, "MOST_OPEN", 0)
    with pytest.raises(Refused, match=r"gateway\.full"):
        served.add_event(response)
    monkeypatch.setattr(windows, "MOST_OPEN", 1)
    assert served.add_event(response)
    assert rows_on_disk(tmp_path / "prod") == 3
