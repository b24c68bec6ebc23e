"""Several columns as one: a person's sex and race together are one category.

A joined text is the parts' texts with U+001F between them; it is missing where a part is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from .frames import Coded, Data, as_coded
from .hashing import INVALID, Text, text_of

SEPARATOR = "\x1f"


def with_joined(data: dict[str, Data], joined: Mapping[str, Sequence[str]]) -> dict[str, Data]:
    """The columns with each joined one in place of its parts; without it where a part lacks."""
    parts = {name for of in joined.values() for name in of}
    kept = {name: column for name, column in data.items() if name not in parts}
    whole = {name: of for name, of in joined.items() if set(of) <= set(data)}
    return kept | {
        name: reduce(_join, [as_coded(data[part]) for part in of]) for name, of in whole.items()
    }


def names_to_read(names: Iterable[str], joined: Mapping[str, Sequence[str]]) -> list[str]:
    """The names with each joined one replaced by its parts."""
    return list(dict.fromkeys(n for name in names for n in joined.get(name, [name])))


def _join(first: Coded, second: Coded) -> Coded:
    """Two columns as one. Only combinations that occur become texts."""
    size = max(len(second.values), 1)
    missing = (first.codes < 0) | (second.codes < 0)
    place = first.codes.astype(np.int64) * size + second.codes
    found, codes = np.unique(np.where(missing, -1, place), return_inverse=True)
    pairs = [divmod(number, size) for number in found.tolist()]
    return Coded(
        codes, [_text(first.values[a], second.values[b]) if a >= 0 else None for a, b in pairs]
    )


def _text(first: Any, second: Any) -> Text:
    texts = text_of(first), text_of(second)
    if None in texts:
        return None
    return INVALID if INVALID in texts else SEPARATOR.join(map(str, texts))
