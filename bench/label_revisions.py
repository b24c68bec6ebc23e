"""How often a later revision of a window's labels can be told, and how fine its tables are.

    .venv/bin/python bench/label_revisions.py

Windows of a credit model with two groups, a slice and a crossed slice. Labels become known in
steps; each step is a revision. `told` is how often the last one could be told; `held back without
memory` how often it would have been refused if it were cut by itself and only compared afterwards.
The other columns say how many runs, groups and bands the last revision tells, and of how many if it
were the first. Prints a table and writes results/label_revisions.json; the same every time.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from countersign.collector import Collector
from countersign.counting import Counter
from countersign.design import Design
from countersign.release import Release
from countersign.revisions import is_safe_step, refuse_less, widths_of
from countersign.statement import Baseline, Refused, decode
from countersign.tables import Labels

KEY = b"k" * 32
MIN_COUNT = 11
TRIALS = 20
ROWS = (1_000, 2_000, 5_000, 20_000)
STEPS = {
    "50 %, 100 %": (0.5, 1.0),
    "90 %, 100 %": (0.9, 1.0),
    "98 %, 100 %": (0.98, 1.0),
    "10 %, 50 %, 100 %": (0.1, 0.5, 1.0),
    "25 %, 50 %, 75 %, 100 %": (0.25, 0.5, 0.75, 1.0),
}
RESULT = Path(__file__).parent / "results" / "label_revisions.json"


def loans(rows: int, seed: int) -> pd.DataFrame:
    """Applicants: a risk, who they are, and whether they repaid."""
    random = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(-random.normal(-0.5, 1.2, rows)))
    return pd.DataFrame(
        {
            "risk": risk,
            "age": random.integers(18, 80, rows),
            "region": random.choice(
                ["north", "south", "east", "west"], rows, p=[0.5, 0.3, 0.15, 0.05]
            ),
            "sex": random.choice(["f", "m"], rows),
            "origin": random.choice(["here", "there", "elsewhere"], rows, p=[0.7, 0.25, 0.05]),
            "repaid": random.random(rows) > risk,
        }
    )


def design() -> Design:
    payload = Collector.baseline(
        loans(20_000, 0),
        model="loans",
        version="1",
        digest="0" * 64,
        key=KEY,
        roles={"risk": "score", "sex": "group", "origin": "group", "repaid": "outcome"},
        threshold=0.37,
        slices=["region", ("region", "age")],
    )
    return Design.of(decode(payload, Baseline)[1]).later


def revisions(rows: int, shares: tuple[float, ...], seed: int) -> Iterator[pd.DataFrame]:
    """The same window, each time with more labels known."""
    frame = loans(rows, seed)
    known = np.random.default_rng([seed, 1]).random(rows)
    for share in shares:
        yield frame.assign(repaid=frame["repaid"].astype(object).where(known < share, None))


def fineness(labels: Labels) -> dict[str, int]:
    """How many runs, groups' runs and slices' bands are told."""

    def told(cells: list[Any]) -> int:
        return sum(cell is not None for cell in cells)

    groups = [table for tables in labels.groups.values() for table in tables.values() if table]
    return {
        "score runs": told(labels.overall.positives) if labels.overall else 0,
        "groups": len(groups),
        "group runs": sum(told(table.positives) for table in groups),
        "slice bands": sum(told(table.rows) for table in labels.slices if table),
    }


def trial(counter: Counter, rows: int, shares: tuple[float, ...], seed: int) -> dict[str, Any]:
    """What the last revision tells: beside the earlier ones, and alone."""
    told: list[Labels] = []
    alone: list[Labels] = []
    widths = widths_of(counter.design.slices)
    for frame in revisions(rows, shares, seed):
        counted = counter.count(frame)
        [labels] = Release([counted], counter.design, MIN_COUNT, earlier=told).labels()
        alone += Release([counted], counter.design, MIN_COUNT).labels()
        try:
            refuse_less(labels, told)
        except Refused:
            continue
        assert all(is_safe_step(before, labels, MIN_COUNT, widths) for before in told)
        told.append(labels)
        last = len(alone) == len(shares)
    held = any(not is_safe_step(before, alone[-1], MIN_COUNT, widths) for before in alone[:-1])
    found: dict[str, Any] = {"told": last, "held": held}
    found["alone"] = fineness(alone[-1])
    return found | {"tells": fineness(told[-1])}


def measure(counter: Counter, rows: int, name: str) -> dict[str, Any]:
    found = [trial(counter, rows, STEPS[name], seed) for seed in range(TRIALS)]
    line: dict[str, Any] = {
        "rows": rows,
        "labels known": name,
        "told": round(float(np.mean([f["told"] for f in found])), 3),
        "refused without memory": round(float(np.mean([f["held"] for f in found])), 3),
    }
    for part in found[0]["tells"]:
        for which, suffix in (("tells", ""), ("alone", ", if first")):
            mean = np.mean([f[which][part] for f in found if f["told"]] or [0])
            line[part + suffix] = round(float(mean), 1)
    return line


def main() -> None:
    counter = Counter(design(), "loans", KEY)
    lines = [measure(counter, rows, name) for rows in ROWS for name in STEPS]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"trials": TRIALS, "min_count": MIN_COUNT, "revisions": lines}, indent=2) + "\n"
    )
    print(pd.DataFrame(lines).to_string(index=False))


if __name__ == "__main__":
    main()
