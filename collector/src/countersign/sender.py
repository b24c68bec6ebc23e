"""Signs statements, keeps them on disk until the appliance has answered, and sends the same bytes.

    spool/<time>-<digest>.statement      waits: a line with the address, then the envelope
    refused/<time>-<digest>.statement    was refused for good, with its .problem.json beside it
    labels/                              see `countersign.revisions` and `countersign.drawn`
    receipts.jsonl                       digest and audit entry of everything that was accepted

A statement is on disk (written, synced, renamed) before the first attempt, so that neither a kill
nor a failing network loses it; and since it is signed once, every attempt sends equal bytes, which
the appliance recognises. `put` never waits for the network; a thread or `flush` does.

A statement leaves the spool only when the appliance has answered: with a receipt that names the
statement's digest, or with a problem document. Whatever else a proxy says, it is sent again.

A shard's window ends when the calendar's does, also if it was closed earlier. The appliance takes
no window that isn't over; so the first line names its end too, until which it is held back.
"""

import gzip
import json
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import dsse
from .disk import write_durably
from .drawn import is_noised, note_draw
from .rest import Answer, Unreachable, request
from .revisions import note_revision
from .statement import PREDICATE_TYPES, Baseline, Event, Outcomes, Refused, Window, digest_of

MOST_WAITING = 1_000
MOST_BYTES = 256 * 1024 * 1024
MOST_REFUSED = 1_000
LONGEST_PAUSE = 300.0
SMALL = 1_024
TOO_LARGE = 413  # says a proxy about one statement: the others go on

log = logging.getLogger("countersign")

ADDRESS = {
    PREDICATE_TYPES[Baseline]: "/api/v1/versions/{name}/baseline",
    PREDICATE_TYPES[Window]: "/api/v1/windows",
    PREDICATE_TYPES[Outcomes]: "/api/v1/outcomes",
    PREDICATE_TYPES[Event]: "/api/v1/events",
}


@dataclass
class Flushed:
    """What became of the spool: receipts, problem documents, and how many statements still wait.

    `held` more are windows of shards that aren't over yet.
    """

    accepted: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    waiting: int = 0
    held: int = 0
    pause: float | None = None  # seconds the appliance asked to wait


class Sender:
    """Sends what is in one directory. Several threads and processes may share it."""

    def __init__(self, directory: Path, url: str, bearer: str, key: Ed25519PrivateKey) -> None:
        self._directory, self._url, self._key = directory, url.rstrip("/"), key
        self._headers = {
            "Authorization": f"Bearer {bearer}",
            "Content-Type": "application/vnd.dsse+json",
        }
        self._spool, self._refused = directory / "spool", directory / "refused"
        self.memory = directory / "labels"
        for folder in (self._spool, self._refused, self.memory):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._flushing = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, payload: bytes) -> Path:
        """Sign a statement and keep it for sending.

        Raises `Refused` when the spool is full, when labels differ by too few from earlier ones, or
        when noise was drawn for the same before.
        """
        waiting = self.waiting()
        if len(waiting) >= MOST_WAITING or sum(_size(p) for p in waiting) > MOST_BYTES:
            raise Refused("spool.full", "Too many statements wait: the appliance doesn't answer.")
        statement = json.loads(payload)
        line = _first_line(statement)
        if is_noised(statement):
            note_draw(self.memory / "drawn", payload)
        elif line == ADDRESS[PREDICATE_TYPES[Outcomes]]:
            note_revision(self.memory, payload)
        content = line.encode() + b"\n" + dsse.sign(payload, self._key)
        name = f"{time.time_ns():020d}-{digest_of(payload)}.statement"
        write_durably(self._spool / name, content)
        self._wake.set()
        return self._spool / name

    def waiting(self) -> list[Path]:
        """The statements in the spool, oldest first."""
        return sorted(self._spool.glob("*.statement"))

    def refused(self) -> Iterator[dict[str, Any]]:
        """The problem documents of refused statements, oldest first."""
        for path in sorted(self._refused.glob("*.problem.json")):
            yield json.loads(path.read_bytes())

    def flush(self) -> Flushed:
        """Send what waits, oldest first, until all is answered or the appliance isn't there."""
        flushed = Flushed()
        with self._flushing:
            for path in self.waiting():
                try:
                    line, _, body = path.read_bytes().partition(b"\n")
                except FileNotFoundError:  # another process has sent it meanwhile
                    continue
                address, *end = line.decode().split()
                if end and datetime.fromisoformat(end[0]) > datetime.now(UTC):
                    flushed.held += 1
                    continue
                answer = self._send(address, body)
                if answer and (self._settle(path, answer, flushed) or answer.status == TOO_LARGE):
                    continue
                flushed.pause = answer.retry_after() if answer else None
                break
        flushed.waiting = len(self.waiting()) - flushed.held
        return flushed

    def start(self) -> None:
        """Send in a thread from now on, until `stop`. Calling it again does nothing."""
        if self._thread is None or not self._thread.is_alive():
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after one more attempt. What still waits stays on disk."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        """Send when something new waits; after a failure, pause longer and longer."""
        failures = 0
        while True:
            self._wake.clear()
            stopping = self._stop.is_set()
            flushed = self.flush()
            if stopping:
                return
            failures = failures + 1 if flushed.waiting else 0
            if failures:
                self._stop.wait(flushed.pause or _pause(failures))
            else:
                self._wake.wait(LONGEST_PAUSE if flushed.held else None)

    def _send(self, address: str, body: bytes) -> Answer | None:
        headers = dict(self._headers)
        if len(body) > SMALL:
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        try:
            return request("POST", self._url + address, body, headers)
        except Unreachable as error:
            log.warning("A statement waits in the spool: %s", error)
            return None

    def _settle(self, path: Path, answer: Answer, flushed: Flushed) -> bool:
        """Act on the appliance's word; False if the answer isn't that."""
        receipt = answer.json()
        if answer.ok and answer.is_json and receipt.get("digest") == _digest_in(path):
            with (self._directory / "receipts.jsonl").open("ab") as receipts:
                receipts.write(msgspec.json.encode(receipt) + b"\n")
            flushed.accepted.append(receipt)
            path.unlink(missing_ok=True)
            return True
        if not answer.refused:
            log.warning("A statement waits: status %d is no receipt for it.", answer.status)
            return False
        problem = {**answer.json(), "status": answer.status}
        log.error("The appliance refused a statement: %s", problem.get("type"))
        flushed.refused.append(problem)
        self._keep_refused(path, problem)
        return True

    def _keep_refused(self, path: Path, problem: dict[str, Any]) -> None:
        document = self._refused / path.with_suffix(".problem.json").name
        write_durably(document, json.dumps(problem, indent=2).encode())
        with suppress(FileNotFoundError):  # another process got the same answer
            path.rename(self._refused / path.name)
        for old in sorted(self._refused.glob("*.statement"))[:-MOST_REFUSED]:
            old.unlink(missing_ok=True)
            old.with_suffix(".problem.json").unlink(missing_ok=True)


def _first_line(statement: dict[str, Any]) -> str:
    """Where a statement goes, by its predicate type; and the end of a shard's window."""
    address = ADDRESS[statement["predicateType"]].format(name=statement["subject"][0]["name"])
    predicate = statement["predicate"]
    return f"{address} {predicate['end']}" if predicate.get("shards", 1) > 1 else address


def _digest_in(path: Path) -> str:
    """The digest in a spooled statement's name."""
    return path.stem.partition("-")[2]


def _pause(failures: int) -> float:
    """Twice as long after each failure, and never the same for two senders."""
    longest = min(LONGEST_PAUSE, 2.0 ** min(failures, 16))
    return longest * (0.5 + secrets.randbelow(1000) / 2000)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
