"""What the firewall recognises, and what it leaves alone."""

import doctest
import hashlib
import json
import struct
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign import profiles, protobuf
from countersign.hashing import token_of
from countersign.profiles import tool_of
from countersign.statement import Refused
from detectors import firewall, identifiers
from detectors.identifiers import kind_in
from tests.builders import a_baseline, a_statement, a_window, an_event, outcomes_of

# Published examples and test numbers; nobody's.
IDENTIFIERS = {
    "an e-mail address": ["ada@example.org", "contact ada_at_example.com", "a.b+c@x-y.co.uk"],
    "an IBAN": [
        "GB82WEST12345698765432",
        "gb82 west 1234 5698 7654 32",
        "account_DE89370400440532013000",
        "FR14-2004-1010-0505-0001-3M02-606",
    ],
    "a card number": [
        "4111111111111111",
        "4111 1111 1111 1111",
        "pan.5555555555554444",
        "2223003122003222",
        "3782 822463 10005",
        "30569309025904",
        "6011-1111-1111-1117",
    ],
    "a phone number": [
        "+44 20 7946 0958",
        "+1 (555) 867-5309",
        "555-867-5309",
        "004930123456789",
        "0301-234567",
    ],
    "a US social security number": ["078-05-1120", "ssn 078_05_1120"],
    "a British national insurance number": ["AB123456C", "ab 12 34 56 c"],
    "a German tax number": ["86095742719", "47 036 892 816", "65929970489"],
    "a French NIR": ["255081416802538", "2 55 08 14 168 025 38"],
    "a Polish PESEL": ["44051401359", "02070803628"],
}
LEFT_ALONE = [
    "age",
    "V14",
    "id_01",
    "income 2025-12 (k)",
    "ENSG00000141510",
    "1700000000000",
    "2026-01-05T00:00:00.123456Z",
    "123e4567-e89b-12d3-a456-426614174000",
    "10.0.0.12",
    "release 2026.01.05-123",
    "spent_at_store",
    "4111111111111112",  # Luhn fails
    "GB83WEST12345698765432",  # mod 97 fails
    "86095742710",  # ISO 7064 fails
    "44051401358",  # PESEL's check digit
    "255081416802539",  # NIR's key
    "000-05-1120",  # never issued
    "BG123456C",  # never issued
    "x4111111111111111",  # part of a longer word
    "https://in-toto.io/Statement/v1",
]
EACH = [(kind, text) for kind, texts in IDENTIFIERS.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), EACH)
def test_an_identifier_is_recognised_in_a_key_a_value_and_within_a_text(kind: str, text: str):
    assert kind_in(text) == kind
    for value in ({"label": text}, {text: 1}, [["see", f"row {text}, please"]]):
        with pytest.raises(Refused, match=r"firewall\.identifier") as refusal:
            firewall.refuse_content(json.dumps(value).encode())
        assert kind in refusal.value.detail
        assert text not in str(refusal.value)


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_a_little_like_one_is_left_alone(text: str):
    assert kind_in(text) is None


def test_every_single_wrong_check_digit_is_left_alone():
    for text in ("4111111111111111", "GB82WEST12345698765432", "255081416802538", "44051401359"):
        for at, own in enumerate(text):
            for other in set("0123456789") - {own} if own.isdigit() else ():
                assert kind_in(text[:at] + other + text[at + 1 :]) in (
                    None,
                    "a German tax number",  # eleven digits may be both
                )


def test_escapes_hide_nothing_and_strings_do_not_run_together():
    hidden = b'{"label": "ada\\u0040example.org"}'
    with pytest.raises(Refused, match="e-mail"):
        firewall.refuse_content(hidden)
    with pytest.raises(Refused, match="card"):
        firewall.refuse_content(rb'{"a\"b": ["\u0034111111111111111"]}')
    firewall.refuse_content(b'["4111", "1111", "1111", "1111"]')
    firewall.refuse_content(rb'["4111\nand 1111 1111 1111", "\ud800", "half\u00zz"]')


def test_the_place_is_told_in_the_wires_words_only():
    window = json.loads(a_statement(a_window("0" * 64)))
    columns = window["predicate"]["tally"]["columns"]
    columns["card 4111111111111111"] = columns.pop("age")
    with pytest.raises(Refused) as refusal:
        firewall.refuse_content(json.dumps(window).encode())
    assert refusal.value.path == f"$.predicate.tally.columns[{len(columns) - 1}]"
    with pytest.raises(Refused) as refusal:
        firewall.refuse_content(b'{"predicate": {"ada": {"label": "ada@example.org"}}}')
    assert refusal.value.path == "$.predicate[0].label"


def test_valid_statements_pass():
    window = a_window("0" * 64)
    for predicate in (a_baseline(), window, outcomes_of(window), an_event()):
        payload = a_statement(predicate)
        firewall.refuse_profiles(payload)
        firewall.refuse_content(payload)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text().map(lambda t: json.dumps({"a": t}).encode()))
def test_any_bytes_are_refused_by_name_or_left_to_the_parser(body: bytes):
    try:
        firewall.refuse_profiles(body)
        firewall.refuse_content(body)
    except Refused as refusal:
        assert refusal.rule.startswith("firewall.")


# --- tokens -----------------------------------------------------------------------------------


def plain_hash(word: str, name: str) -> str:
    return hashlib.new(name, word.encode()).hexdigest()


@pytest.mark.parametrize(
    "token",
    [
        b"canary@example.or".hex()[:32],
        b"north".hex().ljust(32, "0").replace("6e6f727468", b"north-1".hex(), 1)[:32],
        *(plain_hash(word, name)[:32] for word in ("male", "YES", "DE", "42") for name in
          ("md5", "sha1", "sha256")),
        plain_hash("female", "sha256"),
    ],
)  # fmt: skip
def test_a_token_that_anyone_can_read_or_guess_is_refused(token: str):
    with pytest.raises(Refused, match=r"firewall\.unkeyed_token") as refusal:
        firewall.refuse_content(json.dumps({"predicate": {"tokens": ["a" * 32, token]}}).encode())
    assert refusal.value.path == "$.predicate.tokens[1]"


def test_keyed_tokens_and_digests_of_the_tests_pass():
    for i in range(20_000):
        assert not firewall.is_unkeyed(token_of(b"key", "loans", "region", str(i)))
    assert not any(firewall.is_unkeyed(c * n) for c in "0123456789abcdef" for n in (32, 64))


# --- other tools ------------------------------------------------------------------------------


def a_message(*parts: tuple[int, bytes]) -> bytes:
    """A protocol buffer of short length-delimited fields."""
    return b"".join(bytes([number << 3 | 2, len(data)]) + data for number, data in parts)


TFDV = a_message((1, a_message((1, b"train"), (3, a_message((1, b"income"), (3, b"\x11" * 9))))))
PROFILES: dict[str, tuple[str, bytes]] = {
    "whylogs": ("whylogs", b"WHY1\x00\xcf\x04\n\x8d\x01"),
    "TFDV, binary": ("tfdv", TFDV),
    "TFDV, TFRecord": ("tfdv", struct.pack("<QI", len(TFDV), 7) + TFDV + b"\0\0\0\0"),
    "TFDV, text": ("tfdv", b'datasets {\n  name: "train"\n}'),
    "TFDV, JSON": ("tfdv", b'{"datasets": [{"numExamples": "5", "features": []}]}'),
    "SageMaker statistics": (
        "deequ",
        b'{"version": 0, "dataset": {"item_count": 9}, "features": [{"name": "income", '
        b'"inferred_type": "Fractional", "numerical_statistics": {}}]}',
    ),
    "SageMaker violations": ("deequ", b'{"violations": [{"constraint_check_type": "x"}]}'),
    "Deequ metrics": ("deequ", b'[{"resultKey": {}, "analyzerContext": {"metricMap": []}}]'),
    "Deequ profiles": ("deequ", b'{"columns": [{"column": "a", "isDataTypeInferred": "true"}]}'),
    "Deequ suggestions": ("deequ", b'{"constraint_suggestions": [{"constraint_name": "c"}]}'),
    "Evidently": ("evidently", b'{"metrics": [{"id": "0", "metric_name": "RowCount()"}]}'),
    "Evidently, legacy": ("evidently", b'{"metrics": [{"metric": "m", "result": {"x": NaN}}]}'),
    "Evidently, tests": (
        "evidently",
        b'{"tests": [{"name": "t", "description": "d", "status": "SUCCESS"}]}',
    ),
    "Evidently, snapshot": ("evidently", b'{"suite": {}, "timestamp": "t"}'),
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_of_another_tool_is_recognised(name: str):
    tool, body = PROFILES[name]
    assert tool_of(body) == tool
    with pytest.raises(Refused, match=rf"firewall\.{tool}_"):
        firewall.refuse_profiles(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"metrics": []}',
        b'{"metrics": 3, "tests": {"a": 1}}',
        b'{"datasets": [1]}',
        b'{"metrics": ' + b"[" * 100_000,
        TFDV[:-1],
        b"\x0a\x00",
        a_message((1, b"")),
        a_message((2, TFDV)),
    ],
)
def test_anything_else_is_nobodys_profile(body: bytes):
    assert tool_of(body) is None


@given(st.lists(st.tuples(st.integers(1, 15), st.binary(max_size=100))))
def test_a_protocol_buffer_is_read_back(parts: list[tuple[int, bytes]]):
    read: list[Any] = protobuf.fields(a_message(*parts))
    assert read == parts


@pytest.mark.parametrize("module", [firewall, identifiers, profiles, protobuf])
def test_the_examples_hold(module: ModuleType):
    assert doctest.testmod(module).failed == 0
