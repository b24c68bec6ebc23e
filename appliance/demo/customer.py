"""What a customer's host does: enrol, register, describe the good times, count, send, ask.

Everything goes through the library `countersign` and the public REST API and log, except the
one-time token: an administrator hands it over, and here that is a process on the same machine.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from appliance.demo.data import (
    COLUMNS,
    FIRST_YEAR,
    ROLES,
    SLICES,
    THRESHOLD,
    WEEK,
    Survey,
    Week,
)
from countersign import Collector, Home, Refused
from countersign.rest import Answer, Unreachable, request
from countersign.statement import Event, digest_of, encode
from countersign.tlog.tiles import WIDTH, decode_bundle, entries_path

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds for the appliance to look at what it was sent
PAUSE = 0.5
PURPOSE = "Guesses from a census form whether a person has work. A demonstration."
OWNER, DEVELOPERS = "ben", ["ada"]
WORST_FIRST = ["high", "medium", "low"]


class Stopped(Exception):
    """The demo can't go on; the message says why, in a sentence for the person at the screen."""


def ask_administrator(url: str, data: Path) -> dict[str, str | None]:
    """A one-time `token`, the set-up `link` if nobody administers yet, the people's `password`."""
    handed_out: dict[str, str | None] = json.loads(beside("administrator", data, url))
    return handed_out


def ask_people(customer: "Customer", data: Path) -> None:
    """Let the demo's people do about the model what is theirs to do; only once."""
    since = customer.survey.later[0].start.isoformat()
    beside("governing", data, customer.model, customer.version, since)


def beside(module: str, data: Path, *arguments: str) -> bytes:
    """What a process of the appliance's own says, which may touch its database."""
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-m", f"appliance.demo.{module}", *arguments],
        cwd=CHECKOUT,
        env=os.environ | {"COUNTERSIGN_DATA": str(data)},
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise Stopped("The appliance's database can't be reached; is --data the right one?")
    return done.stdout


def enrol(url: str, directory: Path, token: str) -> Home:
    """The collector's home; enrolled with the one-time token if this is the first time."""
    try:
        home = Home(directory)
    except Refused:
        return Home.enroll(url, token, name="demo", directory=directory)
    # An interrupted run may have met the appliance at another port.
    home.appliance = msgspec.structs.replace(home.appliance, url=url)
    return home


@dataclass
class Customer:
    """One model's host: its keys, its rows, and what it has sent so far."""

    home: Home
    survey: Survey
    sent: int = 0
    sent_bytes: int = 0
    to_examine: set[str] = field(default_factory=set)

    @property
    def model(self) -> str:
        """Made-up people go under a name that says so on every page."""
        return "generated-people" if self.survey.generated else "employment-ma"

    @property
    def version(self) -> str:
        return f"{FIRST_YEAR}-scores"

    def register(self) -> None:
        """Name the model, what it is for and whose; the version is known by a digest."""
        about = {"name": self.model, "purpose": PURPOSE, "owner": OWNER}
        self._ask("POST", "/api/v1/models", msgspec.json.encode(about))
        made = {"version": self.version, "digest": self.survey.digest, "developers": DEVELOPERS}
        self._ask("POST", f"/api/v1/models/{self.model}/versions", msgspec.json.encode(made))

    def send_baseline(self) -> int:
        """Count the reference year's rows and send that. Returns how many rows."""
        rows = pa.concat_tables([week.with_moments() for week in self.survey.reference])
        self._deliver(
            Collector.baseline(
                rows,
                model=self.model,
                version=self.version,
                digest=self.survey.digest,
                key=self.home.hashing_key,
                roles=ROLES,
                threshold=THRESHOLD,
                slices=SLICES,
                time="moment",
                window=WEEK,
            )
        )
        return len(rows)

    def collector(self) -> Collector:
        """Counts under the plan that the appliance signed."""
        return self.home.collector(self.model, self.version)

    def send_window(self, collector: Collector, week: Week) -> None:
        """Count a week without its labels, which nobody knows yet, and send the counts."""
        collector.add(week.rows.drop_columns("employed"))
        if collector.failures:  # a model's host goes on and shows it; a demo needn't
            raise Stopped("The library could not count a week's rows.")
        statement = collector.close_window(week.start, week.end, replay=True)
        self._deliver(statement)
        self.to_examine.add(digest_of(statement))

    def send_labels(self, collector: Collector, week: Week) -> None:
        """Count a week's labels by score and send the counts."""
        statement = collector.outcomes(week.rows, week.start, week.end)
        self._deliver(statement)
        self.to_examine.add(digest_of(statement))

    def send_event(self, week: Week) -> None:
        """Tell of something that happened around the model: a new file of the survey."""
        event = Event(
            model=self.model,
            version=self.version,
            kind="upstream_change",
            at=week.start,
            label=f"Survey file of {week.year} begins",
        )
        self._deliver(encode(event, self.survey.digest))

    def await_examination(self) -> None:
        """Read the public log until it says that everything to be examined was examined."""
        deadline, log = time.monotonic() + PATIENCE, PublicLog(self.home.appliance.url)
        while True:
            for entry in log.new_entries():
                if entry["kind"] == "window.examined":
                    self.to_examine.difference_update(entry["statements"])
            if not self.to_examine:
                return
            if time.monotonic() > deadline:
                raise Stopped(f"{len(self.to_examine)} statements are not examined; see the logs.")
            time.sleep(PAUSE)

    def open_incidents(self) -> list[dict[str, Any]]:
        """This model's open incidents, worst first."""
        answer = self._ask("GET", "/api/v1/incidents?status=open")
        known: list[dict[str, Any]] = json.loads(answer.body)
        ours = [incident for incident in known if incident["model"] == self.model]
        return sorted(ours, key=lambda incident: WORST_FIRST.index(incident["severity"]))

    def _deliver(self, payload: bytes) -> None:
        """Sign, keep, send, and wait for the answer. A statement sent before is answered alike."""
        self.home.sender.put(payload)
        deadline = time.monotonic() + PATIENCE
        while (flushed := self.home.sender.flush()).waiting:
            if time.monotonic() > deadline:
                raise Stopped("The appliance doesn't answer.")
            time.sleep(flushed.pause or PAUSE)
        for problem in flushed.refused:
            raise Stopped(f"The appliance refused a statement: {problem['type']}.")
        self.sent += 1
        self.sent_bytes += len(payload)

    def _ask(self, method: str, address: str, body: bytes | None = None) -> Answer:
        appliance = self.home.appliance
        headers = {"Authorization": f"Bearer {appliance.bearer}"}
        headers |= {"Content-Type": "application/json"} if body else {}
        answer = request(method, appliance.url + address, body, headers)
        if not answer.ok:
            raise Stopped(f"The appliance refused {method} {address}: {answer.json()['type']}.")
        return answer


class PublicLog:
    """What the appliance publishes under /log/, read as anybody may: each entry once."""

    def __init__(self, url: str) -> None:
        self._url, self._read = url, 0

    def new_entries(self) -> Iterator[dict[str, Any]]:
        """The entries sealed since the last call."""
        size = self._size()
        while self._read < size:
            number, first = divmod(self._read, WIDTH)
            width = min(size - number * WIDTH, WIDTH)
            bundle = self._get(entries_path(number, width))
            for entry in decode_bundle(bundle)[first:]:
                yield json.loads(entry)
            self._read = number * WIDTH + width

    def _size(self) -> int:
        try:
            return int(self._get("checkpoint").split(b"\n")[1])
        except Unreachable:  # nothing is sealed yet
            return 0

    def _get(self, path: str) -> bytes:
        answer = request("GET", f"{self._url}/log/{path}", None, {})
        if not answer.ok:
            raise Unreachable(f"The log answered with status {answer.status}.")
        return answer.body


def columns_sent() -> int:
    """How many columns a window counts: all but the label."""
    return len(COLUMNS) - 1
