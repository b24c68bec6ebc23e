"""Real processes: replicas, a gateway that is killed, a statement for all of them."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countersign import Home, Replica
from countersign.rest import Unreachable
from countersign.statement import Window
from tests.collector.appliance import SmallAppliance
from tests.collector.cast import some_rows
from tests.gateway.conftest import (
    WEEK,
    Gateway,
    counted_by_one,
    equal,
    message_of,
    week_of,
)
from tests.platform.running import wait_until

REPLICA = """
import sys
from pathlib import Path
from countersign import Replica
from tests.collector.cast import some_rows
url, token, key, seed = sys.argv[1:]
replica = Replica(url, "loans", "1", "prod", token=Path(token), key=Path(key))
print("ready", flush=True)
sys.stdin.readline()
frame = some_rows(3_000, int(seed))
replica.add(frame[:2_000])
for row in frame[2_000:].to_dict("records"):
    replica.add_row(row)
print("counted", flush=True)
sys.stdin.readline()
replica.stop()
print(replica.failures, flush=True)
"""


class Process:
    """A replica that goes on when it is told to."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        key = gateway.home.directory / "hashing.key"
        arguments = [gateway.url, str(gateway.token), str(key), str(seed)]
        self.child = subprocess.Popen(
            [sys.executable, "-c", REPLICA, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ.copy(),
        )

    def says(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def end(self) -> None:
        self.child.communicate(timeout=30)


def test_a_kill_in_the_middle_loses_nothing_that_was_acknowledged(
    gateway: Gateway, home: Home
) -> None:
    first, second = Process(gateway, 1), Process(gateway, 2)
    plan, key = home.plan("loans", "1"), home.hashing_key
    assert (first.says(), second.says()) == ("ready", "ready")
    first.go_on()
    assert first.says() == "counted"
    first.go_on()
    assert first.says() == "0"  # stopped: all it counted was acknowledged
    gateway.end(signal.SIGKILL)
    assert equal(gateway.kept(plan, key), counted_by_one(plan, key, some_rows(3_000, 1)))

    second.go_on()  # counts on while nobody answers
    assert second.says() == "counted"
    gateway.start()
    second.go_on()
    assert second.says() == "0"
    both = counted_by_one(plan, key, some_rows(3_000, 1), some_rows(3_000, 2))
    assert equal(gateway.kept(plan, key), both)
    for process in (first, second):
        process.end()


def test_all_replicas_are_told_in_one_statement_and_later_counts_are_refused(
    appliance: SmallAppliance, home: Home
) -> None:
    gateway = Gateway(home, patience=2.0)
    gateway.start()
    plan, key, last = home.plan("loans", "1"), home.hashing_key, week_of(time.time()) - WEEK
    frames = [some_rows(2_000, seed) for seed in (1, 2, 3)]
    for name, frame in zip("abc", frames, strict=True):
        message = message_of(plan, counted_by_one(plan, key, frame), last, name)
        assert gateway.send(message).ok
        assert gateway.send(message).ok  # again: counted once
    wait_until(lambda: appliance.payloads(Window), 20)
    [window] = appliance.payloads(Window)
    assert (window.tally.rows, window.deployment, window.shards) == (6_000, "prod", 1)
    assert window.start.timestamp() == last and window.end.timestamp() == last + WEEK
    assert gateway.send(message).json()["type"] == "gateway.late"
    assert gateway.end() == 0
    folder = home.directory / "gateway" / "loans" / "1" / "prod"
    assert sorted(path.name for path in folder.iterdir()) == ["plans", "released"]

    gateway.start()
    assert gateway.send(message).json()["type"] == "gateway.late"  # also after a restart
    assert gateway.end() == 0
    assert len(appliance.payloads(Window)) == 1


def test_files_are_their_owners_and_hold_no_value(gateway: Gateway, home: Home) -> None:
    canary, number = "canary.mary@example.com", 83_412.77
    instances = [{"income": number, "region": canary, "note": canary}] * 30
    assert gateway.event("request", {"instances": instances}).status == 202
    assert gateway.event("response", {"predictions": [0.2] * 30}).status == 200
    assert gateway.event("request", {"instances": canary}, "2").status == 202
    assert gateway.event("response", {"predictions": [canary]}, "2").status == 422
    gateway.ask(f"events?{canary}", b"{" + canary.encode(), content_type=canary)
    gateway.ask("counts", canary.encode() * 9, content_type="application/vnd.countersign.counts")
    assert gateway.end() == 0
    files = [path for path in (home.directory).rglob("*") if path.is_file()]
    assert any(path.suffix == ".counts" for path in files)
    for path in files:
        content = path.read_bytes()
        assert canary.encode() not in content and f"{number}".encode() not in content
        if "gateway" in path.parts or path.name == "gateway.token":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "gateway.tensor" in gateway.printed


def test_a_replica_never_raises_and_never_waits(gateway: Gateway, home: Home) -> None:
    key = home.directory / "hashing.key"
    replica = Replica(gateway.url, "loans", "1", "prod", token=gateway.token, key=key)
    gateway.end(signal.SIGKILL)
    replica.add_row({"income": object()})
    replica.add({"income": [1.0], "age": [1, 2]})  # not a table
    replica.add("nonsense")
    replica.stop()
    assert replica.failures >= 1


def test_a_replica_says_at_its_start_that_nobody_answers(home: Home, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t" * 40)
    with pytest.raises(Unreachable):
        Replica(
            "http://127.0.0.1:9",
            "loans",
            "1",
            "prod",
            token=tmp_path / "token",
            key=home.directory / "hashing.key",
        )


def test_a_token_that_others_may_read_is_refused(home: Home) -> None:
    token = home.directory / "gateway.token"
    token.write_text("t" * 40)
    token.chmod(0o644)
    gateway = Gateway(home)
    with pytest.raises(AssertionError):
        gateway.start()
    assert gateway.process is not None and gateway.process.wait(20) == 1
    assert "gateway.token_mode" in gateway.printed
    assert json.dumps("t" * 40)[1:-1] not in gateway.printed
    assert gateway.process.stdout is not None
    gateway.process.stdout.close()
