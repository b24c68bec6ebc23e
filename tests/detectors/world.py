"""A small world that can be drawn from: five columns, a score that means what it says, labels.

Rows never exist; each window's cells are drawn from multinomial laws, which is the same thing.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from countersign.statement import Baseline, Outcomes, Window, encode
from countersign.tables import Column, Counts, Labels, LabelTable, Privacy, Span, Tally
from detectors import intake
from detectors.intake import Receipt, Upload
from governance.models import Version
from governance.senders import Caller

WEEK = timedelta(days=7)
BEGIN = datetime(2020, 1, 6, tzinfo=UTC)
TOKENS = ["a" * 32, "b" * 32, "c" * 32]
EDGES = [0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0]
MIDDLES = (np.array(EDGES[:-1]) + np.array(EDGES[1:])) / 2
COLUMNS = [
    Column(name="age", role="feature", kind="numeric", edges=[18.0, 30.0, 40.0, 50.0, 65.0, 90.0]),
    Column(name="income", role="feature", kind="numeric", edges=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    Column(name="region", role="feature", kind="categorical", tokens=TOKENS),
    Column(name="risk", role="score", kind="numeric", edges=EDGES),
    Column(name="repaid", role="outcome", kind="boolean"),
]
# missing, invalid, then below or other, the values, above
ORDINARY = {
    "age": np.array([0.02, 0, 0.02, 0.18, 0.24, 0.26, 0.18, 0.08, 0.02]),
    "income": np.array([0.0, 0, 0.0, 0.2, 0.3, 0.25, 0.15, 0.1, 0.0]),
    "region": np.array([0.0, 0, 0.02, 0.5, 0.3, 0.18]),
    "risk": np.array([0, 0, 0, 0.25, 0.2, 0.15, 0.15, 0.15, 0.1, 0]),
}
OLDER = ORDINARY | {"age": np.array([0.02, 0, 0.02, 0.08, 0.16, 0.26, 0.24, 0.18, 0.04])}
GONE = ORDINARY | {"income": np.array([1.0, 0, 0, 0, 0, 0, 0, 0, 0])}
HOLES = ORDINARY | {"income": ORDINARY["income"] * 0.8 + np.array([0.2, 0, 0, 0, 0, 0, 0, 0, 0])}


@dataclass
class World:
    """Draws windows and sends them in, as one collector would."""

    version: Version
    caller: Caller
    rows: int = 4_000
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    plan: str = ""
    reference: Baseline = field(init=False)

    def tally(self, shares: dict[str, np.ndarray], rows: int) -> Tally:
        columns = {}
        for column in COLUMNS[:-1]:
            cells = self.rng.multinomial(rows, shares[column.name])
            sums: dict[str, list[float | None]] = {}
            if column.role == "score":
                middles = np.concatenate([[0, 0, 0], MIDDLES, [0]])
                sums = {
                    "sum": (cells * middles).tolist(),
                    "sum_squares": (cells * middles**2).tolist(),
                }
            columns[column.name] = Counts(cells=cells.tolist(), **sums)
        return Tally(rows=rows, columns=columns)

    def labels(self, tally: Tally, bias: float = 0.0) -> Labels:
        """The score means what it says, but for `bias`."""
        cells = np.array(tally.columns["risk"].cells)
        chance = np.clip(np.concatenate([[0, 0, 0], MIDDLES, [0]]) + bias, 0, 1)
        positives = self.rng.binomial(cells, chance)
        return Labels(
            overall=LabelTable(positives=positives.tolist(), negatives=(cells - positives).tolist())
        )

    def baseline(self, windows: int = 20) -> Receipt:
        spans = []
        for i in range(windows):
            tally = self.tally(ORDINARY, self.rows)
            start = BEGIN + (i - windows) * WEEK
            spans.append(
                Span(start=start, end=start + WEEK, tally=tally, labels=self.labels(tally))
            )
        total = self.tally(ORDINARY, self.rows * windows)
        statement = Baseline(
            model=self.version.model.name,
            version=self.version.name,
            window_seconds=int(WEEK.total_seconds()),
            threshold=0.5,
            privacy=Privacy(min_count=11),
            columns=COLUMNS,
            total=total,
            labels=self.labels(total),
            windows=spans,
        )
        self.reference = statement
        receipt = self.send(statement)
        self.plan = self.version.baselines.latest("revision").plan_digest
        return receipt

    def window(self, number: int, shares: dict[str, np.ndarray] = ORDINARY, **changes) -> Window:
        """The week of that number, drawn from `shares`; `rows` and any field may be changed."""
        rows = changes.pop("rows", self.rows)
        start = BEGIN + number * WEEK
        facts: dict[str, Any] = {
            "model": self.version.model.name,
            "version": self.version.name,
            "deployment": "production",
            "plan": self.plan,
            "start": start,
            "end": start + WEEK,
            "replay": True,
            "privacy": Privacy(min_count=11),
            "tally": self.tally(shares, rows),
        }
        return Window(**facts | changes)

    def outcomes(self, window: Window, bias: float = 0.0, **changes) -> Outcomes:
        names = ("model", "version", "deployment", "plan", "start", "end", "privacy")
        facts: dict[str, Any] = {name: getattr(window, name) for name in names}
        return Outcomes(**facts | {"labels": self.labels(window.tally, bias)} | changes)

    def send(self, statement: Baseline | Window | Outcomes) -> Receipt:
        if isinstance(statement, Baseline):
            return intake.accept_baseline(self._upload(statement), self.version)
        accept = intake.accept_window if isinstance(statement, Window) else intake.accept_outcomes
        return accept(self._upload(statement))

    def _upload(self, statement: Baseline | Window | Outcomes) -> Upload:
        payload = encode(statement, self.version.digest)
        return Upload(payload, [], self.caller, datetime.now(UTC))
