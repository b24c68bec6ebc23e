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
from pathlib import Path
from typing import Any

import msgspec

from .baseline import make_baseline
from .batch import Counted
from .drawn import DRAWN
from .recipe import Recipe
from .rest import Unreachable
from .statement import Refused
from .statements import OpenPlan, Period, outcomes_statement, window_statement
from .subjects import Subjects
from .tables import Slug

BUFFER = 128  # rows of `add_row` that are counted together
PAUSE = 60.0  # seconds until a window that couldn't be sent is tried again
MOST_UNSENT = 100  # statements that `send` didn't take; then the oldest is given up
MOST_SHARDS = 10_000
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)  # windows are counted from here

log = logging.getLogger("countersign")


class Collector:
    """Counts the rows of one deployment, window by window. Threads may share it.

    `memory` is the folder in which the sender keeps what was told of labels; `Home.collector` gives
    it. Without one, a later revision of a window's labels is cut as if it were the first: then only
    `Sender.put` protects it, which refuses one that differs by too few rows at the cuts that both
    have. Runs that overlap are not looked at, and a sender of your own looks at nothing.

    `subject` names the column with each row's person, which a plan whose noise protects persons
    needs: of each, a window has at most as many rows as the plan says. `newest` asks for the plan
    in force, at the end of each window; `Home.collector` gives it.

    Raises `Refused` if no statement could carry the deployment's name or the shard's number.
    """

    def __init__(
        self,
        plan: OpenPlan,
        *,
        key: bytes,
        deployment: str = "default",
        shard: int = 0,
        shards: int = 1,
        memory: Path | None = None,
        subject: str | None = None,
        newest: Callable[[], OpenPlan] | None = None,
    ) -> None:
        _check_name(deployment, shard, shards)
        self.plan, self.deployment = plan, deployment
        self.shard, self.shards = shard, shards
        self.failures = 0
        self._key, self._memory = key, memory
        self._subject, self._newest = subject, newest
        self._counter = plan.counter(key)
        self._plans = [(datetime.min.replace(tzinfo=UTC), plan)]  # of each baseline, and since when
        self._open(plan)
        self._buffer: deque[dict[str, Any]] = deque()
        self._counting = threading.Lock()
        self._opened = datetime.now(UTC)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def baseline(cls, frame: Any, *, attributions: Any = None, **recipe: Any) -> bytes:
        """The baseline statement of a frame of reference rows; see `Recipe` for what it takes."""
        return make_baseline(lambda: [frame], Recipe(**recipe), attributions)

    @property
    def rows(self) -> int:
        """Rows of the open window so far."""
        return self._counted.rows + len(self._buffer)

    def add(self, batch: Any) -> None:
        """Count a frame, an Arrow table, or a mapping of names to arrays. Never raises."""
        with self._no_failure_escapes():
            counter = self._counter
            counted = counter.count(batch) if self._subjects is None else None
            with self._counting:
                if counted is None or counter is not self._counter:  # only one at a time, or anew
                    counted = self._counter.count(batch, self._subjects)
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

    def add_attributions(self, frame: Any) -> None:
        """Note how much each column moved the score, row by row, such as SHAP values.

        The frame's columns are named as the features. It may be of any part of the window's rows,
        which are counted by `add`. Never raises.
        """
        with self._no_failure_escapes():
            counted = self._counter.count_attributions(frame)
            with self._counting:
                self._counted += counted

    def take(self) -> Counted:
        """Hand over the raw counts of the open window, and start anew. They stay on the host."""
        return self._take(self.plan)[0]

    def merge(self, other: "Collector | Counted") -> None:
        """Add another replica's raw counts: cells are merged, or noise is drawn, once, in the sum.

        Raises `Refused` where persons are protected: in the sum, nobody's rows could be bounded.
        """
        if self._subjects is not None:
            raise Refused(
                "noise.replicas",
                "Of whom two replicas have rows can't be seen in their counts: where persons are "
                "protected, give each replica a shard.",
            )
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

        Without `start` and `end` it is the calendar's window: as far as it was collected, or the
        whole of it for a shard, which so closes each window once. Raises `Refused` where start or
        end make no sense; then nothing is lost.

        If a newer plan is in force, the next window is counted under it, and this one is told under
        it already, if that plan counts the same.
        """
        own_start, own_end = self._period()
        period = Period(
            deployment=self.deployment,
            start=start or own_start,
            end=end or own_end,
            revision=revision,
        )
        before, newest = self.plan, self._newest_plan()
        counted, subjects = self._take(newest)
        alike = newest.counts_like(before)
        told = newest if alike else before
        try:
            payload = window_statement(
                told, counted, period, shard=self.shard, shards=self.shards, replay=replay
            )
        except Refused:
            if alike:
                self._give_back(counted, subjects)
            raise
        self._opened = max(self._opened, min(own_end, datetime.now(UTC)))
        return payload

    def outcomes(self, batch: Any, start: datetime, end: datetime, *, revision: int = 1) -> bytes:
        """The statement of labels for an earlier window.

        The batch holds that window's rows with the score, the label, and what it is told by:
        groups, sliced columns, class scores with the prediction; and the columns of quality. All
        under the plan's names; a label is null where it isn't known yet. A later revision counts
        all labels again, and is merged so that, beside what was told of the window before, it
        gives no small count; raises `Refused` if even so too few labels changed. Under noise, each
        revision draws anew and costs.
        """
        period = Period(deployment=self.deployment, start=start, end=end, revision=revision)
        plan = self._plan_of(period.start)
        subjects = plan.subjects(self._key, self._subject)
        counted = plan.outcome_counter(self._key).count(batch, subjects)
        return outcomes_statement(plan, counted, period, self._memory)

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
        unsent: deque[bytes] = deque(maxlen=MOST_UNSENT)
        stopped, left = False, self._seconds_left()
        while not stopped:
            stopped = self._stop.wait(left)
            left = PAUSE
            with self._no_failure_escapes():
                if stopped or not self._seconds_left():
                    unsent.append(self.close_window())
                while unsent:
                    _hand_over(unsent[0], send)
                    unsent.popleft()
                left = self._seconds_left()

    def _open(self, plan: OpenPlan) -> None:
        """Open a window under a plan; the caller holds the lock."""
        self._subjects = plan.subjects(self._key, self._subject)
        if plan is not self.plan:
            self._counter = plan.counter(self._key)
            *earlier, last = self._plans
            if plan.plan.baseline == self.plan.plan.baseline:
                self._plans = [*earlier, (last[0], plan)]
            else:
                self._plans = [*earlier, last, (datetime.now(UTC), plan)]
            self.plan = plan
        self._counted = self._counter.nothing()

    def _take(self, plan: OpenPlan) -> tuple[Counted, Subjects | None]:
        """The open window's counts and persons; the next one is opened under the plan."""
        with self._counting:
            self._count_buffer()
            taken = self._counted, self._subjects
            self._open(plan)
        return taken

    def _give_back(self, counted: Counted, subjects: Subjects | None) -> None:
        with self._counting:
            self._counted += counted
            if self._subjects is not None and subjects is not None:
                self._subjects += subjects

    def _newest_plan(self) -> OpenPlan:
        """The plan in force; the one of before, where it can't be had or can't be followed."""
        if self._newest is None:
            return self.plan
        try:
            plan = self._newest()
            plan.subjects(self._key, self._subject)
        except (Refused, Unreachable) as problem:
            log.warning("Counting goes on under the plan of before: %s", problem)
            return self.plan
        return self.plan if plan.digest == self.plan.digest else plan

    def _plan_of(self, start: datetime) -> OpenPlan:
        """What labels come under: the newest plan of the baseline that their window came under."""
        newest = self._newest_plan()
        then = [plan for since, plan in self._plans if since <= start][-1]
        return newest if newest.plan.baseline == then.plan.baseline else then

    def _seconds_left(self) -> float:
        """Until the open window ends; 0 if it is over."""
        return max((self._boundary(self._opened) - datetime.now(UTC)).total_seconds(), 0)

    def _period(self) -> tuple[datetime, datetime]:
        """A lone collector says when it counted; shards name the same start and end to add up."""
        end = self._boundary(self._opened)
        if self.shards > 1:
            return end - self._length, end
        return self._opened, min(end, datetime.now(UTC))

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
            more = [self._subjects.column] if self._subjects else []
            columns = self._counter.columns_of(rows, *more)
            self._counted += self._counter.count(columns, self._subjects)

    @contextmanager
    def _no_failure_escapes(self) -> Iterator[None]:
        try:
            yield
        # Whatever it is: the model must go on answering.
        except Exception:
            self.failures += 1
            if self.failures == 1:
                log.exception("Counting failed; the model goes on. Later failures aren't logged.")


def _hand_over(payload: bytes, send: Callable[[bytes], Any]) -> None:
    """Send a statement; but no second draw of a noise, such as of a shard that started again."""
    try:
        send(payload)
    except Refused as refusal:
        if refusal.rule != DRAWN:
            raise
        log.error("A window was not sent: %s", refusal)


def _check_name(deployment: str, shard: int, shards: int) -> None:
    try:
        msgspec.convert(deployment, Slug)
    except msgspec.ValidationError:
        raise Refused(
            "collector.deployment",
            "A deployment's name has at most 64 of the letters A to Z, digits, and _ . or -, "
            "and begins with a letter or digit.",
        ) from None
    if not 0 <= shard < shards <= MOST_SHARDS:
        raise Refused(
            "window.shard_out_of_range",
            f"Shards are numbered from 0 to shards - 1; there are at most {MOST_SHARDS}.",
        )
