"""What an attacker does with what leaves a model's host. Nothing here knows a key.

Each attack is a function of the bytes (or the counts) that some design sends.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from countersign.hashing import token_of

from .data import binary_forms

TOKEN = re.compile(rb'"([0-9a-f]{32}|[0-9a-f]{64})"')
NUMBER = re.compile(rb"(?<![\w.-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.-])")
HASHES = ("md5", "sha1", "sha256")

Facts = npt.NDArray[np.int64]


def extracted(content: bytes, values: Iterable[float]) -> int:
    """How many different numbers of the rows stand in the bytes, as text or as eight bytes."""
    told = {float(word) for word in NUMBER.findall(content)}
    return sum(v in told or any(f in content for f in binary_forms(v)) for v in set(values))


def prices_by_dictionary(digests: Collection[str], highest: int) -> int:
    """How many of the digests are plain hashes of an amount in cents below `highest`."""
    wanted = {bytes.fromhex(digest) for digest in digests}
    tried = (f"{cents / 100}".encode() for cents in range(100 * highest))
    return sum(hashlib.sha256(amount).digest() in wanted for amount in tried)


def tokens_in(content: bytes) -> set[str]:
    """Everything that is spelled like a token or a digest."""
    return {found.decode() for found in TOKEN.findall(content)}


def dictionary_attack(
    tokens: Collection[str], words: Sequence[str], model: str, columns: Sequence[str]
) -> set[str]:
    """Words that somebody finds who tries them plainly, and under every key that is no secret."""
    wanted = set(tokens)
    keys = list(guessable_keys([model, *columns]))
    return {word for word in words if wanted & set(_tokens_of(word, keys, model, columns))}


def guessable_keys(public: Sequence[str]) -> Iterator[bytes]:
    """Keys that are tried first: nothing, common words, names that are known, their hashes."""
    yield from (b"", bytes(16), bytes(32))
    for word in ("key", "secret", "countersign", "changeme", *public):
        yield word.encode()
        yield hashlib.sha256(word.encode()).digest()


def _tokens_of(
    word: str, keys: Sequence[bytes], model: str, columns: Sequence[str]
) -> Iterator[str]:
    for name in HASHES:
        digest = hashlib.new(name, word.encode()).hexdigest()
        yield from (digest, digest[:32])
    for key in keys:
        digest = hmac.digest(key, word.encode(), "sha256").hex()
        yield from (digest, digest[:32])
        yield from (token_of(key, model, column, word) for column in columns)


def frequency_attack(counts: Mapping[str, int], known: Mapping[str, float]) -> dict[str, str]:
    """What each token stands for, if tokens are as common as the words that are known."""
    ranked = sorted(counts, key=lambda token: -counts[token])
    likely = sorted(known, key=lambda word: -known[word])
    return dict(zip(ranked, likely, strict=False))


def determined(told: Facts, wanted: Facts) -> npt.NDArray[np.bool_]:
    """Which of the wanted sets of cells are a sum or difference of the told ones, however many.

    Both are (sets, cells) of 0 and 1.
    """
    _, values, rows = np.linalg.svd(told.astype(float), full_matrices=False)
    space = rows[values > 1e-9]
    beyond = np.abs(wanted - (wanted @ space.T) @ space).max(axis=1, initial=0.0)
    return np.asarray(beyond < 1e-6)


def crossed_facts(cells: Sequence[Sequence[int | None]], margins: bool) -> Facts:
    """The sets of cells that a crossed table tells: each shown cell, each line if `margins`.

    A missing cell is told by nothing here; in our tables it belongs to the one before it instead.
    """
    width = len(cells[0])
    places = np.arange(len(cells) * width).reshape(-1, width)
    shown = [cell is not None for line in cells for cell in line]
    told: list[list[int]] = [[place] for place, is_shown in enumerate(shown) if is_shown]
    told += [*places.tolist(), *places.T.tolist()] if margins else []
    return np.array([np.isin(places.ravel(), each) for each in told], np.int64)


def differing_columns(before: bytes, after: bytes) -> list[str]:
    """Columns of two windows whose cells differ: where one more row fell."""
    first, second = (json.loads(each)["predicate"]["tally"]["columns"] for each in (before, after))
    return [name for name in first if first[name]["cells"] != second[name]["cells"]]


def value_of_one_more(mean: float, rows: int, later_mean: float) -> float:
    """What one person added to a column, from the means before and after."""
    return later_mean * (rows + 1) - mean * rows
