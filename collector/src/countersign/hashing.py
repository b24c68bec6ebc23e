"""Keyed tokens: what stands for a category outside the model's host.

    token = first 128 bits of HMAC-SHA-256(key, P(domain) P(model) P(column) P(text))

in hexadecimal digits; P(s) is the length of s in UTF-8 as 4 bytes, big-endian, then s. The domain
is "countersign token v1". The key stays beside the model: without it nobody can try names until one
fits. Model and column are part of the message: the same word has unrelated tokens in two columns.

>>> key = bytes(32)
>>> token_of(key, "loans", "region", "north") == token_of(key, "loans", "town", "north")
False
"""

import hmac
import math
import numbers
from typing import Any, Final

import numpy as np

TOKENS_KEPT = 100_000


class _Invalid:
    """A value that no category can be, such as a list."""


INVALID: Final = _Invalid()
Text = str | _Invalid | None


DOMAIN = "countersign token v1"


def token_of(key: bytes, model: str, column: str, text: str) -> str:
    """The category's token: 32 hexadecimal digits."""
    return keyed(key, DOMAIN, model, column, text)[:16].hex()


def keyed(key: bytes, *texts: str) -> bytes:
    """HMAC-SHA-256 of texts that can't be shifted into one another; the first names the purpose."""
    parts = (text.encode("utf-8", "surrogatepass") for text in texts)
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(key, message, "sha256")


def text_of(value: Any) -> Text:
    """A category as text: 5, 5.0 and "5" are one. None if missing, INVALID if it is no category."""
    if isinstance(value, str):
        return str(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return _text_of_number(float(value))
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else INVALID


def _text_of_number(value: float) -> Text:
    if math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() else repr(value)


class Vocabulary(dict[Text, int]):
    """From a category's text to its cell, for one column; each text is hashed once.

    Cells: 0 missing, 1 invalid, 2 other, 3 + i the i-th token. At most TOKENS_KEPT are remembered.
    """

    def __init__(self, key: bytes, model: str, column: str, tokens: list[str]) -> None:
        super().__init__({None: 0, INVALID: 1})
        self._key, self._model, self._column = key, model, column
        self._cell_of_token = {token: 3 + i for i, token in enumerate(tokens)}

    def __missing__(self, text: str) -> int:
        cell = self._cell_of_token.get(token_of(self._key, self._model, self._column, text), 2)
        if len(self) < TOKENS_KEPT:
            self[text] = cell
        return cell
