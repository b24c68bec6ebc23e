"""Tokens say nothing without the key."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from countersign import hashing
from countersign.hashing import INVALID, Vocabulary, text_of, token_of


def test_a_token_is_the_documented_hmac():
    parts = [b"countersign token v1", b"loans", b"region", "nörd".encode()]
    message = b"".join(len(p).to_bytes(4, "big") + p for p in parts)
    expected = hmac.new(b"key", message, "sha256").hexdigest()[:32]
    assert token_of(b"key", "loans", "region", "nörd") == expected


@given(st.text(), st.text(), st.text(), st.text())
def test_model_column_and_text_cannot_be_shifted_into_one_another(a, b, c, d):
    same = token_of(b"k", a, b, c + d) == token_of(b"k", a, b + c, d)
    assert same == (c == "")


def test_tokens_differ_by_key_model_and_column():
    tokens = {
        token_of(key, model, column, "north")
        for key in (b"1" * 32, b"2" * 32)
        for model in ("loans", "cards")
        for column in ("region", "town")
    }
    assert len(tokens) == 8


def test_one_category_has_one_text_whatever_it_came_as():
    assert {text_of(5), text_of(5.0), text_of("5"), text_of(b"5")} == {"5"}
    assert text_of(True) == "true"
    assert text_of(2.5) == "2.5"
    assert text_of(None) is None
    assert text_of(float("nan")) is None
    assert text_of(["list"]) is INVALID


def test_each_text_is_hashed_once_and_the_memory_of_texts_is_bounded(monkeypatch):
    hashed: list[str] = []

    def noting(key: bytes, model: str, column: str, text: str) -> str:
        hashed.append(text)
        return token_of(key, model, column, text)

    monkeypatch.setattr(hashing, "token_of", noting)
    monkeypatch.setattr(hashing, "TOKENS_KEPT", 10)
    words = Vocabulary(b"k", "loans", "region", [token_of(b"k", "loans", "region", "north")])
    assert [words["north"], words["north"], words["south"], words[None], words[INVALID]] == [
        *[3, 3, 2, 0, 1]
    ]
    assert hashed == ["north", "south"]
    for i in range(100):
        assert words[str(i)] == 2
    assert len(words) == 10
