"""A replica: counts its own rows, and hands the counts to the gateway.

    collector = countersign.Replica("http://10.0.0.5:8701", "loans", "3", "prod",
                                    token=Path("gateway.token"), key=Path("hashing.key"))
    collector.add_row({"income": 41_000, ...})

It needs no enrolment, only the gateway's token and the key of the categories. A thread hands over
every few seconds and at a window's end. While the gateway doesn't answer, counts add up here, in
constant memory; a message is sent again under the same number until it is answered, and so counted
once. What was counted since the last answer is lost if the process is killed.
"""

import logging
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..batch import Counted
from ..collector import Collector
from ..rest import Answer, Unreachable, request
from ..statement import Refused
from ..statements import OpenPlan
from .exchange import COUNTS, Message, tables_of
from .windows import ORIGIN

EVERY = 5.0  # seconds between two messages
FINAL = {409, 410, 422}  # these counts are refused now and for ever
MOST_WINDOWS = 100  # that are kept for a gateway that doesn't answer; then the oldest is given up

log = logging.getLogger("countersign")


@dataclass
class Waiting:
    """Counts of one window, under one plan; `sequence` once they were sent."""

    start: int
    plan: OpenPlan
    counted: Counted
    sequence: int | None = None


class Replica:
    """One process of many that serve a deployment. Threads may share it; nothing of it raises.

    Except the start, which asks the gateway for the plan: `Refused`, `Unreachable`.
    """

    def __init__(
        self, url: str, model: str, version: str, deployment: str, *, token: Path, key: Path
    ) -> None:
        self._address = f"{url.rstrip('/')}/v1/{model}/{version}/{deployment}"
        self._token, self._key = token, key.read_bytes()
        self.name = secrets.token_hex(16)
        self._collector = Collector(self._fetch_plan(), key=self._key)
        self._start, self._sequence, self._failures = self._window(), 0, 0
        self._waiting: deque[Waiting] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, batch: Any) -> None:
        """Count a frame, an Arrow table, or a mapping of names to arrays. Never raises."""
        self._collector.add(batch)

    def add_row(self, row: Any) -> None:
        """Count one row. Never raises, never waits for the gateway."""
        self._collector.add_row(row)

    def add_attributions(self, frame: Any) -> None:
        """Note how much each column moved the score. Never raises."""
        self._collector.add_attributions(frame)

    @property
    def failures(self) -> int:
        """How often counting failed, or counts were refused."""
        return self._failures + self._collector.failures

    def stop(self) -> None:
        """Hand over what there is, if the gateway answers, and end the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(min(EVERY, self._end - time.time()))
            self._collect()
            try:
                self._hand_over()
            except (Unreachable, OSError) as error:
                log.warning("Counts wait for the gateway: %s", error)

    def _collect(self) -> None:
        """Take what was counted; with a new window, perhaps under a new plan."""
        over, collector = time.time() >= self._end, self._collector
        plan = self._newest_plan() if over else collector.plan
        if plan.digest != collector.plan.digest:
            self._collector = Collector(plan, key=self._key)
            self._failures += collector.failures
        self._keep(Waiting(self._start, collector.plan, collector.take()))
        if over:
            self._start = self._window()

    def _keep(self, new: Waiting) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last and (last.start, last.plan, last.sequence) == (new.start, new.plan, None):
            last.counted += new.counted
        elif new.counted.rows or any(table.any() for table in new.counted.tables.values()):
            self._waiting.append(new)
        if len(self._waiting) > MOST_WINDOWS:
            self._give_up("the gateway doesn't answer")

    def _give_up(self, why: str) -> None:
        self._waiting.popleft()
        self._failures += 1
        log.error("Counts of a window are given up: %s", why)

    def _hand_over(self) -> None:
        """Send what waits, the oldest first, each under its number. Raises `Unreachable`."""
        while self._waiting:
            first = self._waiting[0]
            if first.sequence is None:
                self._sequence += 1
                first.sequence = self._sequence
            answer = self._post(first, first.sequence)
            if answer.ok:
                self._waiting.popleft()
            else:
                self._give_up(str(answer.json().get("type")))

    def _post(self, waiting: Waiting, sequence: int) -> Answer:
        counted = waiting.counted
        message = Message(
            waiting.plan.digest,
            waiting.start,
            self.name,
            sequence,
            counted.rows,
            tables_of(counted),
        )
        headers = {**self._headers(), "Content-Type": COUNTS}
        body = msgspec.msgpack.encode(message)
        answer = request("POST", f"{self._address}/counts", body, headers)
        if not (answer.ok or answer.status in FINAL):
            raise Unreachable(f"The gateway answered with status {answer.status}.")
        return answer

    def _newest_plan(self) -> OpenPlan:
        try:
            return self._fetch_plan()
        except (Unreachable, Refused) as error:
            log.warning("Counting goes on under the plan of before: %s", error)
            return self._collector.plan

    def _fetch_plan(self) -> OpenPlan:
        answer = request("GET", f"{self._address}/plan", None, self._headers())
        if not answer.ok:
            problem = answer.json()
            raise Refused(str(problem.get("type")), str(problem.get("detail")))
        return OpenPlan.read(answer.body)

    def _headers(self) -> dict[str, str]:
        """The token is read anew, so that it may be changed."""
        return {"Authorization": f"Bearer {self._token.read_text().strip()}"}

    @property
    def _end(self) -> float:
        return self._start + self._collector.plan.plan.window_seconds

    def _window(self) -> int:
        """The first second of the calendar's window that is open now."""
        now, length = time.time(), self._collector.plan.plan.window_seconds
        return int(now - (now - ORIGIN) % length)
