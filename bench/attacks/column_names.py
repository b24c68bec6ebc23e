"""How often the firewall takes an honest name for an identifier, and random ids for one."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from detectors.identifiers import kind_in

from . import environments

DRAWN = 100_000


def measure() -> dict[str, Any]:
    """Names of public data sets' columns; and made-up ids of kinds that have nothing to hide."""
    printed = environments.run("column_names", "column_names.py")
    sets = json.loads(printed.splitlines()[-1]) if printed else {}
    names = {name for lists in sets.values() for columns in lists for name in columns}
    random = np.random.default_rng(0)
    made_up: dict[str, Callable[[], str]] = {
        "uuid": lambda: str(uuid.UUID(bytes=random.bytes(16))),
        "40 hexadecimal digits": lambda: random.bytes(20).hex(),
        "x and 16 digits": lambda: f"x{random.integers(10**15, 10**16)}",
        "time to the second": lambda: f"{np.datetime64(int(random.integers(2**31)), 's')}Z",
        "milliseconds since 1970": lambda: str(random.integers(10**12, 2 * 10**12)),
        "version and date": lambda: f"v{random.integers(9)}.{random.integers(20200101, 20301231)}",
        "11 digits": lambda: str(random.integers(10**10, 10**11)),
        "16 digits": lambda: str(random.integers(10**15, 10**16)),
    }
    return {
        "public_data_sets": sum(len(lists) for lists in sets.values()) or "NOT INSTALLED",
        "different_names": len(names),
        "names_refused": sorted(name for name in names if kind_in(name)),
        "share_of_made_up_ids_refused": {
            what: sum(kind_in(make()) is not None for _ in range(DRAWN)) / DRAWN
            for what, make in made_up.items()
        },
    }
