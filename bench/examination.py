"""What it costs to examine a window: by columns, by the rows it stands for, by the history behind.

    .venv/bin/python bench/examination.py

Times the computation alone (`examine`, time of the CPU, which neighbours on the machine hardly
change) and the whole job (claim, read, compute, write; by the clock), on one core, against the
embedded PostgreSQL. Windows are drawn from the reference: nothing has changed.
"""

import statistics
import time
from datetime import UTC, datetime, timedelta

from fresh_site import fresh_site, keep, milliseconds

BINS = 20
BEGIN = datetime(2020, 1, 6, tzinfo=UTC)
WEEK = timedelta(days=7)
EDGES = [float(i) for i in range(BINS + 1)]


def main() -> None:
    with fresh_site():
        by_columns = {n: measure(n, rows=100_000) for n in (10, 100, 1_000)}
        by_rows = {rows: measure(100, rows=rows) for rows in (10_000, 1_000_000, 100_000_000)}
        by_history = {h: measure(100, rows=100_000, history=h) for h in (0, 100, 300)}
    keep(
        "examination",
        {
            "unit": "ms per window, one core; medians",
            "clocks": {"examine": "CPU time", "whole job": "elapsed"},
            "bins": BINS,
            "limit": "1,000 columns examined in under 100 ms",
            "by_columns": by_columns,
            "by_rows": by_rows,
            "by_windows_before": by_history,
        },
    )


def measure(columns: int, rows: int, history: int = 0) -> dict[str, dict[str, float]]:
    """Median times for windows of `columns` columns and `rows` rows after `history` windows."""
    from detectors.examination import examine
    from detectors.models import Window
    from detectors.recording import _case, examine_and_record, overdue

    sender = Sender(columns, rows)
    for _ in range(history):
        sender.send()
    for pk in overdue():
        examine_and_record(pk)
    for _ in range(8):
        sender.send()
    waiting = iter(overdue())
    window = Window.objects.select_related("baseline__version__model").latest("pk")
    case, _streams = _case(window)
    return {
        "examine": cpu_milliseconds(lambda: examine(case)),
        "whole job": milliseconds(lambda: examine_and_record(next(waiting))),
    }


def cpu_milliseconds(work, repeats: int = 11) -> dict[str, float]:
    """Median and extremes of several runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(1000 * (time.process_time() - start))
    return {
        "median": round(statistics.median(times), 2),
        "min": round(min(times), 2),
        "max": round(max(times), 2),
    }


class Sender:
    """Sends week after week of one model's windows."""

    def __init__(self, columns: int, rows: int) -> None:
        import numpy as np

        from countersign.statement import Baseline
        from countersign.tables import Column, Privacy, Span
        from detectors import intake
        from governance.models import Model, Version
        from governance.senders import Caller

        self.rows, self.week = rows, 0
        self.rng = np.random.default_rng(1)
        self.shares = np.concatenate([[0, 0, 0], np.full(BINS, 1 / BINS), [0]])
        self.columns = [
            Column(name=f"x{i}", role="feature", kind="numeric", edges=EDGES)
            for i in range(columns)
        ]
        self.privacy = Privacy()
        number = Model.objects.count()
        model = Model.objects.create(name=f"model{number}")
        self.version = Version.objects.create(model=model, name="1", digest="d" * 64)
        self.caller = Caller("token:1", "bench", frozenset({"upload"}), None, False)
        windows = 20 if columns <= 100 else 8
        spans = [
            Span(start=BEGIN + i * WEEK, end=BEGIN + (i + 1) * WEEK, tally=self.tally())
            for i in range(-windows, 0)
        ]
        baseline = Baseline(
            model=model.name,
            version="1",
            window_seconds=int(WEEK.total_seconds()),
            privacy=self.privacy,
            columns=self.columns,
            total=self.tally(),
            windows=spans,
        )
        intake.accept_baseline(self.upload(baseline), self.version)
        self.plan = self.version.baselines.get().plan_digest

    def send(self) -> None:
        from countersign.statement import Window
        from detectors import intake

        start = BEGIN + self.week * WEEK
        self.week += 1
        window = Window(
            model=self.version.model.name,
            version="1",
            deployment="production",
            plan=self.plan,
            start=start,
            end=start + WEEK,
            replay=True,
            privacy=self.privacy,
            tally=self.tally(),
        )
        intake.accept_window(self.upload(window))

    def tally(self):
        from countersign.tables import Counts, Tally

        drawn = self.rng.multinomial(self.rows, self.shares, len(self.columns)).tolist()
        return Tally(
            rows=self.rows,
            columns={
                c.name: Counts(cells=cells) for c, cells in zip(self.columns, drawn, strict=True)
            },
        )

    def upload(self, statement):
        from countersign.statement import encode
        from detectors.intake import Upload

        payload = encode(statement, self.version.digest)
        return Upload(payload, [], self.caller, datetime.now(UTC))


if __name__ == "__main__":
    main()
