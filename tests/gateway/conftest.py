"""A gateway in a process of its own, beside a small appliance; and replicas that ask it by HTTP."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from countersign import Collector, Home
from countersign.batch import Counted
from countersign.gateway.exchange import COUNTS, Message, counted_of, tables_of
from countersign.gateway.windows import ORIGIN, Kept
from countersign.rest import Answer, request
from countersign.statements import OpenPlan
from tests.collector.appliance import TOKEN, SmallAppliance, running_appliance
from tests.collector.cast import RECIPE, some_rows
from tests.platform.running import free_port

ADDRESS = "loans/1/prod"
WEEK = 7 * 86_400


@dataclass
class Gateway:
    """`countersign gateway` as a process; `output` is what it printed while it ran."""

    home: Home
    port: int = field(default_factory=free_port)
    patience: float = 60.0
    address: str = ADDRESS
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        file = self.home.directory / "gateway.toml"
        model, version, deployment = self.address.split("/")
        file.write_text(
            f'listen = "127.0.0.1:{self.port}"\npatience = {self.patience}\n'
            f'[[serve]]\nmodel = "{model}"\nversion = "{version}"\ndeployment = "{deployment}"\n'
            f'inputs = ["income", "region"]\n'
        )
        command = [sys.executable, "-m", "countersign.cli", "gateway", str(file)]
        with (self.home.directory / "printed").open("a") as printed:
            self.process = subprocess.Popen(
                [*command, "--home", str(self.home.directory)],
                stdout=subprocess.PIPE,
                stderr=printed,
                text=True,
                env=os.environ.copy(),
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"on {self.url}\n", self.printed

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None and self.process.stdout is not None
        self.process.send_signal(number)
        self.process.stdout.close()
        return self.process.wait(20)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def printed(self) -> str:
        return (self.home.directory / "printed").read_text()

    @property
    def token(self) -> Path:
        return self.home.directory / "gateway.token"

    def ask(self, what: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, with the token unless another one is given."""
        known = {"Authorization": f"Bearer {self.token.read_text().strip()}"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        method = "GET" if body is None else "POST"
        return request(method, f"{self.url}/v1/{self.address}/{what}", body, known)

    def send(self, message: Message) -> Answer:
        return self.ask("counts", msgspec.msgpack.encode(message), content_type=COUNTS)

    def event(self, kind: str, data: Any, identity: str = "1", **more: str) -> Answer:
        """An event in binary mode, as KServe sends it."""
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": identity,
            "ce_source": "http://localhost:9081/",
            "ce_type": f"org.kubeflow.serving.inference.{kind}",
        }
        body = json.dumps(data).encode()
        return self.ask("events", body, content_type="application/json", **attributes | more)

    def kept(self, plan: OpenPlan, key: bytes) -> Counted:
        """What the gateway has on disk of all open windows."""
        total = plan.counter(key).nothing()
        for path in (self.home.directory / "gateway" / self.address).glob("*.counts"):
            kept = msgspec.msgpack.decode(path.read_bytes(), type=Kept)
            total += counted_of(kept.rows, kept.tables, plan.counter(key).nothing())
        return total


@pytest.fixture
def appliance() -> Iterator[SmallAppliance]:
    with running_appliance() as running:
        yield running


@pytest.fixture
def home(appliance: SmallAppliance, tmp_path: Path) -> Home:
    """An enrolled collector whose baseline was sent."""
    home = Home.enroll(appliance.url, TOKEN, directory=tmp_path / "home")
    frame = some_rows(5_000).drop(columns="when")
    home.sender.put(Collector.baseline(frame, **{**RECIPE, "key": home.hashing_key}))
    assert home.sender.flush().accepted
    return home


@pytest.fixture
def gateway(home: Home) -> Iterator[Gateway]:
    gateway = Gateway(home)
    gateway.start()
    yield gateway
    if gateway.process is not None and gateway.process.poll() is None:
        assert gateway.end() == 0


def counted_by_one(plan: OpenPlan, key: bytes, *frames: Any) -> Counted:
    """What a lone collector counts of all the rows."""
    collector = Collector(plan, key=key)
    for frame in frames:
        collector.add(frame)
    assert collector.failures == 0
    return collector.take()


def message_of(
    plan: OpenPlan, counted: Counted, start: int, replica: str = "a", sequence: int = 1
) -> Message:
    tables = tables_of(counted)
    return Message(plan.digest, start, replica, sequence, counted.rows, tables)


def week_of(when: float) -> int:
    """The start of the calendar's week."""
    return int(when - (when - ORIGIN) % WEEK)


def equal(one: Counted, other: Counted) -> bool:
    """Counts are equal exactly, sums but for the order of their rows."""
    return (
        one.rows == other.rows
        and one.tables.keys() == other.tables.keys()
        and all(
            (one.tables[key] == other.tables[key]).all()
            if one.tables[key].dtype.kind == "i"
            else abs(one.tables[key] - other.tables[key]).max(initial=0) < 1e-6
            for key in one.tables
        )
    )
