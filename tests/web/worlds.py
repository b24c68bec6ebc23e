"""Versions that show every panel: one that decides, one with classes, one that predicts amounts.

Cells are drawn from multinomial laws, sums taken from the middles of bins. The story: in the
last three windows the service is slower, the south is decided worse about, older people come.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from countersign.statement import Baseline, Window, decode
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
KINDER = (0, 0, 0, 4, 4, 2, 3, 6, 6, 0)  # the risks of those who get a yes in three of five cases
YES = 6  # the first cell of risk at the threshold
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


Rows = dict[str, np.ndarray]  # each row's cell, by column


class Draw:
    """Draws rows and counts them into statements' tables; the same seed gives the same ones."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns, self.rng = columns, np.random.default_rng(11)

    def rows(self, n: int, weights: Weights) -> Rows:
        """Each column drawn by itself."""
        return {
            c.name: self.rng.choice(
                c.size, n, p=np.array(weights[c.name], float) / sum(weights[c.name])
            )
            for c in self.columns
            if c.name in weights
        }

    def columns_of(self, n: int, weights: Weights) -> dict[str, Counts]:
        return self.counted(self.rows(n, weights))

    def counted(self, rows: Rows) -> dict[str, Counts]:
        windowed = [c for c in self.columns if c.role not in {"outcome", "quality"}]
        return {c.name: counts_of(c, rows[c.name]) for c in windowed}

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

    def decided(self, n: int, changed: bool) -> Tally:
        """Where it changed, the south gets a yes more often."""
        rows = self.rows(n, CHANGED if changed else USUAL)
        if changed:
            south = rows["region"] == 4
            rows["risk"][south] = self.rows(n, USUAL | {"risk": KINDER})["risk"][south]
        risk, origin = self.columns[4], rows["origin"]
        return Tally(
            rows=n,
            columns=self.counted(rows),
            groups={
                "origin": {
                    token: counts_of(risk, rows["risk"][origin == cell])
                    for token, cell in ((NORTH, 3), (SOUTH, 4))
                }
            },
            slices=[slice_of(each, rows, rows["risk"] >= YES) for each in (BY_REGION, BY_AGE)],
            maps={"second moments": self.maps(0.1 if changed else 0.6)},
            attributions=self.attributions(changed),
        )

    def labelled(self, rows: int, changed: bool, part: float = 1.0) -> Labels:
        """Labels of a part of the rows; where it changed, the score means less, in the south most
        of all."""
        n = round(rows * part)
        told = self.rows(n, CHANGED if changed else USUAL)
        likely = middles_of(self.columns[4])[told["risk"]] - (0.1 if changed else 0.0)
        positive = self.rng.random(n) < np.clip(likely, 0.2, 0.8)
        wrong = positive != (told["risk"] >= YES)
        if changed:
            told["region"] = np.where(self.rng.random(n) < np.where(wrong, 0.65, 0.45), 4, 3)
        return Labels(
            overall=label_table(told["risk"], positive),
            groups={
                "origin": {
                    token: label_table(told["risk"], positive, told["origin"] == cell)
                    for token, cell in ((NORTH, 3), (SOUTH, 4))
                }
            },
            quality={"usefulness": counts_of(self.columns[-1], told["usefulness"])},
            slices=[slice_of(each, told, wrong) for each in (BY_REGION, BY_AGE)],
        )


def counts_of(column: Column, cells: np.ndarray) -> Counts:
    """So many rows in each cell; values lie in the middles of their bins."""
    counts = np.bincount(cells, minlength=column.size)
    if not column.metered:
        return Counts(cells=counts.tolist())
    middles = middles_of(column)
    return Counts(
        cells=counts.tolist(),
        sum=(counts * middles).tolist(),
        sum_squares=(counts * middles**2).tolist(),
    )


def slice_of(one: Slice, rows: Rows, hit: np.ndarray) -> SliceTable:
    """Rows and hits in each band of a slice's only column."""
    starts = one.starts[0]
    band = np.searchsorted(starts, rows[one.columns[0]], side="right") - 1
    found, hits = (np.bincount(b, minlength=len(starts)) for b in (band, band[hit]))
    return SliceTable(rows=found.tolist(), hits=hits.tolist())


def middles_of(column: Column) -> np.ndarray:
    edges = np.array(column.edges)
    return np.concatenate([np.zeros(3), (edges[1:] + edges[:-1]) / 2, [0.0]])


def label_table(
    cells: np.ndarray,
    positive: np.ndarray,
    of: np.ndarray | None = None,
    size: int = len(USUAL["risk"]),
) -> LabelTable:
    """Rows by their score's cell and by label; only those `of` a group, if one is given."""
    asked = np.ones_like(positive) if of is None else of
    tables = [np.bincount(cells[asked & each], minlength=size) for each in (positive, ~positive)]
    return LabelTable(positives=tables[0].tolist(), negatives=tables[1].tolist())


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


def revised(world: World, gone: set[str]) -> None:
    """The baseline again without some columns, without maps, and priced in another currency."""
    payload = bytes(world.version.baselines.get().statement.payload)
    baseline = decode(payload, Baseline)[1]
    assert baseline.labels
    assert baseline.worth
    world.send(
        replace(
            baseline,
            revision=2,
            columns=[column for column in baseline.columns if column.name not in gone],
            maps=[],
            worth=replace(baseline.worth, currency="USD"),
            total=without(baseline.total, gone),
            labels=replace(baseline.labels, quality={}),
            windows=[
                replace(s, tally=without(s.tally, gone), labels=replace(s.labels, quality={}))
                for s in baseline.windows
                if s.labels
            ],
        )
    )
    world.plan = world.version.baselines.get(revision=2).plan_digest


def without(tally: Tally, gone: set[str]) -> Tally:
    """A tally that tells less."""
    columns = {name: counts for name, counts in tally.columns.items() if name not in gone}
    return replace(tally, columns=columns, maps={}, attributions=None)


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
    """A model with two classes, each with its own score; the likelier one is chosen."""
    draw = Draw(CLASSED)
    cat = CLASSED[2]

    def rows(n: int = ROWS) -> Rows:
        told = draw.rows(n, CLASS_WEIGHTS)
        told["p dog"] = 9 - told["p cat"]
        told["animal"] = np.where(told["p cat"] >= 5, 3, 4)
        return told

    def tally(of: Rows) -> Tally:
        names = ((CLASSED[2], 3), (CLASSED[3], 4))
        chosen = {c.name: counts_of(c, of[c.name][of["animal"] == cell]) for c, cell in names}
        return Tally(rows=len(of["age"]), columns=draw.counted(of), chosen=chosen)

    def labels(of: Rows) -> Labels:
        is_cat = draw.rng.random(len(of["age"])) < middles_of(cat)[of["p cat"]]
        told = {"p cat": (is_cat, of["animal"] == 3), "p dog": (~is_cat, of["animal"] == 4)}
        return Labels(
            classes={
                name: ClassTable(
                    overall=label_table(of[name], true, size=cat.size),
                    chosen=label_table(of[name], true, chosen, size=cat.size),
                )
                for name, (true, chosen) in told.items()
            }
        )

    whole = rows(20 * ROWS)
    baseline = a_baseline(
        model="animals",
        threshold=None,
        columns=CLASSED,
        total=tally(whole),
        labels=labels(whole),
        windows=[],
    )
    world = watched("animals", baseline)
    for ago in range(windows, 0, -1):
        drawn = rows()
        known(world, sent(world, ago, tally(drawn), replay=True), labels(drawn))
    return world


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
