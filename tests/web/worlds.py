"""Versions that show every panel: one that decides, one with classes, one that predicts amounts.

Cells are drawn from multinomial laws, sums taken from the middles of bins. The story: in the
last three windows the service is slower, the south is decided worse about, older people come.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from countersign.statement import Baseline, Window
from countersign.tables import (
    Attributions,
    ClassTable,
    Column,
    Counts,
    ErrorTable,
    Labels,
    LabelTable,
    Map,
    MapMeans,
    Slice,
    SliceTable,
    Span,
    Tally,
    Worth,
)
from governance.models import Model, Version
from tests.builders import HOUR, NORTH, SOUTH, a_baseline, a_window, hours_ago, outcomes_of
from tests.detectors.world import World
from tests.web.conftest import COLLECTOR, examine_all

ROWS = 4_000
SPANS = 80
Cells = list[int | None]
Weights = Mapping[str, Sequence[float]]

RISK = [0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0]
AMOUNTS = [0.0, 100.0, 200.0, 400.0, 800.0]
OFF = [-400.0, -100.0, -20.0, 0.0, 20.0, 100.0, 400.0]
CAT, DOG = "3" * 32, "4" * 32


def numeric(name: str, role: Any, edges: list[float], **more: Any) -> Column:
    return Column(name=name, role=role, kind="numeric", edges=edges, **more)


AGE = numeric("age", "feature", [18.0, 30.0, 45.0, 60.0, 90.0])
INCOME = numeric("income", "feature", [0.0, 1.0, 2.0, 4.0, 8.0])
REGION = Column(name="region", role="feature", kind="categorical", tokens=[NORTH, SOUTH])
ORIGIN = Column(name="origin", role="group", kind="categorical", tokens=[NORTH, SOUTH])
DECIDING = [
    AGE,
    INCOME,
    REGION,
    ORIGIN,
    numeric("risk", "score", RISK),
    numeric("latency_ms", "operational", [0.0, 50.0, 100.0, 200.0, 400.0, 800.0]),
    numeric("cost_per_call", "operational", [0.0, 0.01, 0.02, 0.04, 0.08]),
    Column(name="error", role="operational", kind="boolean"),
    numeric("groundedness", "judge", [0.0, 0.25, 0.5, 0.75, 1.0]),
    numeric("anomaly", "outlier", [0.0, 0.2, 0.4, 0.8, 1.6]),
    Column(name="repaid", role="outcome", kind="boolean"),
    numeric("usefulness", "quality", [0.0, 0.25, 0.5, 0.75, 1.0]),
]
USUAL: dict[str, Sequence[float]] = {
    "age": (0, 0, 0, 3, 4, 2, 1, 0),
    "income": (0, 0, 0, 3, 4, 2, 1, 0),
    "region": (0, 0, 0, 5, 5),
    "origin": (0, 0, 0, 5, 5),
    "risk": (0, 0, 0, 4, 4, 2, 2, 4, 4, 0),
    "latency_ms": (0, 0, 0, 30, 40, 20, 8, 2, 0),
    "cost_per_call": (0, 0, 0, 4, 3, 2, 1, 0),
    "error": (0, 0, 98, 2),
    "groundedness": (0, 0, 0, 1, 2, 4, 6, 0),
    "anomaly": (0, 0, 0, 6, 3, 1, 0.2, 0),
    "usefulness": (0, 0, 0, 1, 2, 4, 6, 0),
}
CHANGED = USUAL | {
    "age": (0, 0, 0, 2, 3, 3, 2, 0),
    "latency_ms": (0, 0, 0, 15, 25, 25, 15, 10, 10),
    "error": (0, 0, 93, 7),
    "groundedness": (0, 0, 0, 2, 3, 4, 4, 0),
    "usefulness": (0, 0, 0, 2, 3, 4, 4, 0),
}
BY_REGION = Slice(columns=["region"], starts=[[0, 3, 4]])
BY_AGE = Slice(columns=["age"], starts=[[0, 4, 5, 6]])
MOMENTS = Map(
    name="second moments",
    kind="second_moments",
    columns=["age", "income"],
    centre=[0.0, 0.0],
    scale=[1.0, 1.0],
    clip=5.0,
)
WORTH = Worth(currency="EUR", true_positive=120.0, false_positive=-400.0, false_negative=-60.0)


class Draw:
    """Draws statements' tables; the same seed gives the same ones."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns, self.rng = columns, np.random.default_rng(11)

    def counts(self, column: Column, rows: int, weights: Weights) -> Counts:
        chances = np.array(weights[column.name], float)
        cells = self.rng.multinomial(rows, chances / chances.sum())
        if not column.metered:
            return Counts(cells=cells.tolist())
        middles = middles_of(column)
        return Counts(
            cells=cells.tolist(),
            sum=(cells * middles).tolist(),
            sum_squares=(cells * middles**2).tolist(),
        )

    def columns_of(self, rows: int, weights: Weights) -> dict[str, Counts]:
        counted = [c for c in self.columns if c.role not in {"outcome", "quality"}]
        return {c.name: self.counts(c, rows, weights) for c in counted}

    def shared(self, sizes: Sequence[int], chances: Sequence[float]) -> SliceTable:
        """A table of slices: in each, so many rows are hit with that chance."""
        hits = [int(self.rng.binomial(n, p)) for n, p in zip(sizes, chances, strict=True)]
        return SliceTable(rows=[*sizes], hits=[*hits])

    def by_region_and_age(self, rows: int, south: float, others: float) -> list[SliceTable | None]:
        """Nobody is without a region; each age band has a quarter of the rows."""
        half, quarter = [0, rows // 2, rows // 2], [rows // 4] * 4
        return [
            self.shared(half, (others, others, south)),
            self.shared(quarter, (others, others, others, (others + south) / 2)),
        ]

    def maps(self, correlation: float) -> MapMeans:
        z = self.rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], ROWS)
        i, j = np.triu_indices(2)
        moments = np.concatenate([z.mean(axis=0), (z[:, i] * z[:, j]).mean(axis=0)])
        return MapMeans(rows=ROWS, mean=moments.tolist())

    def attributions(self, swapped: bool) -> Attributions:
        told = {"age": 0.12, "income": 0.2, "region": 0.05}
        if swapped:
            told = {"age": 0.02, "income": 0.03, "region": 0.25}
        return Attributions(rows=ROWS, mean_absolute=told)

    def decided(self, rows: int, changed: bool) -> Tally:
        weights = CHANGED if changed else USUAL
        score = self.columns[4]
        half = {t: self.counts(score, rows // 2, weights) for t in (NORTH, SOUTH)}
        return Tally(
            rows=rows,
            columns=self.columns_of(rows, weights),
            groups={"origin": half},
            slices=self.by_region_and_age(rows, 0.6 if changed else 0.5, 0.5),
            maps={"second moments": self.maps(0.1 if changed else 0.6)},
            attributions=self.attributions(changed),
        )

    def labelled(self, rows: int, changed: bool, part: float = 1.0) -> Labels:
        """Labels of a part of the rows; the score means less where it changed."""
        n = round(rows * part / 4) * 4
        chances = np.array(USUAL["risk"], float)
        cells = self.rng.multinomial(n, chances / chances.sum())
        likely = np.clip(middles_of(self.columns[4]) - (0.1 if changed else 0.0), 0.1, 0.9)
        positives = self.rng.binomial(cells, likely)
        table = label_table(positives, cells)
        useful = self.counts(self.columns[-1], n, CHANGED if changed else USUAL)
        return Labels(
            overall=table,
            groups={"origin": {NORTH: table, SOUTH: table}},
            quality={"usefulness": useful},
            slices=self.by_region_and_age(n, 0.45 if changed else 0.3, 0.3),
        )


def middles_of(column: Column) -> np.ndarray:
    edges = np.array(column.edges)
    return np.concatenate([np.zeros(3), (edges[1:] + edges[:-1]) / 2, [0.0]])


def label_table(positives: np.ndarray, cells: np.ndarray) -> LabelTable:
    return LabelTable(positives=positives.tolist(), negatives=(cells - positives).tolist())


def watched(model: str, baseline: Baseline) -> World:
    """A version with this baseline."""
    row = Model.objects.create(name=model, owner="Ada", purpose="Who is offered what.")
    world = World(Version.objects.create(model=row, name="1", digest="d" * 64), COLLECTOR)
    world.send(baseline)
    world.plan = world.version.baselines.get().plan_digest
    return world


def spans(tally: Any, labels: Any, count: int) -> list[Span]:
    starts = [hours_ago(200 - i) for i in range(count)]
    return [Span(start=s, end=s + HOUR, tally=tally(), labels=labels()) for s in starts]


def everything(windows: int = 9, **changes: Any) -> World:
    """A model that decides, with every monitor; the last three windows are live and changed."""
    draw = Draw(DECIDING)
    whole = SPANS * ROWS
    facts: dict[str, Any] = {
        "model": "loans",
        "threshold": 0.5,
        "columns": DECIDING,
        "slices": [BY_REGION, BY_AGE],
        "maps": [MOMENTS],
        "worth": WORTH,
        "total": draw.decided(whole, False),
        "labels": draw.labelled(whole, False),
        "windows": spans(
            lambda: draw.decided(ROWS, False), lambda: draw.labelled(ROWS, False), SPANS
        ),
    }
    world = watched("loans", a_baseline(**facts | changes))
    for ago in range(windows, 0, -1):
        changed = ago <= 3
        window = sent(world, ago, draw.decided(ROWS, changed), replay=ago > 3)
        if ago > 1:
            known(world, window, draw.labelled(ROWS, changed, 0.4))
        if ago > 2:
            known(world, window, draw.labelled(ROWS, changed), revision=2)
    return world


def sent(world: World, ago: int, tally: Tally, **changes: Any) -> Window:
    """The window of so many hours ago, examined."""
    start = hours_ago(ago)
    facts = {"model": world.version.model.name, "start": start, "end": start + HOUR}
    window = a_window(world.plan, **facts | {"tally": tally} | changes)
    world.send(window)
    examine_all()
    return window


def known(world: World, window: Window, labels: Labels, **changes: Any) -> None:
    """What is known of a window's outcomes, examined."""
    world.send(outcomes_of(window, labels=labels, **changes))
    examine_all()


P_CLASS = [0.0, 0.25, 0.5, 0.75, 1.0]
CLASSED = [
    AGE,
    Column(name="animal", role="prediction", kind="categorical", tokens=[CAT, DOG]),
    numeric("p cat", "class_score", P_CLASS, token=CAT),
    numeric("p dog", "class_score", P_CLASS, token=DOG),
    Column(name="truth", role="outcome", kind="categorical"),
]
CLASS_WEIGHTS: dict[str, Sequence[float]] = {
    "age": USUAL["age"],
    "animal": (0, 0, 0, 5, 5),
    "p cat": (0, 0, 0, 4, 1, 1, 4, 0),
    "p dog": (0, 0, 0, 4, 1, 1, 4, 0),
}


def classes(windows: int = 3) -> World:
    """A model with two classes, each with its own score."""
    draw = Draw(CLASSED)

    def tally(rows: int = ROWS) -> Tally:
        told = draw.columns_of(rows, CLASS_WEIGHTS)
        chosen = {n: upper(told[n], draw.columns[i]) for i, n in ((2, "p cat"), (3, "p dog"))}
        return Tally(rows=rows, columns=told, chosen=chosen)

    def labels(of: Tally) -> Labels:
        tables = {}
        for i, name in ((2, "p cat"), (3, "p dog")):
            cells, over = np.array(of.columns[name].cells), np.array(of.chosen[name].cells)
            positives = draw.rng.binomial(cells, middles_of(draw.columns[i]))
            both = np.minimum(positives, over)
            tables[name] = ClassTable(
                overall=label_table(positives, cells), chosen=label_table(both, over)
            )
        return Labels(classes=tables)

    total = tally(20 * ROWS)
    baseline = a_baseline(
        model="animals",
        threshold=None,
        columns=CLASSED,
        total=total,
        labels=labels(total),
        windows=[],
    )
    world = watched("animals", baseline)
    for ago in range(windows, 0, -1):
        counted = tally()
        known(world, sent(world, ago, counted, replay=True), labels(counted))
    return world


def upper(counts: Counts, column: Column) -> Counts:
    """Only the upper half of a score's bins: where its class is predicted."""
    cells = np.array(counts.cells) * (np.arange(column.size) >= 5)
    middles = middles_of(column)
    return Counts(
        cells=cells.tolist(),
        sum=(cells * middles).tolist(),
        sum_squares=(cells * middles**2).tolist(),
    )


PREDICTING = [
    AGE,
    REGION,
    numeric("claim", "score", AMOUNTS),
    numeric("paid", "outcome", OFF),
]
AMOUNT_WEIGHTS: dict[str, Sequence[float]] = {
    "age": USUAL["age"],
    "region": USUAL["region"],
    "claim": (0, 0, 0, 4, 3, 2, 1, 0),
}
ERROR_WEIGHTS = ((0, 0, 0, 1, 3, 6, 6, 3, 1, 0), (0, 0, 0, 3, 4, 4, 4, 4, 6, 3))


def amounts(windows: int = 3) -> World:
    """A model that predicts amounts; in its last window the errors are larger."""
    draw = Draw(PREDICTING)

    def tally(rows: int = ROWS) -> Tally:
        return Tally(rows=rows, columns=draw.columns_of(rows, AMOUNT_WEIGHTS), slices=[None])

    def labels(of: Tally, worse: bool = False) -> Labels:
        rows = np.array(of.columns["claim"].cells)
        n = int(rows.sum())
        chances = np.array(ERROR_WEIGHTS[worse], float)
        errors = draw.rng.multinomial(n, chances / chances.sum())
        middles = middles_of(draw.columns[3])
        means = [float(errors @ m) / n for m in (middles, abs(middles), middles**2)]
        inside = rows * (np.arange(len(rows)) > 2) * (np.arange(len(rows)) < len(rows) - 1)
        sums = [(inside * mean).tolist() for mean in means]
        table = ErrorTable(
            rows=rows.tolist(),
            sum=sums[0],
            sum_absolute=sums[1],
            sum_squares=sums[2],
            errors=errors.tolist(),
        )
        south = 1.4 if worse else 1.0
        loss: list[float | None] = [0.0, means[1] * n / 2, south * means[1] * n / 2]
        return Labels(errors=table, slices=[SliceTable(rows=[0, n // 2, n // 2], loss=loss)])

    total = tally(20 * ROWS)
    baseline = a_baseline(
        model="claims",
        threshold=None,
        columns=PREDICTING,
        slices=[BY_REGION],
        total=total,
        labels=labels(total),
        windows=[],
        worth=Worth(currency="EUR", per_error=-1.0),
    )
    world = watched("claims", baseline)
    for ago in range(windows, 0, -1):
        counted = tally()
        known(world, sent(world, ago, counted, replay=True), labels(counted, ago == 1))
    return world
