"""Valid statements for tests, from small to large. Change one thing by keyword.

The story: Ada owns the model `loans`. Its version 1 scores applicants; decisions are made at 0.5.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from countersign.statement import Baseline, Event, Outcomes, Plan, Predicate, Window, encode
from countersign.tables import Column, Counts, Labels, LabelTable, Privacy, Span, Tally

MODEL, VERSION = "loans", "1"
VERSION_DIGEST = "d" * 64
NORTH, SOUTH = "a" * 32, "b" * 32
HOUR = timedelta(hours=1)
PRIVACY = Privacy(min_count=11)
COLUMNS = [
    Column(
        name="age",
        role="feature",
        kind="numeric",
        edges=[18.0, 30.0, 45.0, 60.0, 90.0],
        layout="declared",
    ),
    Column(
        name="region", role="feature", kind="categorical", tokens=[NORTH, SOUTH], layout="declared"
    ),
    Column(name="employed", role="feature", kind="boolean"),
    Column(
        name="origin", role="group", kind="categorical", tokens=[NORTH, SOUTH], layout="declared"
    ),
    Column(
        name="risk",
        role="score",
        kind="numeric",
        edges=[0.0, 0.25, 0.5, 0.75, 1.0],
        layout="declared",
    ),
    Column(name="approved", role="prediction", kind="boolean"),
    Column(name="repaid", role="outcome", kind="boolean"),
]
SCORE = COLUMNS[4]


def hours_ago(hours: float) -> datetime:
    """A full hour in UTC, so many hours before the present one began."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - hours * HOUR


def some_cells(column: Column, rows: int) -> list[int | None]:
    """Rows spread evenly over a column's ordinary values; none missing, invalid or outside."""
    first, last = column.first_value, column.size - (column.kind == "numeric")
    share, rest = divmod(rows, last - first)
    values = [share] * (last - first - 1) + [share + rest]
    return [*[0] * first, *values, *[0] * (column.size - last)]


def some_counts(column: Column, rows: int) -> Counts:
    """A column's counts; a score's lie in the middle of their bins."""
    cells = some_cells(column, rows)
    if column.role != "score":
        return Counts(cells=cells)
    bins = zip(column.edges, column.edges[1:], strict=False)
    middles = [0.0] * 3 + [(low + high) / 2 for low, high in bins] + [0.0]
    return Counts(
        cells=cells,
        sum=[(n or 0) * m for n, m in zip(cells, middles, strict=True)],
        sum_squares=[(n or 0) * m * m for n, m in zip(cells, middles, strict=True)],
    )


def a_tally(rows: int = 1_000, columns: Sequence[Column] = COLUMNS) -> Tally:
    """Every counted column, and the score by each group where there are a score and a group."""
    counted = [c for c in columns if c.role != "outcome"]
    scores = [c for c in counted if c.role == "score"]
    return Tally(
        rows=rows,
        columns={c.name: some_counts(c, rows) for c in counted},
        groups={
            group.name: {token: some_counts(scores[0], rows // 2) for token in group.tokens}
            for group in counted
            if group.role == "group" and scores
        },
    )


def some_labels(rows: int = 1_000, column: Column = SCORE) -> Labels:
    """Half of each score bin's rows are positive."""
    half = some_cells(column, rows // 2)
    return Labels(overall=LabelTable(positives=half, negatives=half))


def a_baseline(**changes: Any) -> Baseline:
    """The reference of version 1: 20 hourly windows of 1,000 rows that lie days back."""
    starts = [hours_ago(100 - i) for i in range(20)]
    facts: dict[str, Any] = {
        "model": MODEL,
        "version": VERSION,
        "window_seconds": 3_600,
        "threshold": 0.5,
        "privacy": PRIVACY,
        "columns": COLUMNS,
        "total": a_tally(20_000),
        "labels": some_labels(20_000),
        "windows": [
            Span(start=start, end=start + HOUR, tally=a_tally(), labels=some_labels())
            for start in starts
        ],
    }
    return Baseline(**facts | changes)


def a_plan(**changes: Any) -> Plan:
    """A plan like the one made from `a_baseline`."""
    facts: dict[str, Any] = {
        "model": MODEL,
        "version": VERSION,
        "baseline": "0" * 64,
        "revision": 1,
        "issued": hours_ago(2),
        "window_seconds": 3_600,
        "season": "none",
        "threshold": 0.5,
        "privacy": PRIVACY,
        "columns": COLUMNS,
    }
    return Plan(**facts | changes)


def a_window(plan: str, **changes: Any) -> Window:
    """The last full hour in production, under the plan of that digest."""
    facts: dict[str, Any] = {
        "model": MODEL,
        "version": VERSION,
        "deployment": "production",
        "plan": plan,
        "start": hours_ago(1),
        "end": hours_ago(0),
        "privacy": PRIVACY,
        "tally": a_tally(),
    }
    return Window(**facts | changes)


def outcomes_of(window: Window, **changes: Any) -> Outcomes:
    """Labels for all rows of a window."""
    facts: dict[str, Any] = {
        name: getattr(window, name)
        for name in ("model", "version", "deployment", "plan", "start", "end", "privacy")
    }
    return Outcomes(**facts | {"labels": some_labels()} | changes)


def an_event(**changes: Any) -> Event:
    """A feed that moved an hour ago."""
    facts: dict[str, Any] = {
        "model": MODEL,
        "version": VERSION,
        "kind": "upstream_change",
        "at": hours_ago(1),
        "label": "feed 7 moved",
    }
    return Event(**facts | changes)


def a_statement(predicate: Predicate, version_digest: str = VERSION_DIGEST) -> bytes:
    """The bytes that are uploaded."""
    return encode(predicate, version_digest)
