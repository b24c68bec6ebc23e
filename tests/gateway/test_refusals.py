"""What the gateway refuses, by name, without repeating it; and that it stays up."""

import socket
import time

from countersign import Home
from countersign.gateway.exchange import COUNTS
from countersign.gateway.rules import STATUS_OF
from countersign.gateway.server import MOST_BYTES
from countersign.rest import request
from tests.collector.cast import some_rows
from tests.gateway.conftest import Gateway, counted_by_one, message_of, week_of

CANARY = "canary.mary@example.com"


def test_everything_that_is_no_count_is_refused_by_a_stable_name(
    gateway: Gateway, home: Home
) -> None:
    plan, key = home.plan("loans", "1"), home.hashing_key
    counted = counted_by_one(plan, key, some_rows(50))
    good = message_of(plan, counted, week_of(time.time()))
    token = {"Authorization": f"Bearer {gateway.token.read_text().strip()}"}
    json = {"content_type": "application/json"}
    body = f'{{"{CANARY}": 1}}'.encode()
    answers = {
        "gateway.token": [
            gateway.ask("plan", Authorization="Bearer guess"),
            gateway.ask("counts", body, Authorization=""),
            request("GET", f"{gateway.url}/v1/unknown/plan", None, {}),
        ],
        "gateway.address": [
            request("GET", f"{gateway.url}/v1/loans/1/{CANARY}/plan", None, token),
            request("GET", f"{gateway.url}/", None, token),
            gateway.ask(CANARY),
        ],
        "gateway.method": [gateway.ask("counts"), gateway.ask("plan", body)],
        "gateway.content_type": [
            gateway.ask("counts", body, **json),
            gateway.ask("events", body, content_type=CANARY),
        ],
        "gateway.malformed": [
            gateway.ask("counts", body, content_type=COUNTS),
            gateway.ask("events", body[:-1], ce_id="1", **json),
        ],
        "gateway.event_type": [gateway.event("outlier", CANARY)],
        "gateway.event": [gateway.event("request", {}, identity="x" * 999)],
        "gateway.other_plan": [
            gateway.send(message_of(type(plan)(plan.plan, "0" * 64, ""), counted, good.start))
        ],
        "gateway.future": [gateway.send(message_of(plan, counted, good.start + 7 * 86_400))],
        "gateway.period": [gateway.send(message_of(plan, counted, good.start + 1))],
        "gateway.counts": [
            gateway.send(type(good)(plan.digest, good.start, "a", 1, 51, good.tables))
        ],
        "gateway.too_large": [
            gateway.ask("counts", b"x", content_type=COUNTS, Content_Length=str(MOST_BYTES + 1))
        ],
    }
    for rule, given in answers.items():
        for answer in given:
            assert (answer.json()["type"], answer.status) == (rule, STATUS_OF[rule])
            assert CANARY.encode() not in answer.body and answer.headers.get_content_subtype()
    assert gateway.send(good).ok  # and it is still there
    assert CANARY not in gateway.printed


def test_strange_clients_are_borne(gateway: Gateway) -> None:
    post = b"POST /v1/loans/1/prod/counts HTTP/1.1\r\n\r\n"
    for sent in (b"", b"GET", post, b"\x16\x03\x01" * 100):
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            client.recv(1_000)
        assert request("GET", f"{gateway.url}/health", None, {}).ok
