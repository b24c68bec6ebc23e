"""From a reference period's rows to the baseline statement: what a version looks like when good.

The rows are read twice: first for a sample, which decides kinds, bins and vocabularies, then all of
them are counted. Both times in constant memory, so a file may be larger than the machine.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import msgspec
import numpy as np

from .checks import check_baseline
from .counting import Counted, Counter
from .release import Release
from .sample import Sample
from .statement import (
    MAX_BYTES,
    Baseline,
    Column,
    ColumnName,
    Privacy,
    Refused,
    Role,
    Season,
    Span,
    decode,
    encode,
)
from .survey import KIND_OF_ROLE, kind_of, numeric_edges, score_edges, vocabulary

MOST_WINDOWS = 400
DAY = 86_400

Batches = Callable[[], Iterable[Any]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the data can't say about themselves.

    `digest` is the version's SHA-256. `roles` gives columns another role than `feature`, or
    `ignore`. `threshold` is where the score becomes a decision, `time` the column with each row's
    moment, `window` how much time one statement will cover.
    """

    model: str
    version: str
    digest: str
    key: bytes
    roles: Mapping[str, str] = field(default_factory=dict)
    threshold: float | None = None
    time: str | None = None
    window: timedelta = timedelta(days=7)
    min_count: int = 11
    revision: int = 1


@dataclass
class Part:
    """The counts of one stretch of time, [start, end) in seconds since 1970."""

    start: int
    end: int
    counted: Counted


def make_baseline(batches: Batches, recipe: Recipe) -> bytes:
    """The statement's bytes. `batches` gives the reference rows anew each time it is called."""
    sample = Sample((n for n, role in recipe.roles.items() if role == "ignore"), recipe.time)
    for batch in batches():
        sample.add(batch)
    if sample.rows < max(recipe.min_count, 1):
        raise Refused("baseline.too_few_rows", "The reference needs min_count rows or more.")
    columns = describe(sample, recipe)
    counter = Counter(columns, recipe.model, recipe.key)
    parts = _count(batches(), counter, sample, recipe)
    total = _sum(counter, parts)
    series = _without_thin_parts(counter, parts, recipe.min_count)
    while True:
        payload = encode(_assemble(total.counted, series, columns, recipe), recipe.digest)
        if len(payload) <= MAX_BYTES:
            check_baseline(decode(payload, Baseline)[1])
            return payload
        if not series:
            raise Refused("statement.too_large", "Too many columns: give some the role `ignore`.")
        series = [_sum(counter, series[i : i + 2]) for i in range(0, len(series), 2)]
        series = series if len(series) > 1 else []


def describe(sample: Sample, recipe: Recipe) -> list[Column]:
    """The columns' declarations, in the data's order."""
    unknown = set(recipe.roles) - set(sample.columns)
    if any(recipe.roles[name] != "ignore" for name in unknown):
        raise Refused("baseline.role", "A role is given to a column that the data lack.")
    if not set(recipe.roles.values()) <= {"ignore", *get_args(Role)}:
        raise Refused("baseline.role", f"Roles are ignore, {', '.join(get_args(Role))}.")
    return [_column(name, sample, recipe) for name in sample.columns]


def _column(name: str, sample: Sample, recipe: Recipe) -> Column:
    role = cast(Role, recipe.roles.get(name, "feature"))
    values = sample.columns[name]
    try:
        msgspec.convert(name, ColumnName)
        kind = KIND_OF_ROLE.get(role) or kind_of(values, name in sample.coded)
    except msgspec.ValidationError:
        raise Refused(
            "baseline.column_name",
            "A column's name has at most 64 of the letters A to Z, digits, and _ . - or space.",
            name,
        ) from None
    except Refused as refusal:
        raise Refused(refusal.rule, refusal.detail, name) from None
    edges: list[float] = []
    if kind == "numeric":
        edges = (
            score_edges(values, recipe.threshold, recipe.min_count)
            if role == "score"
            else numeric_edges(values, recipe.min_count)
        )
    tokens: list[str] = []
    if kind == "categorical":
        tokens = vocabulary(values, recipe.model, name, recipe.key, recipe.min_count)
    return Column(name=name, role=role, kind=kind, edges=edges, tokens=tokens)


def _count(batches: Iterable[Any], counter: Counter, sample: Sample, recipe: Recipe) -> list[Part]:
    """The counts of all rows; by window, where there is time."""
    origin, step = _calendar(sample, recipe)
    if recipe.time is None:
        whole = Part(0, step, counter.nothing())
        for batch in batches:
            whole.counted += counter.count(batch)
        return [whole]
    counts = counter.count_by_time(batches, recipe.time, origin, step)
    unit = min(step, DAY)
    end = min((sample.last // unit + 1) * unit, int(time.time()))
    return [Part(start, min(start + step, end), counted) for start, counted in counts.items()]


def _calendar(sample: Sample, recipe: Recipe) -> tuple[int, int]:
    """Where the first window starts, and how long one is, in seconds."""
    step = int(recipe.window.total_seconds())
    if recipe.time is None:
        return 0, step
    origin = sample.first - sample.first % min(step, DAY)
    return origin, step * (1 + (sample.last - origin) // (step * MOST_WINDOWS))


def _sum(counter: Counter, parts: Sequence[Part]) -> Part:
    total = Part(parts[0].start, parts[-1].end, counter.nothing())
    for part in parts:
        total.counted += part.counted
    return total


def _without_thin_parts(counter: Counter, parts: list[Part], min_count: int) -> list[Part]:
    """Join windows with few rows to neighbours: the thinnest decides how all windows are cut."""
    enough = max(min_count, int(np.median([p.counted.rows for p in parts])) // 4)
    series: list[Part] = []
    thin: list[Part] = []
    for part in parts:
        thin.append(part)
        if sum(p.counted.rows for p in thin) >= enough:
            series.append(_sum(counter, thin))
            thin = []
    if thin and series:
        series[-1] = _sum(counter, [series[-1], *thin])
    return series if len(series) > 1 else []


def _assemble(
    total: Counted, series: Sequence[Part], columns: list[Column], recipe: Recipe
) -> Baseline:
    """Total first; the series nested in it, so that subtracting windows from it tells nothing."""
    min_count, threshold = recipe.min_count, recipe.threshold
    whole = Release([total], columns, min_count, threshold=threshold)
    [tally] = whole.tallies()
    labelled = {c.role for c in columns} >= {"score", "outcome"}
    labels = whole.labels()[0] if labelled else None
    windows: list[Span] = []
    if series:
        parts = [part.counted for part in series]
        release = Release(parts, columns, min_count, threshold=threshold, within=whole.cuts)
        tallies = release.tallies()
        told = release.labels() if labelled else [None] * len(series)
        windows = [
            Span(start=_moment(part.start), end=_moment(part.end), tally=own, labels=labels_of)
            for part, own, labels_of in zip(series, tallies, told, strict=True)
        ]
    return Baseline(
        model=recipe.model,
        version=recipe.version,
        revision=recipe.revision,
        window_seconds=int(recipe.window.total_seconds()),
        season=_season(recipe.window),
        threshold=recipe.threshold,
        privacy=Privacy(min_count=recipe.min_count),
        columns=columns,
        total=tally,
        labels=labels,
        windows=windows,
    )


def _season(window: timedelta) -> Season:
    """Windows shorter than a day differ by hour, those shorter than a week by weekday."""
    if window < timedelta(days=1):
        return "hour"
    return "weekday" if window < timedelta(days=7) else "none"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
