"""A baseline, read and learned from once, and kept in memory: what windows are held against."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np

from countersign.statement import Baseline as Statement
from countersign.statement import Season, decode
from countersign.tables import Column, Tally
from detectors import models
from detectors.learning.classes import KnownClasses, learn_classes
from detectors.learning.errors import KnownErrors, learn_errors
from detectors.learning.maps import learn_maps
from detectors.learning.outcomes import KnownOutcomes, learn_outcomes, streams_in
from detectors.learning.score import KnownScore, learn_score
from detectors.monitors import monitors_for
from detectors.reading import (
    INVALID,
    MISSING,
    VALUES,
    Array,
    Block,
    blocks_of,
    cells_of,
    season_of,
    split_runs,
)
from detectors.statistics.counts import Noise
from detectors.statistics.reference import Limits, learn_reference
from detectors.statistics.streams import (
    Streams,
    ordered_streams,
    rate_streams,
    unordered_streams,
)

KEPT = 8  # baselines in memory; some 20 MB each at the most
SEASONS = {"none": 1, "hour": 24, "weekday": 7}
MISSES = 0.05  # chance that the limits of some stream of a model are wrong
RATES = {
    "numeric": ("missing", "invalid", "out_of_range"),
    "categorical": ("missing", "invalid", "other_category"),
    "boolean": ("missing", "invalid"),
}


@dataclass(frozen=True)
class Watched:
    """One kind of stream over a block's columns: `detector` is `shift` or the name of a rate."""

    detector: str
    limits: Limits


@dataclass(frozen=True)
class KnownBlock:
    """A block of columns in the reference: its cells, and the limits of every stream over it."""

    block: Block
    cells: Array
    watched: tuple[Watched, ...]


@dataclass(frozen=True)
class Known:
    """What is known of a version from its baseline."""

    statement: Statement
    rows: int
    blocks: tuple[KnownBlock, ...]
    season: Season
    volumes: Array
    noise: Noise
    score: KnownScore | None
    classes: KnownClasses | None
    errors: KnownErrors | None
    outcomes: tuple[KnownOutcomes, ...]
    maps: dict[str, tuple[Array, Array]]
    monitors: frozenset[str]

    @property
    def streams(self) -> int:
        """How many streams share the budget: all columns', outcomes', maps', the volume."""
        columns = sum(len(k.watched) * len(k.block.columns) for k in self.blocks)
        outcomes = sum(len(k.layout.names) for k in self.outcomes)
        return columns + outcomes + len(self.statement.maps) + 1


@lru_cache(maxsize=KEPT)
def known_baseline(baseline_id: int, tolerance: float) -> Known:
    """Read a baseline's statement and learn its limits. Baselines never change: it may stay."""
    row = models.Baseline.objects.select_related("statement").get(pk=baseline_id)
    _, statement = decode(bytes(row.statement.payload), Statement)
    return learn(statement, tolerance)


def learn(statement: Statement, tolerance: float) -> Known:
    """Learn every stream's limits from the reference windows, or from the total without them."""
    blocks = blocks_of(statement.columns)
    spans = statement.windows
    tallies = [span.tally for span in spans] or [statement.total]
    season = _season(statement)
    seasons = np.array([season_of(s.start, season) for s in spans] or [0])
    noise = Noise(statement.privacy.mechanism, statement.privacy.scale)
    streams = sum((1 + len(RATES[b.kind])) * len(b.columns) for b in blocks)
    streams += streams_in(statement)
    known = []
    for block in blocks:
        cells = _reference_cells(statement.total, block)
        series = np.stack([split_runs(cells_of(t, block), cells) for t in tallies])
        watched = tuple(
            Watched(
                detector,
                learn_reference(
                    reference,
                    seasons,
                    SEASONS[season],
                    level=MISSES / streams,
                    tolerance=tolerance,
                    noise=noise,
                ),
            )
            for detector, reference in streams_of(block, series)
        )
        known.append(KnownBlock(block, cells, watched))
    score = _score_cells(known)
    return Known(
        statement=statement,
        rows=statement.total.rows or 0,
        blocks=tuple(known),
        season=season,
        volumes=_volumes(statement),
        noise=noise,
        score=learn_score(statement, *score, noise) if score else None,
        classes=learn_classes(statement, noise),
        errors=learn_errors(statement, *score) if score else None,
        outcomes=learn_outcomes(
            statement,
            score[1] if score else None,
            ([season_of(s.start, season) for s in spans], SEASONS[season]),
            MISSES / streams,
            noise,
        ),
        maps=learn_maps(tallies),
        monitors=frozenset(monitors_for(statement)),
    )


def streams_of(block: Block, cells: Array) -> Iterator[tuple[str, Streams]]:
    """Every stream that a block's cells (..., columns, cells) are: its shift, then its rates."""
    split = ordered_streams if block.kind == "numeric" else unordered_streams
    yield "shift", split(cells[..., VALUES:])
    rows, width = cells.sum(axis=-1), cells.shape[-1]
    for rate in RATES[block.kind]:
        hit_cells = 2 if rate == "out_of_range" else 1
        yield rate, rate_streams(rate_hits(rate, cells), rows, width, hit_cells)


def rate_hits(rate: str, cells: Array) -> Array:
    """Rows that a rate counts, (..., columns)."""
    if rate == "out_of_range":
        hits: Array = cells[..., VALUES] + cells[..., -1]
    else:
        hits = cells[..., {"missing": MISSING, "invalid": INVALID, "other_category": VALUES}[rate]]
    return hits


def _season(statement: Statement) -> Season:
    """None where reference windows are longer than the windows to come: they mix the seasons."""
    length = timedelta(seconds=statement.window_seconds)
    alike = all(span.end - span.start <= length for span in statement.windows)
    return statement.season if alike else "none"


def _volumes(statement: Statement) -> Array:
    """Rows of each reference window, as if it had been as long as the windows to come."""
    return np.array(
        [
            (s.tally.rows or 0) * statement.window_seconds / (s.end - s.start).total_seconds()
            for s in statement.windows
        ],
        dtype=float,
    )


def _score_cells(blocks: list[KnownBlock]) -> tuple[Column, Array] | None:
    """The score column and its cells in the reference."""
    for known in blocks:
        for column, cells in zip(known.block.columns, known.cells, strict=True):
            if column.role == "score":
                return column, cells
    return None


def _reference_cells(total: Tally, block: Block) -> Array:
    """The reference's own merged runs are split evenly: nothing better is known."""
    cells = cells_of(total, block)
    return split_runs(cells, np.ones_like(cells))
