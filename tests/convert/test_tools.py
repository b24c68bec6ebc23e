"""Files that the tools themselves wrote, of the same rows, against those rows.

Each tool has an environment of its own under .cache/peers. PEERS=1 makes them, and so does
bench/attacks; without one its tests are skipped, and say so.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.attacks import environments
from countersign.convert.reading import read
from countersign.convert.statements import baseline_of
from countersign.counting import Counter
from countersign.design import Design
from countersign.profiles import tool_of
from countersign.recipe import Recipe
from countersign.statement import Baseline, Refused, decode
from tests.collector.cast import some_rows

KEY = "k" * 32
ROWS = 20_000
PEERS = "PEERS" in os.environ
COLUMNS = ["income", "age", "balance", "employed", "region", "origin"]
CANARY = "canary.mary@example.com"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada's loans as a CSV file."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    frame = some_rows(ROWS)[COLUMNS]
    frame["employed"] = frame["employed"].astype(int)
    frame.loc[:400, "origin"] = CANARY
    frame.to_csv(path, index=False)
    return path


def written(tool: str, script: str, rows: Path, *more: object) -> bytes:
    """The file that a tool makes of the rows; skips if the tool can't be had."""
    target = rows.parent / f"{script}{len(more)}.out"
    if environments.run(tool, script, rows, target, *more, make=PEERS) is None:
        pytest.skip(f"!!! {tool} is not installed; its own files are NOT tested. Set PEERS=1.")
    return target.read_bytes()


def a_recipe(**roles: str) -> Recipe:
    return Recipe(model="loans", version="1", digest="d" * 64, key=KEY.encode(), roles=roles)


def assert_counts_the_rows(statement: Baseline, rows: Path, error: float) -> None:
    """Every told run holds what counting the rows gives, to within a share of them."""
    frame = pd.read_csv(rows)
    counter = Counter(Design.of(statement), "loans", KEY.encode())
    exact = counter.count(frame)
    for column in statement.columns:
        told = statement.total.columns[column.name].cells
        raw = exact.tables["column", column.name]
        for start in (i for i, cell in enumerate(told) if cell is not None):
            below = sum(cell or 0 for cell in told[:start])
            assert abs(below - raw[:start].sum()) <= error * ROWS, (column.name, start)


def assert_clean(payload: bytes, rows: Path) -> None:
    frame = pd.read_csv(rows)
    assert CANARY.encode() not in payload and b"elsewhere" not in payload
    for name in ("income", "balance"):
        for value in (frame[name].min(), frame[name].max(), *frame[name].dropna()[:200]):
            if value:
                assert repr(float(value)).encode() not in payload


def test_whylogs(rows: Path) -> None:
    data = written("whylogs", "whylogs_profile.py", rows)
    assert tool_of(data) == "whylogs"
    assert CANARY.encode() in data
    target = rows.parent / "whylogs_profile.py0.out"
    printed = environments.run("whylogs", "to_baseline.py", target, json.dumps({}), KEY)
    assert printed is not None
    payload = printed.strip().encode()
    statement = decode(payload, Baseline)[1]
    kinds = {c.name: c.kind for c in statement.columns}
    assert kinds["income"] == kinds["age"] == "numeric"
    assert kinds["region"] == kinds["origin"] == "categorical" and kinds["employed"] == "boolean"
    assert_counts_the_rows(statement, rows, 0.015)
    assert_clean(payload, rows)
    with pytest.raises(Refused, match=r"convert\.needs_whylogs"):
        read(data)  # here, where it isn't installed


def test_evidently(rows: Path) -> None:
    data = written("evidently", "evidently_report.py", rows)
    assert tool_of(data) == "evidently"
    profile = read(data)
    with pytest.raises(Refused, match="`income`: of numbers the report has three quartiles"):
        baseline_of(profile, a_recipe())
    numeric = [name for name, told in profile.columns.items() if told.texts is None]
    assert {"income", "balance", "age"} <= set(numeric)
    converted = baseline_of(profile, a_recipe(**dict.fromkeys(numeric, "ignore")))
    statement = decode(converted.payload, Baseline)[1]
    assert {c.name for c in statement.columns} >= {"region", "origin"}
    assert_counts_the_rows(statement, rows, 0)
    assert_clean(converted.payload, rows)


@pytest.mark.parametrize("tool", ["tfdv", "tfdv_messages"])
def test_tfdv(rows: Path, tool: str) -> None:
    """By TFDV itself, which takes gigabytes, and by its message classes, which don't."""
    script = "tfdv_statistics.py" if tool == "tfdv" else "tfdv_messages.py"
    fine, coarse = (written(tool, script, rows, *more) for more in ((400,), (10, "coarse")))
    assert tool_of(fine) == tool_of(coarse) == "tfdv"
    with pytest.raises(Refused, match="`income`: its distribution is too coarse"):
        baseline_of(read(coarse), a_recipe())
    converted = baseline_of(read(fine), a_recipe())
    statement = decode(converted.payload, Baseline)[1]
    assert {c.name for c in statement.columns} == set(COLUMNS)
    assert_counts_the_rows(statement, rows, 0.02 if tool == "tfdv" else 0.015)
    assert_clean(converted.payload, rows)
    assert len(converted.dropped) == 2


def test_nothing_of_the_peers_environment_is_here() -> None:
    with pytest.raises(ImportError):
        __import__("whylogs")
    assert np.__name__ == "numpy"
