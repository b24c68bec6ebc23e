"""Attacks on what four designs send of the same rows, in one run; on our fields; on our clock.

    .venv/bin/python -m bench.attacks.run

Each part writes results/<its name>.json. The tools of others are installed into .cache/peers first,
which takes minutes; what can't be installed is said.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from bench.attacks import (  # noqa: E402
    attacks,
    column_names,
    crossed,
    designs,
    epsilon_audit,
    smuggling,
    timing,
)
from bench.attacks.data import CANARIES, CITIES, canary_forms, found_in, people  # noqa: E402
from countersign.collector import Collector  # noqa: E402
from countersign.hashing import token_of  # noqa: E402
from tests.collector import cast  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results"
ROWS, FEW, HIGHEST = 5_000, 100, 50_000
NOT_INSTALLED = "NOT INSTALLED"


def main() -> None:
    """Each part by itself; `run.py attacks` only the table of designs."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "attacks": table,
        "column_names": column_names.measure,
        "smuggling": smuggling_of_ours,
        "timing": timing.measure,
        "epsilon_audit": epsilon_audit.measure,
    }
    for name in sys.argv[1:] or parts:
        keep(name, parts[name]())


def table() -> dict[str, Any]:
    """Every attack on every design."""
    rows, few, one_more = people(ROWS), people(FEW, seed=1), people(ROWS + 1, seed=0)
    found: dict[str, dict[str, Any]] = {}
    for name, send in designs.DESIGNS.items():
        content, of_few = send(rows), send(few)
        if content is None or of_few is None:
            print(f"!!! {name} could not be installed: its column is empty")
            found[name] = {"": NOT_INSTALLED}
            continue
        found[name] = {
            f"canaries found, of {len(canary_forms())}": len(found_in(content)),
            f"incomes found, of {FEW} when {FEW} rows are sent": attacks.extracted(
                of_few, few["income"]
            ),
            f"incomes found, of {ROWS}": attacks.extracted(content, rows["income"]),
            f"incomes below {HIGHEST} found by trying all": attacks.prices_by_dictionary(
                attacks.tokens_in(content), HIGHEST
            ),
            **named_categories(name, content, rows),
            **small_cells(name, content, rows),
            "one more person in a second upload": second_upload(name, send, rows, one_more),
        }
    return {"rows": ROWS, "designs": found}


def named_categories(name: str, content: bytes, rows: pd.DataFrame) -> dict[str, Any]:
    """How many cities are named: read, by a dictionary, by how common they are."""
    counts = rows["city"].value_counts()
    cities = [city for city in counts.index if city not in CANARIES]
    rare = [city for city in cities if counts[city] < 11]
    readable = {city for city in cities if city.encode() in content}
    tokens = attacks.tokens_in(content)
    looked_up = attacks.dictionary_attack(tokens, cities, "loans", list(rows.columns))
    told = {
        "ours": lambda: designs.our_counts(content, "city"),
        "plain_sha256": lambda: json.loads(content)["texts"]["city"],
    }.get(name, dict)()
    true = {_token(name, city): city for city in counts.index}
    # The attacker knows how common each city is in the country, which isn't quite the sample.
    known = {city: 1 / (1 + i) ** 1.1 for i, city in enumerate(CITIES)}
    guesses = attacks.frequency_attack(told, known)
    right = [token for token, guess in guesses.items() if true[token] == guess]
    return {
        f"cities readable, of {len(cities)}": len(readable),
        "cities found by a dictionary without the key": len(looked_up),
        "cities named rightly by how common they are": (
            f"{len(right)} of {len(told)} tokens" if told else "they can be read"
        ),
        f"cities with fewer than 11 people told apart, of {len(rare)}": len(
            [city for city in rare if city in readable or _token(name, city) in tokens]
        ),
    }


def _token(name: str, city: str) -> str:
    if name == "plain_sha256":
        return designs.digest(city)
    return token_of(designs.KEY, "loans", "city", city)


def small_cells(name: str, content: bytes, rows: pd.DataFrame) -> dict[str, Any]:
    """Of crossed cells with 1 to 10 people, how many counts can be worked out."""
    true = pd.crosstab(*(rows[column] for column in designs.CROSSED)).to_numpy()
    small = (true > 0) & (true < 11)
    label = f"crossed cells with 1 to 10 people worked out, of {int(small.sum())}"
    units = np.eye(true.size, dtype=np.int64)[small.ravel()]
    if name == "plain_sha256":
        told = attacks.crossed_facts(json.loads(content)["crossed"], margins=True)
        return {label: int(attacks.determined(told, units).sum())}
    if name != "ours":
        return {label: "tells no crossed tables"}
    return {label: int(attacks.determined(crossed.our_facts(content, rows), units).sum())}


def second_upload(name: str, send: designs.Design, rows: pd.DataFrame, more: pd.DataFrame) -> str:
    """What two uploads tell that differ by one person."""
    person = more.iloc[[-1]]
    both = pd.concat([rows, person], ignore_index=True)
    income = float(person["income"].iloc[0])
    if name == "ours":
        baseline = designs.ours(rows)
        differ = attacks.differing_columns(
            designs.our_window(baseline, rows), designs.our_window(baseline, both, revision=2)
        )
        return (
            f"overlapping windows are refused; a later revision shows the cell in {len(differ)} of "
            f"{rows.shape[1]} columns, no value"
        )
    first, second = send(rows), send(both)
    assert first is not None and second is not None
    if name == "plain_sha256":
        new = {k for k, n in json.loads(second)["numbers"]["income"].items()
               if json.loads(first)["numbers"]["income"].get(k, 0) < n}  # fmt: skip
        return "the income itself" if designs.digest(income) in new else "a hash"
    means = [_mean_of(name, each) for each in (first, second)]
    told = attacks.value_of_one_more(means[0], len(rows), means[1])
    return (
        "the income itself"
        if abs(told - income) < 0.005
        else f"the income to {abs(told - income):.2g}"
    )


def _mean_of(name: str, content: bytes) -> float:
    if name == "evidently":
        metrics = json.loads(content)["metrics"]
        [mean] = [
            m["value"]
            for m in metrics
            if m["config"]["type"].endswith(":MeanValue") and m["config"]["column"] == "income"
        ]
        return float(mean)
    return designs.whylogs_mean(content, "income")


def smuggling_of_ours() -> dict[str, Any]:
    """Bits by field, for every kind of statement."""
    rows = cast.rich_rows(20_000)
    recipe = {**cast.RICH, "edges": {"age": [18, 30, 45, 60, 80]}}
    baseline = Collector.baseline(rows, attributions=cast.shap_values(400), **recipe)
    return smuggling.of_all(baseline, rows, datetime(2026, 6, 1, tzinfo=UTC))


def keep(name: str, figures: dict[str, Any]) -> None:
    """Write and show a result."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    text = json.dumps({"machine": machine, **figures}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
