"""One deployment's open windows: counts are added, kept on disk, and told once when time is up.

    plans/<digest>            a plan's statement
    <start>.counts            an open window: the sums so far, and each replica's last message
    <start>.statement         what a window is told by, once and for all
    <start>.untold            counts that no statement could be made of
    released                  the start of the newest window that was told

Starts are seconds since 1970. A count is acknowledged when it is on disk: whoever waits for that is
served together with all who wait at the same time. Only counts are ever written.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ..batch import Counted
from ..collector import MONDAY
from ..counting import Counter
from ..disk import write_durably
from ..statement import Refused
from ..statements import OpenPlan, Period, window_statement
from .exchange import Message, Table, counted_of, tables_of

SKEW = 60  # seconds that a replica's clock may be ahead
MOST_OPEN = 100
MOST_REPLICAS = 10_000
ORIGIN = int(MONDAY.timestamp())

log = logging.getLogger("countersign")


class Kept(msgspec.Struct, frozen=True):
    """A window's file."""

    plan: str
    rows: int
    tables: list[Table]
    seen: dict[str, int]


@dataclass
class Window:
    """An open window. `change` counts what came, `saved` says how much of that is on disk."""

    start: int
    plan: OpenPlan
    counter: Counter
    counted: Counted
    seen: dict[str, int] = field(default_factory=dict)
    change: int = 0
    saved: int = 0
    over: bool = False
    statement: bytes | None = None
    writing: threading.Lock = field(default_factory=threading.Lock)


class Deployment:
    """The windows of one deployment of a version. Threads share it.

    `newest` asks for the plan in force, `put` takes what is to be sent. A window is told `patience`
    seconds after its end, but never sooner than that after a start.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        key: bytes,
        *,
        newest: Callable[[], OpenPlan],
        put: Callable[[bytes], Any],
        patience: float = 60.0,
    ) -> None:
        self.name, self.patience = name, patience
        self._folder, self._key, self._newest, self._put = folder, key, newest, put
        self._lock = threading.Lock()
        self._open: dict[int, Window] = {}
        (folder / "plans").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._begun = time.time()
        self._released = self._read_released()
        self.follow_plan()
        for path in folder.glob("*.counts"):
            self._read(path)

    def follow_plan(self) -> None:
        """Open windows under the plan in force from now on. Raises `Refused`, `Unreachable`."""
        plan = self._newest()
        if plan.plan.privacy.unit == "person" and plan.plan.privacy.mechanism != "none":
            raise Refused(
                "gateway.persons",
                "Nobody's rows can be bounded in the sum of replicas: where a plan protects "
                "persons, give each replica a shard.",
            )
        path = self._folder / "plans" / plan.digest
        if not path.exists():
            write_durably(path, plan.payload)
        self._plan = plan

    def plan_now(self) -> OpenPlan:
        """The plan of the window that is open now."""
        with self._lock:
            window = self._open.get(self._start_of(time.time()))
            return window.plan if window else self._plan

    def add(self, message: Message) -> None:
        """Count what a replica sends, once, however often it does. Raises `Refused`, `OSError`."""
        with self._lock:
            window = self._window(message.start)
            if message.plan != window.plan.digest:
                raise Refused("gateway.other_plan", "Fetch the plan, and count under it.")
            if message.sequence > window.seen.get(message.replica, -1):
                if len(window.seen | {message.replica: 0}) > MOST_REPLICAS:
                    raise Refused("gateway.full", f"At most {MOST_REPLICAS} replicas a window.")
                window.counted += counted_of(message.rows, message.tables, window.counter.nothing())
                window.seen[message.replica] = message.sequence
                window.change += 1
            change = window.change
        self._save(window, change)

    def add_rows(self, at: float, columns: dict[str, list[Any]]) -> None:
        """Count rows; these are not kept. Raises `Refused`, `OSError`."""
        with self._lock:
            window = self._window(self._start_of(at))
        counted = window.counter.count(columns)
        with self._lock:
            if window.over:
                raise _late()
            window.counted += counted
            window.change += 1
            change = window.change
        self._save(window, change)

    def release(self) -> None:
        """Tell every window whose time is up, the oldest first. Raises `Refused`, `OSError`."""
        for window in self._due():
            if not window.change:  # what opened it was refused
                with self._lock:
                    del self._open[window.start]
                continue
            try:
                self._tell(window)
            except Refused as refusal:
                if refusal.rule == "spool.full":
                    raise
                self._set_aside(window, refusal)

    def _tell(self, window: Window) -> None:
        if window.statement is None:
            statement = self._told(window)
            write_durably(self._path(window, "statement"), statement)
            window.statement = statement
        self._put(window.statement)
        released = max(self._released, window.start)
        write_durably(self._folder / "released", b"%d" % released)
        with self._lock:
            self._released = released
            del self._open[window.start]
        self._path(window, "counts").unlink(missing_ok=True)
        self._path(window, "statement").unlink()

    def _told(self, window: Window) -> bytes:
        """All replicas' counts as one statement: here, in their sum, cells are merged and noise is
        drawn. It is kept before it is sent, so that neither is ever done twice.
        """
        start = datetime.fromtimestamp(window.start, UTC)
        end = datetime.fromtimestamp(_end_of(window), UTC)
        period = Period(deployment=self.name, start=start, end=end)
        return window_statement(window.plan, window.counted, period)

    def _set_aside(self, window: Window, refusal: Refused) -> None:
        """What can't be told now never can be: its counts stay, for somebody to look at."""
        log.error("A window can't be told: %s", refusal)
        with self._lock:
            del self._open[window.start]
        self._path(window, "counts").rename(self._path(window, "untold"))
        self._path(window, "statement").unlink(missing_ok=True)

    def _due(self) -> list[Window]:
        """Windows that take no more counts; those who still write have written."""
        with self._lock:
            windows = [self._open[start] for start in sorted(self._open)]
            due = [window for window in windows if self._is_over(_end_of(window))]
            for window in due:
                window.over = True
        for window in due:
            with window.writing:
                pass
        return due

    def _is_over(self, end: int) -> bool:
        return time.time() >= max(end, self._begun) + self.patience

    def _window(self, start: int) -> Window:
        """The open window of that start; the caller holds the lock."""
        if start in self._open:
            if self._open[start].over or self._is_over(_end_of(self._open[start])):
                raise _late()
        else:
            if (start - ORIGIN) % self._length:
                raise Refused("gateway.period", "A window starts where the calendar's windows do.")
            if start > time.time() + SKEW:
                raise Refused("gateway.future", "This window hasn't begun; check the clocks.")
            if start <= self._released or self._is_over(start + self._length):
                raise _late()
            if len(self._open) >= MOST_OPEN:
                raise Refused("gateway.full", f"At most {MOST_OPEN} windows are open at once.")
            counter = self._plan.counter(self._key)
            self._open[start] = Window(start, self._plan, counter, counter.nothing())
        return self._open[start]

    def _save(self, window: Window, change: int) -> None:
        """Return when this change is on disk: whoever comes first writes for all."""
        with window.writing:
            if window.saved >= change:
                return
            with self._lock:
                counted, latest = window.counted, window.change
                tables = tables_of(counted)
                kept = Kept(window.plan.digest, counted.rows, tables, window.seen)
                content = msgspec.msgpack.encode(kept)
            write_durably(self._path(window, "counts"), content)
            window.saved = latest

    def _read(self, path: Path) -> None:
        """Go on with a window of an earlier process."""
        start = int(path.stem)
        if start <= self._released:
            path.unlink()
            return
        kept = msgspec.msgpack.decode(path.read_bytes(), type=Kept)
        plan = OpenPlan.read((self._folder / "plans" / kept.plan).read_bytes())
        counter = plan.counter(self._key)
        counted = counted_of(kept.rows, kept.tables, counter.nothing())
        window = Window(start, plan, counter, counted, kept.seen, change=1, saved=1)
        told = self._path(window, "statement")
        if told.exists():
            window.over, window.statement = True, told.read_bytes()
        self._open[start] = window

    def _read_released(self) -> int:
        path = self._folder / "released"
        return int(path.read_bytes()) if path.exists() else -(2**62)

    def _path(self, window: Window, kind: str) -> Path:
        return self._folder / f"{window.start}.{kind}"

    def _start_of(self, when: float) -> int:
        return int(when - (when - ORIGIN) % self._length)

    @property
    def _length(self) -> int:
        return self._plan.plan.window_seconds


def _end_of(window: Window) -> int:
    return window.start + window.plan.plan.window_seconds


def _late() -> Refused:
    return Refused("gateway.late", "This window was told already; its time is up.")
