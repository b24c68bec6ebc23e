"""From a reference period's rows to the baseline statement: what a version looks like when good.

The rows are read twice: first for a sample, which decides kinds, bins and vocabularies, then all of
them are counted. Both times in constant memory, so a file may be larger than the machine.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from .aliases import Aliases
from .batch import Counted
from .checks import check_baseline
from .counting import Counter
from .describe import describe
from .design import Design
from .frames import names_in, read_columns
from .map_making import MOST_VECTORS
from .noise import Noise
from .noising import Noising
from .recipe import Recipe
from .release import Release
from .sample import Sample
from .statement import MAX_BYTES, Baseline, Refused, Season, decode, encode
from .subjects import Subjects
from .tables import Labels, Span, Tally

MOST_WINDOWS = 400
DAY = 86_400

Batches = Callable[[], Iterable[Any]]


@dataclass
class Part:
    """The counts of one stretch of time, [start, end) in seconds since 1970."""

    start: int
    end: int
    counted: Counted


def make_baseline(batches: Batches, recipe: Recipe, attributions: Any = None) -> bytes:
    """The statement's bytes. `batches` gives the reference rows anew each time it is called.

    `attributions` is a frame of how much each column moved the score, such as SHAP values.
    """
    recipe = recipe.with_template(_names(batches))
    if recipe.aliases:
        return _under_aliases(batches, recipe, attributions)
    batches = _bounded(batches, recipe)
    sample, vectors = _samples(batches, recipe)
    design = describe(sample, vectors, recipe, batches)
    counter = Counter(design, recipe.model, recipe.key)
    explained = None if attributions is None else counter.count_attributions(attributions)
    parts = _count(batches(), counter, sample, recipe)
    total = _sum(counter, parts)
    if explained is not None:
        total.counted += explained
    series = parts if recipe.noised else _without_thin_parts(counter, parts, recipe.min_count)
    series = series if len(series) > 1 else []
    while True:
        payload = encode(_assemble(total.counted, series, design, recipe), recipe.digest)
        if len(payload) <= MAX_BYTES:
            check_baseline(decode(payload, Baseline)[1])
            return payload
        if not series:
            raise Refused("statement.too_large", "Too many columns: give some the role `ignore`.")
        series = [_sum(counter, series[i : i + 2]) for i in range(0, len(series), 2)]
        series = series if len(series) > 1 else []


def _under_aliases(batches: Batches, recipe: Recipe, attributions: Any) -> bytes:
    names = Aliases(recipe.key, recipe.model)
    explained = None if attributions is None else names.rename(attributions)
    try:
        return make_baseline(lambda: map(names.rename, batches()), recipe.under(names), explained)
    except Refused as refusal:  # read by whoever knows the columns by their own names
        raise Refused(refusal.rule, refusal.detail, names.own_name(refusal.path)) from None


def _bounded(batches: Batches, recipe: Recipe) -> Batches:
    """The rows of which nobody has more than the noise is for."""
    if Subjects.under(recipe.privacy, recipe.subject, recipe.key) is None:
        return batches

    def bounded() -> Iterator[Any]:
        subjects = Subjects.under(recipe.privacy, recipe.subject, recipe.key)
        assert subjects is not None
        for batch in batches():
            yield subjects.limit(read_columns(batch, names_in(batch))[1])[1]

    return bounded


def _names(batches: Batches) -> list[str]:
    """The columns' names, from the first batch."""
    return next((names_in(batch) for batch in batches()), [])


def _samples(batches: Batches, recipe: Recipe) -> tuple[Sample, Sample]:
    """Rows to judge columns by; and a few rows of the embeddings, which are large."""
    left_out, embeddings = recipe.left_out, recipe.embeddings
    sample = Sample(lambda name: name not in left_out, recipe.time, recipe.joined)
    vectors = Sample(lambda name: name in embeddings, recipe.time, size=MOST_VECTORS)
    for batch in batches():
        sample.add(batch)
        if embeddings:
            vectors.add(batch)
    if sample.rows < max(recipe.min_count, 1):
        raise Refused("baseline.too_few_rows", "The reference needs min_count rows or more.")
    return sample, vectors


def _count(batches: Iterable[Any], counter: Counter, sample: Sample, recipe: Recipe) -> list[Part]:
    """The counts of all rows; by window, where there is time."""
    origin, step = _calendar(sample, recipe)
    if recipe.time is None:
        whole = Part(0, step, counter.nothing())
        for batch in batches:
            whole.counted += counter.count(batch)
        return [whole]
    counts = counter.count_by_time(batches, recipe.time, origin, step)
    if recipe.noised:  # which windows are empty would tell
        counts = {first: counts.get(first) or counter.nothing() for first in _firsts(counts, step)}
    unit = min(step, DAY)
    end = min((sample.last // unit + 1) * unit, int(time.time()))
    return [Part(start, min(start + step, end), counted) for start, counted in counts.items()]


def _firsts(counts: dict[int, Counted], step: int) -> range:
    return range(min(counts), max(counts) + step, step)


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
    return series


def _assemble(total: Counted, series: Sequence[Part], design: Design, recipe: Recipe) -> Baseline:
    """Total first; the series nested in it, so that subtracting windows from it tells nothing."""
    floor = 0 if recipe.noised else recipe.min_count
    whole = Release([total], design, floor)
    [(tally, labels)] = _told(whole, recipe)
    windows: list[Span] = []
    if series:
        release = Release([p.counted for p in series], design, floor, within=whole)
        windows = [
            Span(start=_moment(part.start), end=_moment(part.end), tally=own, labels=known)
            for part, (own, known) in zip(series, _told(release, recipe), strict=True)
        ]
    return Baseline(
        model=recipe.model,
        version=recipe.version,
        revision=recipe.revision,
        window_seconds=int(recipe.window.total_seconds()),
        season=season_of(recipe.window),
        threshold=recipe.threshold,
        template=recipe.template,
        worth=recipe.value,
        privacy=recipe.privacy,
        columns=list(design.columns),
        slices=list(design.slices),
        maps=list(design.maps),
        total=tally,
        labels=labels,
        windows=windows,
    )


def _told(release: Release, recipe: Recipe) -> list[tuple[Tally, Labels | None]]:
    """What is told of each part, with noise if there is to be any."""
    tallies, labels = release.tallies(), _labels(release)
    if recipe.noised:
        noising = Noising(release.design, Noise.of(recipe.privacy))
        tallies = [noising.tally(tally) for tally in tallies]
        labels = [None if known is None else noising.labels(known) for known in labels]
    return list(zip(tallies, labels, strict=True))


def _labels(release: Release) -> Sequence[Labels | None]:
    if release.design.has_labels:
        return release.labels()
    return [None] * len(release.cutting.parts)


def season_of(window: timedelta) -> Season:
    """Windows shorter than a day differ by hour, those shorter than a week by weekday."""
    if window < timedelta(days=1):
        return "hour"
    return "weekday" if window < timedelta(days=7) else "none"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
