"""Whatever bytes come in: a clean answer, nothing repeated, nothing half-written."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign import dsse
from tests.builders import a_baseline, a_statement, a_window, an_event, outcomes_of

from .conftest import BASELINE_ADDRESS, ENVELOPE, Caller
from .test_refusals import CANARY, kept

pytestmark = pytest.mark.django_db

ADDRESSES = ["/windows", "/outcomes", "/events", BASELINE_ADDRESS, "/models", "/keys"]
HEADERS = {
    "Content-Type": st.sampled_from(["application/json", ENVELOPE]),
    "Content-Encoding": st.sampled_from(["identity", "gzip", "zstd"]),
}
# The database is rolled back once for all examples of a test; what they add is compared instead.
patiently = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.just(CANARY),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a parsed JSON document."""
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    below = [place for key, child in children for place in places_in(child, (*path, key))]
    return [path, *below] if path else below


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """The bytes with up to three of them replaced by up to three others."""
    at = data.draw(st.integers(0, len(content) - 1))
    end = at + data.draw(st.integers(0, 3))
    return content[:at] + data.draw(st.binary(max_size=3)) + content[end:]


def is_clean(answer: Any) -> None:
    """A refusal with a rule's name, or an acceptance; never our fault, never an echo."""
    assert answer.status_code < 500, answer.content
    assert CANARY.encode() not in answer.content
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


@patiently
@given(
    address=st.sampled_from(ADDRESSES),
    body=st.binary(max_size=300) | anything.map(lambda value: json.dumps(value).encode()),
    headers=st.fixed_dictionaries({}, optional=HEADERS),
)
def test_any_bytes_get_a_clean_answer(
    ada: Caller, address: str, body: bytes, headers: dict[str, str]
) -> None:
    before = kept()
    is_clean(ada.post(address, body, **headers))
    assert kept() == before


@patiently
@given(data=st.data())
def test_any_single_change_of_a_valid_statement_gets_a_clean_answer(
    ada: Caller, loans: str, data: st.DataObject
) -> None:
    window = a_window(loans)
    valid = {
        "/windows": a_statement(window),
        "/outcomes": a_statement(outcomes_of(window)),
        "/events": a_statement(an_event()),
        BASELINE_ADDRESS: a_statement(a_baseline(revision=2, windows=[])),
    }
    address = data.draw(st.sampled_from(list(valid)))
    statement = json.loads(valid[address])
    place = data.draw(st.sampled_from(places_in(statement)))
    put(statement, place, data.draw(anything))
    before = kept()
    answer = ada.send(address, json.dumps(statement).encode())
    is_clean(answer)
    if answer.status_code >= 400:
        assert kept() == before


@patiently
@given(data=st.data())
def test_any_damaged_byte_gets_a_clean_answer(ada: Caller, loans: str, data: st.DataObject) -> None:
    statement = a_statement(a_window(loans))
    damage_it = data.draw(st.booleans())
    body = damaged(statement, data) if damage_it else statement
    envelope = dsse.sign(body, ada.key)
    envelope = envelope if damage_it else damaged(envelope, data)
    is_clean(ada.post("/windows", envelope, **{"Content-Type": ENVELOPE}))


@patiently
@given(path=st.text(max_size=50), query=st.text(max_size=20))
def test_any_address_gets_a_clean_answer(ada: Caller, path: str, query: str) -> None:
    is_clean(ada.client.get(f"/api/v1/{path}", {"status": query}))
