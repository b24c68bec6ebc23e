"""The firewall: what is refused of an upload before anything else is made of it.

Everything here is a pure function of the uploaded bytes. A refusal names the rule, the kind of
thing and its place, and never repeats it.

**Other tools' profiles** (`firewall.whylogs_profile`, `.tfdv_statistics`, `.deequ_statistics`,
`.evidently_report`) are recognised as `countersign.profiles` says, under whatever content type.

**Identifiers** (`firewall.identifier`). Looked for in every string of the JSON text: names of
fields and of columns, labels, names of models, versions and deployments, whether the statement is
otherwise in order or not. Escapes are resolved first. A value counts only between characters that
are neither letters nor digits, so that no part of a digest is taken for a number.

| kind | form | and besides |
|---|---|---|
| e-mail address | `a@b.c`; `a at b.com`, with `_` or `-` for the spaces | |
| IBAN | country, 2 digits, the country's length; in fours or without gaps | rest 1 mod 97 |
| card number | 13 to 19 digits that begin like a brand's, in fours or without gaps | Luhn |
| phone number | `+` and 8 to 15 digits; `00` and 10 to 14; `0301 234567`; `555-867-5309` | |
| US SSN | `123-45-6789` | no number that is never issued |
| UK NINO | `AB123456C`, in twos or without gaps | no prefix that is never issued |
| DE Steuer-ID | 11 digits, one of the first ten twice or thrice, no other twice | ISO 7064 |
| FR NIR | 15 digits: sex, year, month, place, number, key | 97 − n mod 97 |
| PL PESEL | 11 digits: a day from 1800 to 2299, number, check digit | weights 1 3 7 9 |

**Tokens** (`firewall.unkeyed_token`). 32 or 64 hexadecimal digits that spell readable text, and
tokens that are the plain MD5, SHA-1 or SHA-256 of a common word or number: such a token is no
secret. A keyed token is one of these by a chance below one in 10^6 and 10^34.

>>> refuse_content(b'{"label": "call +44 20 7946 0958"}')
Traceback (most recent call last):
countersign.statement.Refused: firewall.identifier: No name or label holds a phone number.
>>> refuse_content(b'{"label": "release 2026.01, build 20260104"}')
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from string import ascii_lowercase
from typing import Any

from countersign.profiles import tool_of
from countersign.statement import Refused
from countersign.tables import Wire
from detectors import identifiers

STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
READABLE = re.compile(rb"[ -~]{6,}\x00*")
WORDS = (
    "male female man woman men women other unknown none null nan na true false yes no single "
    "married divorced widowed student employed unemployed retired white black asian hispanic "
    "north south east west low medium high small large new old active inactive approved denied "
    "a b c d e f g red green blue good bad fair poor owner rent own mortgage"
)


def refuse_profiles(body: bytes) -> None:
    """Raises `Refused` if another tool wrote the bytes."""
    match tool_of(body):
        case "whylogs":
            raise Refused(
                "firewall.whylogs_profile",
                "A whylogs profile keeps raw values: items of its sketches, smallest and largest.",
            )
        case "tfdv":
            raise Refused(
                "firewall.tfdv_statistics",
                "TFDV's statistics keep raw values: top values, quantiles, smallest and largest.",
            )
        case "deequ":
            raise Refused(
                "firewall.deequ_statistics",
                "Deequ's and SageMaker's statistics keep raw values: items of their sketches, "
                "categories, smallest and largest.",
            )
        case "evidently":
            raise Refused(
                "firewall.evidently_report",
                "An Evidently report keeps raw values: categories, smallest and largest.",
            )


def refuse_content(payload: bytes) -> None:
    """Raises `Refused` if a string of the statement holds what looks like an identifier."""
    found = {_resolved(text) for text in STRING.findall(payload.decode("utf-8", "replace"))}
    tokens = {text for text in found if HEX.fullmatch(text)}
    # A line feed is neither letter nor digit: one search sees all strings, each by itself.
    kind = identifiers.kind_in("\n".join(found - tokens))
    if kind is not None:
        raise Refused(
            "firewall.identifier",
            f"No name or label holds {kind}.",
            _place(payload, lambda text: identifiers.kind_in(text) is not None),
        )
    if any(map(is_unkeyed, tokens)):
        raise Refused(
            "firewall.unkeyed_token",
            "A token is made with the key that stays beside the model; this one is readable, or "
            "the plain hash of a common word.",
            _place(payload, lambda text: bool(HEX.fullmatch(text)) and is_unkeyed(text)),
        )


def is_unkeyed(token: str) -> bool:
    """Whether anybody can read or guess what the hexadecimal digits stand for."""
    spelled = bytes.fromhex(token)
    readable = READABLE.fullmatch(spelled) and len(set(spelled)) > 3  # not merely "2222..."
    return bool(readable) or token in _plain_hashes()


@cache
def _plain_hashes() -> frozenset[str]:
    """What designs without a key send for common values, in full and cut to a token's length."""
    numbers = [str(i) for i in range(1_000)]
    codes = ["".join(pair) for pair in product(ascii_lowercase, repeat=2)]
    words = {
        form for word in WORDS.split() + codes for form in (word, word.upper(), word.capitalize())
    }
    digests = {
        hash_of(word.encode()).hexdigest()
        for word in words.union(numbers)
        for hash_of in (hashlib.md5, hashlib.sha1, hashlib.sha256)
    }
    return frozenset(digests | {digest[:32] for digest in digests})


def _resolved(text: str) -> str:
    """A JSON string's text; as it stands if its escapes make no sense."""
    if "\\" not in text:
        return text
    try:
        resolved: str = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return resolved.replace("\n", " ")


def _place(payload: bytes, guilty: Callable[[str], bool]) -> str:
    """The path of the first guilty string. Keys that the wire doesn't know are told by number."""
    try:
        document = json.loads(payload)
        return next((path for path, text in _strings(document, "$") if guilty(text)), "$")
    except (ValueError, RecursionError):
        return "$"


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every string with its path; a key has the path of its value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from _strings(each, f"{path}[{i}]")
    elif isinstance(value, dict):
        for i, (key, each) in enumerate(value.items()):
            below = f"{path}.{key}" if key in wire_fields() else f"{path}[{i}]"
            yield below, key
            yield from _strings(each, below)


@cache
def wire_fields() -> frozenset[str]:
    """The names of all fields of all structs of the wire: these may be repeated."""
    names = {"_type", "sha256", *(f for kind in Wire.__subclasses__() for f in _fields(kind))}
    return frozenset(names)


def _fields(kind: type[Wire]) -> tuple[str, ...]:
    return kind.__struct_encode_fields__
