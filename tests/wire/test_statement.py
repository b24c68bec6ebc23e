"""Bytes in, a statement or a named refusal out; whatever the bytes."""

import doctest
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign import statement
from countersign.statement import MAX_BYTES, Event, Refused, Window, decode, digest_of, encode

DIGEST = "0" * 64
CANARY = "eve@example.org"
EVENT = Event(
    model="loans",
    version="1",
    kind="deployment",
    at=datetime(2026, 1, 2, tzinfo=UTC),
    label="feed 7 moved",
)
BODY = encode(EVENT, DIGEST)


def test_the_worked_example_of_the_specification_runs():
    assert doctest.testmod(statement).failed == 0


def test_equal_predicates_give_equal_bytes():
    assert encode(EVENT, DIGEST) == BODY
    assert decode(BODY, Event)[1] == EVENT
    assert len(digest_of(BODY)) == 64


def label(text: str) -> bytes:
    return BODY.replace(b'"feed 7 moved"', text.encode())


BROKEN = {
    "nothing": b"",
    "no JSON": b"\xff\xfe\x00",
    "a list": b"[]",
    "cut off": BODY[:-1],
    "two documents": BODY + BODY,
    "a line feed after a string": label('"feed\\n"'),
    "a NUL in a string": label('"feed\\u0000"'),
    "half a surrogate": label('"feed\\ud800"'),
    "an address where a label belongs": label(f'"{CANARY}"'),
    "NaN": label("NaN"),
    "infinity": label("1e999"),
    "a number where a string belongs": label("7"),
    "deep nesting": label("[" * 100_000),
    "an unknown field": BODY.replace(b'"label"', b'"' + CANARY.encode() + b'":1,"label"'),
    "an unknown value": BODY.replace(b'"deployment"', b'"' + CANARY.encode() + b'"'),
    "a moment without a zone": BODY.replace(b"00:00:00Z", b"00:00:00"),
    "two subjects": BODY.replace(b'"subject":[', b'"subject":[{"name":"a","digest":{}},'),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_malformed_is_refused_and_not_repeated(body):
    with pytest.raises(Refused) as refusal:
        decode(body, Event)
    assert refusal.value.rule == "statement.malformed"
    assert CANARY not in f"{refusal.value} {refusal.value.path}"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (BODY + b" " * MAX_BYTES, "statement.too_large"),
        (label('"x","label":"y"'), "statement.duplicate_key"),
        (BODY.replace(b'"loans/1"', b'"loans/2"'), "statement.wrong_subject"),
    ],
)
def test_other_refusals_have_rules_of_their_own(body, rule):
    with pytest.raises(Refused) as refusal:
        decode(body, Event)
    assert refusal.value.rule == rule


def test_a_statement_of_another_kind_is_refused():
    with pytest.raises(Refused) as refusal:
        decode(BODY, Window)
    assert refusal.value.rule == "statement.wrong_kind"


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_crash(body):
    with pytest.raises(Refused):
        decode(body, Event)


@given(st.integers(0, len(BODY) - 1), st.integers(0, 255))
def test_one_changed_byte_is_a_statement_or_a_refusal(place, value):
    body = BODY[:place] + bytes([value]) + BODY[place + 1 :]
    try:
        decode(body, Event)
    except Refused as refusal:
        assert refusal.rule.split(".")[0] == "statement"
