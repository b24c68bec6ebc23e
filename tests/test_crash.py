"""kill -9 of the worker, of gunicorn and of PostgreSQL while 250 windows come in.

What was acknowledged is in the log and is examined exactly once; what was not acknowledged is sent
again, the same bytes, and is acknowledged then.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from countersign import Home
from countersign.rest import Unreachable, request
from countersign.statement import encode
from tests.builders import VERSION_DIGEST, a_baseline, a_window
from tests.platform.running import Appliance, wait_until

UPLOADS = 250
SENDERS = 4
HOUR = timedelta(hours=1)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(running_appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Home:
    token = running_appliance.manage("enrolment_token").strip()
    home = Home.enroll(running_appliance.url, token, directory=tmp_path_factory.mktemp("home"))
    home.register("crashes", "1", VERSION_DIGEST)
    baseline = encode(a_baseline(model="crashes"), VERSION_DIGEST)
    home.sender.put(baseline)
    assert home.sender.flush().accepted
    return home


def send_until_acknowledged(home: Home, payload: bytes) -> str:
    """Post the same bytes until the appliance acknowledges them; returns the receipt's digest."""
    headers = {
        "Authorization": f"Bearer {home.appliance.bearer}",
        "Content-Type": "application/json",
    }
    for _ in range(600):
        try:
            answer = request("POST", f"{home.appliance.url}/api/v1/windows", payload, headers)
        except Unreachable:
            time.sleep(0.2)
            continue
        if answer.ok:
            return str(answer.json()["digest"])
        assert answer.status >= 500, answer.body
        assert answer.status == 503, answer.body
        time.sleep(0.2)
    raise AssertionError("never acknowledged")


def kill_one_after_another(running_appliance: Appliance, stop: threading.Event) -> Iterator[str]:
    """kill -9 each part of the process tree in turn, a second and a half apart."""
    while not stop.is_set():
        for name in ("worker", "site", "postgres"):
            if stop.wait(1.5):
                return
            os.kill(running_appliance.pid_of(name), signal.SIGKILL)
            yield name
        stop.wait(10)  # long enough to start again and take some, on a busy machine too


def test_nothing_acknowledged_is_lost_and_nothing_is_examined_twice(
    running_appliance: Appliance, home: Home
) -> None:
    plan = home.plan("crashes", "1").digest
    payloads = [
        encode(
            a_window(
                plan,
                model="crashes",
                start=BEGIN + i * HOUR,
                end=BEGIN + (i + 1) * HOUR,
                replay=True,
            ),
            VERSION_DIGEST,
        )
        for i in range(UPLOADS)
    ]
    stop, killed = threading.Event(), list[str]()
    killer = threading.Thread(
        target=lambda: killed.extend(kill_one_after_another(running_appliance, stop))
    )
    killer.start()
    try:
        with ThreadPoolExecutor(SENDERS) as pool:
            receipts = list(pool.map(lambda p: send_until_acknowledged(home, p), payloads))
    finally:
        stop.set()
        killer.join()
    assert {"worker", "site", "postgres"} <= set(killed), "each was killed at least once"
    assert len(set(receipts)) == UPLOADS

    facts = Facts(running_appliance.database_url)
    wait_until(lambda: facts.examined() == UPLOADS, 120)
    assert facts.count("SELECT count(*) FROM {windows} WHERE w.generation = 1") == UPLOADS
    assert facts.count("SELECT count(*) FROM {windows} JOIN detectors_examination e ON {e}") == (
        UPLOADS
    )
    assert facts.count("SELECT max(step) FROM detectors_stream WHERE baseline_id = {b}") == UPLOADS
    wait_until(lambda: facts.count("SELECT count(*) FROM governance_pending") == 0, 60)
    assert facts.in_log(receipts) == UPLOADS
    assert "verified" in running_appliance.manage("verify_audit")


class Facts:
    """What the database holds about the model of this test."""

    BASELINE = (
        "(SELECT b.id FROM detectors_baseline b JOIN governance_version v ON v.id = b.version_id "
        "JOIN governance_model m ON m.id = v.model_id WHERE m.name = 'crashes')"
    )

    def __init__(self, url: str) -> None:
        self.url = url

    def count(self, sql: str, *values: object) -> int:
        named = sql.format(
            windows=f"(SELECT * FROM detectors_window WHERE baseline_id = {self.BASELINE}) w",
            e="e.window_id = w.id",
            b=self.BASELINE,
        )
        with psycopg.connect(self.url) as connection:
            row = connection.execute(named.encode(), values).fetchone()
        assert row is not None
        return int(row[0])

    def examined(self) -> int:
        return self.count("SELECT count(*) FROM {windows} WHERE w.examined = w.generation")

    def in_log(self, digests: list[str]) -> int:
        return self.count(
            "SELECT count(DISTINCT convert_from(e.body, 'UTF8')::json->>'statement') "
            "FROM governance_entry e JOIN governance_leaf l ON l.entry_id = e.id "
            "WHERE e.kind = 'window.accepted' "
            "AND convert_from(e.body, 'UTF8')::json->>'statement' = ANY(%s)",
            digests,
        )
