"""Made-up people with values that must not be found anywhere, and how such a value may look."""

import base64
import hashlib
import struct
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
import pandas as pd

CANARIES = [
    "canary.mary@example.com",
    "GB82WEST12345698765432",
    "4111111111111111",
    "Canary Maria Muster",
    "+44 20 7946 0958",
]
SALARIES = [83_412.77, 123_456_789.5, 61_044.13]
HASHES = ("md5", "sha1", "sha256")
CITIES = [f"{a}{b}ville" for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "aeiouylrs"]


def people(rows: int, seed: int = 0) -> pd.DataFrame:
    """Applicants. Canaries are in every text column, often enough to be categories of their own."""
    random = np.random.default_rng(seed)
    chance = 1 / np.arange(1, len(CITIES) + 1) ** 1.1
    frame = pd.DataFrame(
        {
            "income": random.lognormal(10, 0.7, rows).round(2),
            "age": random.integers(18, 80, rows),
            "city": random.choice(CITIES, rows, p=chance / chance.sum()),
            "sex": random.choice(["female", "male"], rows),
            "region": random.choice(["north", "south", "east", "west", "centre"], rows),
            "band": random.choice(
                ["A", "B", "C", "D", "E"], rows, p=[0.6, 0.3, 0.09, 0.008, 0.002]
            ),
            "risk": random.beta(2, 3, rows).round(4),
        }
    )
    frame["email"] = [f"user{i}@example.net" for i in range(rows)]
    for name in ("city", "sex", "email"):
        for canary in CANARIES:
            frame.loc[random.choice(rows, max(rows // 80, 1), replace=False), name] = canary
    frame.loc[frame.index[: len(SALARIES)], "income"] = SALARIES
    return frame


def forms(text: str) -> Iterator[bytes]:
    """The ways in which a text could lie in a file: plain, encoded, or hashed without a key."""
    plain = text.encode()
    yield plain
    yield text.encode("utf-16-le")
    yield quote(text).encode()
    yield from {plain.hex().encode(), plain.hex().upper().encode()}
    for shift in range(3):  # base64 of something that holds the text: without its edges
        encoded = base64.b64encode(b"\0" * shift + plain)
        yield encoded[-(-8 * shift // 6) : len(encoded) - 4]
    for name in HASHES:
        yield hashlib.new(name, plain).hexdigest()[:32].encode()


def number_forms(value: float) -> Iterator[bytes]:
    """The ways in which a number could lie in a file. Short ones would be found by chance."""
    written = {repr(value), f"{value:.2f}", f"{value:.10g}"}
    for form in [*(text.encode() for text in written), *binary_forms(value)]:
        yield form
        yield form.hex().encode()


def binary_forms(value: float) -> list[bytes]:
    """The eight bytes of a number."""
    return [struct.pack(layout, value) for layout in ("<d", ">d")]


def canary_forms() -> dict[str, list[bytes]]:
    """Everything to look for, by canary."""
    texts = {canary: list(forms(canary)) for canary in CANARIES}
    return texts | {str(value): list(number_forms(value)) for value in SALARIES}


def found_in(content: bytes) -> list[str]:
    """The canaries that are there in some form."""
    wanted = canary_forms().items()
    return [canary for canary, ways in wanted if any(way in content for way in ways)]
