"""Counts a model's rows beside the model, and makes statements of the counts.

    collector = home.collector("loans", "3")
    collector.add(frame)                      # or collector.add_row({"income": 41_000, ...})
    home.send(collector.close_window())       # counts only, signed

Nothing that goes wrong while counting reaches the model: `add` and `add_row` note the failure, log
the first one and return; `rows` and `failures` say how it goes.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from .baseline import Recipe, make_baseline
from .counting import Counted, Counter
from .statement import Refused
from .statements import OpenPlan, Period, outcomes_statement, window_statement

BUFFER = 128  # rows of `add_row` that are counted together
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)  # windows are counted from here

log = logging.getLogger("countersign")


class Collector:
    """Counts the rows of one deployment, window by window. Threads may share it."""

    def __init__(
        self,
        plan: OpenPlan,
        *,
        key: bytes,
        deployment: str = "default",
        shard: int = 0,
        shards: int = 1,
    ) -> None:
        self.plan, self.deployment = plan, deployment
        self.shard, self.shards = shard, shards
        self.failures = 0
        self._key = key
        self._counter = Counter(plan.plan.columns, plan.plan.model, key)
        self._names = [c.name for c in self._counter.columns]
        self._counted = self._counter.nothing()
        self._buffer: deque[dict[str, Any]] = deque()
        self._counting = threading.Lock()
        self._opened = datetime.now(UTC)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def baseline(cls, frame: Any, **recipe: Any) -> bytes:
        """The baseline statement of a frame of reference rows; see `Recipe` for what it takes."""
        return make_baseline(lambda: [frame], Recipe(**recipe))

    @property
    def rows(self) -> int:
        """Rows of the open window so far."""
        return self._counted.rows + len(self._buffer)

    def add(self, batch: Any) -> None:
        """Count a frame, an Arrow table, or a mapping of names to arrays. Never raises."""
        with self._no_failure_escapes():
            counted = self._counter.count(batch)
            with self._counting:
                self._counted += counted

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Count one row: kept in memory until BUFFER rows can be counted at once. Never raises."""
        with self._no_failure_escapes():
            self._buffer.append(dict(row))
            # The thread that fills the buffer counts it; the others don't wait for that.
            if len(self._buffer) >= BUFFER and self._counting.acquire(blocking=False):
                try:
                    self._count_buffer()
                finally:
                    self._counting.release()

    def take(self) -> Counted:
        """Hand over the raw counts of the open window, and start anew. They stay on the host."""
        with self._counting:
            self._count_buffer()
            counted, self._counted = self._counted, self._counter.nothing()
        return counted

    def merge(self, other: "Collector | Counted") -> None:
        """Add another replica's raw counts, so that small cells are merged once, in the sum."""
        if isinstance(other, Collector):
            if other.plan.digest != self.plan.digest:
                raise Refused("collector.other_plan", "Replicas are merged under the same plan.")
            other = other.take()
        with self._counting:
            self._counted += other

    def close_window(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        revision: int = 1,
        replay: bool = False,
    ) -> bytes:
        """The window's statement; the next window begins.

        Without `start` and `end` it is the calendar's window, as far as it was collected. Raises
        `Refused` where start, end or deployment make no sense; then nothing is lost.
        """
        own_start, own_end = self._period()
        period = Period(
            deployment=self.deployment,
            start=start or own_start,
            end=end or own_end,
            revision=revision,
        )
        counted = self.take()
        try:
            payload = window_statement(
                self.plan, counted, period, shard=self.shard, shards=self.shards, replay=replay
            )
        except Refused:
            self.merge(counted)
            raise
        self._opened = max(self._opened, own_end)
        return payload

    def outcomes(self, batch: Any, start: datetime, end: datetime, *, revision: int = 1) -> bytes:
        """The statement of labels for an earlier window.

        The batch holds that window's rows with score, label and groups, under the plan's names;
        the label is null where it isn't known yet. A later revision counts all labels again.
        """
        counted = outcome_counter(self.plan, self._key).count(batch)
        period = Period(deployment=self.deployment, start=start, end=end, revision=revision)
        return outcomes_statement(self.plan, counted, period)

    def start(self, send: Callable[[bytes], Any]) -> None:
        """Close each window at its end and hand it to `send`, in a thread, until `stop`."""
        self._thread = threading.Thread(target=self._close_windows, args=(send,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the last window now, hand it to `send`, and end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _close_windows(self, send: Callable[[bytes], Any]) -> None:
        stopped = False
        while not stopped:
            left = self._boundary(self._opened) - datetime.now(UTC)
            stopped = self._stop.wait(max(left.total_seconds(), 0))
            if stopped or self._boundary(self._opened) <= datetime.now(UTC):
                with self._no_failure_escapes():
                    send(self.close_window())

    def _period(self) -> tuple[datetime, datetime]:
        """A lone collector says since when it counts; shards must name the same start to add up."""
        end = self._boundary(self._opened)
        start = self._opened if self.shards == 1 else end - self._length
        return start, min(end, datetime.now(UTC))

    @property
    def _length(self) -> timedelta:
        return timedelta(seconds=self.plan.plan.window_seconds)

    def _boundary(self, when: datetime) -> datetime:
        """The end of the calendar's window that `when` falls into."""
        return MONDAY + ((when - MONDAY) // self._length + 1) * self._length

    def _count_buffer(self) -> None:
        """Count the buffered rows; the caller holds the lock."""
        rows = [self._buffer.popleft() for _ in range(len(self._buffer))]
        if rows:
            columns = {name: [row.get(name) for row in rows] for name in self._names}
            self._counted += self._counter.count(columns)

    @contextmanager
    def _no_failure_escapes(self) -> Iterator[None]:
        try:
            yield
        # Whatever it is: the model must go on answering.
        except Exception:
            self.failures += 1
            if self.failures == 1:
                log.exception("Counting failed; the model goes on. Later failures aren't logged.")


def outcome_counter(plan: OpenPlan, key: bytes) -> Counter:
    """Counts what an outcomes statement needs: score, groups and label."""
    columns = [c for c in plan.plan.columns if c.role in ("score", "group", "outcome")]
    if not {"score", "outcome"} <= {c.role for c in columns}:
        raise Refused("labels.no_score", "Labels need a score and an outcome in the baseline.")
    return Counter(columns, plan.plan.model, key)
