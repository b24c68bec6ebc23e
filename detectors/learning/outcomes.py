"""What becomes known afterwards, as streams: wrong decisions, errors, and qualities.

error_rate     wrong decisions among labelled rows: overall (""), and by group ("sex:1f0c22ab")
error_shift    a regression's errors: their whole distribution, as a column's
quality_shift  a quality column's distribution

Labels come late, in pieces and corrected, and each upload tells all that is known so far. So every
stream takes in what came since the last time; a correction downwards is taken in as nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from countersign.statement import Baseline
from countersign.tables import Cells, Column, Labels, LabelTable, Token
from detectors.reading import VALUES, Array, decision_bin, label_bins, split_runs
from detectors.statistics.reference import Limits
from detectors.statistics.streams import Streams, ordered_streams, rate_streams

WRONG, RIGHT = 0, 1


@dataclass(frozen=True)
class Layout:
    """Streams of one shape: what each is about, and how labels are read into (names, size)."""

    detector: str
    names: tuple[str, ...]
    size: int
    read: Callable[[Labels], Array]

    def sum(self, labels: Iterable[Labels]) -> Array:
        """All parts of one window's labels together, (names, size)."""
        total = np.zeros((len(self.names), self.size))
        for one in labels:
            total += self.read(one)
        return total

    def split(self, cells: Array) -> Streams:
        """Cells (..., names, size) as streams."""
        if self.detector == "error_rate":
            return rate_streams(cells[..., WRONG], cells.sum(axis=-1))
        return ordered_streams(cells)


@dataclass(frozen=True)
class KnownOutcomes:
    """A layout, its cells in the reference (names, size), and the limits of its streams."""

    layout: Layout
    cells: Array
    limits: Limits


def learn_outcomes(
    statement: Baseline,
    score_cells: Array | None,
    seasons: tuple[Sequence[int], int],
    limits_of: Callable[..., Limits],
) -> tuple[KnownOutcomes, ...]:
    """Learn from the reference's labels; nothing without.

    `score_cells` are the score's cells in the reference; `seasons` is each reference window's
    season and how many seasons there are; `limits_of` is `learn_reference`, but for these.
    """
    if statement.labels is None:
        return ()
    told = [
        (span.labels, season)
        for span, season in zip(statement.windows, seasons[0], strict=True)
        if span.labels
    ] or [(statement.labels, 0)]
    found = []
    for layout in layouts_of(statement, statement.labels, score_cells):
        series = np.stack([layout.read(labels) for labels, _ in told])
        limits = limits_of(
            layout.split(series), season_of_window=[s for _, s in told], seasons=seasons[1]
        )
        found.append(KnownOutcomes(layout, layout.read(statement.labels), limits))
    return tuple(found)


def streams_in(statement: Baseline) -> int:
    """How many streams there are, before anything is learned."""
    if statement.labels is None:
        return 0
    return sum(len(layout.names) for layout in layouts_of(statement, statement.labels, None))


def layouts_of(
    statement: Baseline, reference: Labels, score_cells: Array | None
) -> Iterator[Layout]:
    """Every layout that the reference's labels have tables for."""
    columns = {c.role: c for c in statement.columns}
    score, outcome = columns.get("score"), columns.get("outcome")
    if reference.overall and score and statement.threshold is not None:
        groups = [
            (column.name, token)
            for column in statement.columns
            for token in column.tokens
            if reference.groups.get(column.name, {}).get(token)
        ]
        names = ("", *(f"{column}:{token[:8]}" for column, token in groups))
        cut = decision_bin(score, statement.threshold)
        cells = np.ones(score.size) if score_cells is None else score_cells
        yield Layout("error_rate", names, 2, partial(_decisions, (score, cells, cut), groups))
    if reference.classes:
        yield Layout("error_rate", ("",), 2, _classes)
    if reference.errors and outcome:
        even = _ordinary(reference.errors.errors, np.ones(outcome.size))
        read = partial(_errors, even)
        yield Layout("error_shift", (outcome.name,), outcome.size - VALUES, read)
    for column in statement.columns:
        if told := reference.quality.get(column.name):
            even = _ordinary(told.cells, np.ones(column.size))
            read = partial(_quality, column.name, even)
            yield Layout("quality_shift", (column.name,), column.size - VALUES, read)


def _decisions(
    score: tuple[Column, Array, int], groups: Sequence[tuple[str, Token]], labels: Labels
) -> Array:
    """Wrong and right decisions, overall and by group; none where a table was withheld."""
    column, cells, cut = score
    tables: list[LabelTable | None] = [labels.overall]
    tables += [labels.groups.get(name, {}).get(token) for name, token in groups]
    lines = []
    for table in tables:
        positives, negatives = label_bins(table, column, cells)
        wrong = positives[:cut].sum() + negatives[cut:].sum()
        lines.append([wrong, positives.sum() + negatives.sum() - wrong])
    return np.array(lines)


def _classes(labels: Labels) -> Array:
    """Wrong and right predictions: what was predicted was another class, or that one."""
    right = sum(_total(table.chosen.positives) for table in labels.classes.values())
    wrong = sum(_total(table.chosen.negatives) for table in labels.classes.values())
    return np.array([[wrong, right]], float)


def _errors(reference: Array, labels: Labels) -> Array:
    if labels.errors is None:
        return np.zeros((1, len(reference) - VALUES))
    return _ordinary(labels.errors.errors, reference)[None, VALUES:]


def _quality(name: str, reference: Array, labels: Labels) -> Array:
    told = labels.quality.get(name)
    if told is None:
        return np.zeros((1, len(reference) - VALUES))
    return _ordinary(told.cells, reference)[None, VALUES:]


def _ordinary(cells: Cells, reference: Array) -> Array:
    """All cells, runs split like the reference (cells,)."""
    split: Array = split_runs(np.array([cells], float), reference[None])[0]
    return split


def _total(cells: Cells) -> int:
    return sum(cell or 0 for cell in cells)
