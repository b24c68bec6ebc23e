"""The whole road with real parts: rows, a collector, HTTP, PostgreSQL, a worker, an incident, the
sealed log, and a verification from an export by a program that knows neither Django nor us."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from countersign import Collector, Home
from tests.platform.running import Appliance, wait_until

WEEK = timedelta(days=7)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
CHECKOUT = Path(__file__).resolve().parent.parent
ROLES = {"risk": "score", "repaid": "outcome", "sex": "group"}
CANARY = "eve.canary@example.org"
rng = np.random.default_rng(11)


def people(count: int, week: int, age: float = 45.0) -> dict[str, Any]:
    """Rows as Ada's model sees them; one value of `note` occurs once and must never cross."""
    risk = rng.beta(2, 3, count)
    note = rng.choice(["new", "known"], count).astype(object)
    note[0] = CANARY
    return {
        "moment": np.full(count, np.datetime64((BEGIN + week * WEEK).replace(tzinfo=None), "s")),
        "age": rng.normal(age, 12, count).clip(18, 95),
        "income": rng.lognormal(10, 0.5, count),
        "note": note,
        "sex": rng.choice(["f", "m"], count),
        "risk": risk,
        "repaid": rng.random(count) < risk,
    }


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.fixture(scope="module")
def home(running_appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ada's collector, enrolled with a one-time token that Dan gave her."""
    token = running_appliance.manage("enrolment_token").strip()
    return Home.enroll(running_appliance.url, token, directory=tmp_path_factory.mktemp("home"))


def deliver(home: Home, statement: bytes) -> dict[str, Any]:
    home.sender.put(statement)
    flushed = home.sender.flush()
    assert (flushed.refused, flushed.waiting) == ([], 0)
    return flushed.accepted[0]


def incidents(home: Home) -> list[dict[str, Any]]:
    found = json.loads(home._get("/api/v1/incidents?status=open").body)
    return [one for one in found if (one["model"], one["version"]) == ("loans", "3")]


def test_from_rows_to_an_incident_and_a_log_that_anyone_can_verify(
    running_appliance: Appliance, home: Home, tmp_path: Path
) -> None:
    home.register("loans", "3", "d" * 64)
    reference = joined([people(3_000, week) for week in range(-12, 0)])
    deliver(
        home,
        Collector.baseline(
            reference,
            model="loans",
            version="3",
            digest="d" * 64,
            key=home.hashing_key,
            roles=ROLES,
            threshold=0.5,
            time="moment",
            window=WEEK,
        ),
    )
    collector = home.collector("loans", "3")
    receipts, weeks = [], []
    for week in range(4):
        rows = people(3_000, week, age=45.0 if week < 2 else 55.0)
        weeks.append(rows)
        collector.add({k: v for k, v in rows.items() if k != "repaid"})
        assert collector.failures == 0
        begin = BEGIN + week * WEEK
        statement = collector.close_window(begin, begin + WEEK, replay=True)
        assert CANARY.encode() not in statement
        receipts.append(deliver(home, statement))

    wait_until(lambda: incidents(home), 60)
    [incident] = incidents(home)
    assert incident["cause"] == "drift"
    assert incident["findings"][0]["name"] == "age"
    assert incident["title"].startswith("age has shifted")

    labels = collector.outcomes(weeks[0], BEGIN, BEGIN + WEEK)
    receipts.append(deliver(home, labels))

    def sealed() -> list[dict[str, Any]]:
        found = [home._get(f"/api/v1/receipts/{r['digest']}").json() for r in receipts]
        return found if all(r["index"] is not None for r in found) else []

    wait_until(sealed, 60)
    proofs = sealed()
    assert all(r["proof"].startswith("c2sp.org/tlog-proof@v1\n") for r in proofs)

    printed = running_appliance.manage("export_audit", str(tmp_path / "log"))
    vkey = printed.split("vkey", 1)[1].split()[0]
    assert verify(tmp_path / "log", vkey).returncode == 0
    bundles = [p for p in (tmp_path / "log" / "tile" / "entries").rglob("*") if p.is_file()]
    entries = b"".join(bundle.read_bytes() for bundle in bundles)
    for receipt in receipts:
        assert receipt["digest"].encode() in entries
    assert CANARY.encode() not in entries

    content = bundles[0].read_bytes()
    bundles[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused = verify(tmp_path / "log", vkey)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert "verified" in running_appliance.manage("verify_audit")


def verify(directory: Path, vkey: str) -> subprocess.CompletedProcess[str]:
    """As an auditor would: the exported files, the log's public key, nothing else."""
    return subprocess.run(
        [sys.executable, "-m", "countersign.tlog.verify", str(directory), "--vkey", vkey],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
