"""What four designs send of the same rows: ours, whylogs, Evidently, and plain SHA-256.

The plain design is what teams build when nobody looks closely: every text by its SHA-256, exact
counts, and a crossed table from which cells of fewer than 11 rows are left out, with its margins.
"""

import datetime as dt
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from countersign.collector import Collector
from countersign.statement import Baseline, decode
from countersign.statements import OpenPlan
from tests.collector.appliance import plan_payload

from . import environments

KEY = b"the key of Ada's host, 32 bytes."
START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
WEEK = dt.timedelta(days=7)
TEXTS = ("city", "sex", "email", "region", "band")
CROSSED = ("region", "band")
RECIPE = {
    "model": "loans",
    "version": "1",
    "digest": "d" * 64,
    "key": KEY,
    "roles": {"risk": "score", "sex": "group"},
    "threshold": 0.5,
    "slices": [CROSSED],
}

Design = Callable[[pd.DataFrame], bytes | None]


def ours(rows: pd.DataFrame) -> bytes:
    """The baseline of the rows."""
    return Collector.baseline(rows, **RECIPE)


def our_window(baseline: bytes, rows: pd.DataFrame, *, revision: int = 1) -> bytes:
    """A window of rows under the plan that follows from a baseline."""
    collector = Collector(OpenPlan.read(plan_payload(baseline)), key=KEY, deployment="prod")
    collector.add(rows)
    assert not collector.failures
    return collector.close_window(START, START + WEEK, revision=revision, replay=True)


def our_counts(baseline: bytes, column: str) -> dict[str, int]:
    """What a baseline tells of each token of a column; a merged one isn't told by itself."""
    told = decode(baseline, Baseline)[1]
    [tokens] = [each.tokens for each in told.columns if each.name == column]
    cells = told.total.columns[column].cells
    return {token: n for token, n in zip(tokens, cells[3:], strict=True) if n}


def plain(rows: pd.DataFrame) -> bytes:
    """The plain design's upload."""
    tables = {
        name: {digest(text): int(n) for text, n in rows[name].value_counts().items()}
        for name in TEXTS
    }
    numbers = {
        name: {digest(text): int(n) for text, n in rows[name].astype(str).value_counts().items()}
        for name in ("income", "age")
    }
    crossed = pd.crosstab(*(rows[name] for name in CROSSED))
    shown = [[int(n) if n == 0 or n >= 11 else None for n in line] for line in crossed.to_numpy()]
    return json.dumps({"texts": tables, "numbers": numbers, "crossed": shown}).encode()


def digest(text: object) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


def whylogs(rows: pd.DataFrame) -> bytes | None:
    """whylogs' profile; None if it can't be installed."""
    return _peer("whylogs", "whylogs_profile.py", rows)


def evidently(rows: pd.DataFrame) -> bytes | None:
    """Evidently's report; None if it can't be installed."""
    return _peer("evidently", "evidently_report.py", rows)


def whylogs_mean(profile: bytes, column: str) -> float:
    """The mean that a profile holds of a column."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(profile)
        printed = environments.run("whylogs", "whylogs_mean.py", file.name, column)
    assert printed is not None
    return float(printed.splitlines()[-1])


DESIGNS: dict[str, Design] = {
    "ours": ours,
    "whylogs": whylogs,
    "evidently": evidently,
    "plain_sha256": plain,
}


def _peer(tool: str, script: str, rows: pd.DataFrame) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "rows.csv", Path(folder) / "out"
        rows.to_csv(source, index=False)
        if environments.run(tool, script, source, target) is None:
            return None
        return target.read_bytes()
