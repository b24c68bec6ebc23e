"""A baseline, read and learned from once, and kept in memory: what windows are held against."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache, partial
from itertools import starmap

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
from detectors.statistics.counts import Mask, Noise
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
CELL_OF_RATE = {"missing": MISSING, "invalid": INVALID, "other_category": VALUES}


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
    learn_streams = partial(
        learn_reference,
        season_of_window=seasons,
        seasons=SEASONS[season],
        level=MISSES / streams,
        tolerance=tolerance,
        noise=noise,
    )
    known = [_learn_block(block, statement.total, tallies, learn_streams) for block in blocks]
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
            learn_streams,
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
        hits = cells[..., CELL_OF_RATE[rate]]
    return hits


def _learn_block(
    block: Block, total: Tally, tallies: Sequence[Tally], learn_streams: Callable[..., Limits]
) -> KnownBlock:
    """The limits of a block's streams. Where the windows merged cells, they don't tell how these
    vary; where the total did, a rate isn't known at all, and anything goes.
    """
    whole = cells_of(total, block)
    cells = split_runs(whole, np.ones_like(whole))  # evenly: nothing better is known
    counted = np.stack([cells_of(tally, block) for tally in tallies])
    runs, whole_runs = np.asarray(~np.isnan(counted).any(axis=0)), ~np.isnan(whole)
    series = np.stack([split_runs(each, cells) for each in counted])
    watched: dict[str, Limits] = {}
    for detector, streams in streams_of(block, series):
        known = _told(block, detector, whole_runs).any(axis=1) | (detector == "shift")
        watched[detector] = learn_streams(
            replace(streams, totals=streams.totals * known),
            told=_told(block, detector, runs),
            like=watched["shift"] if detector == "out_of_range" else None,
        )
    return KnownBlock(block, cells, tuple(starmap(Watched, watched.items())))


def _told(block: Block, detector: str, runs: Mask) -> Mask:
    """The edges of a stream that aren't merged away, (columns, edges), if runs of merged cells
    begin at `runs` (columns, cells).

    What lies above an ordered edge is told where a run begins there. That a few missing values may
    be merged into the first bins only blurs how many rows have a value at all.
    """
    alone = runs & np.concatenate([runs[:, 1:], np.ones_like(runs[:, :1])], axis=1)
    if detector == "shift" and block.kind == "numeric":
        edges = runs[:, VALUES + 1 :]
    elif detector == "shift":
        edges = alone[:, VALUES:]
    elif detector == "out_of_range":
        edges = alone[:, [VALUES]] & alone[:, [-1]]
    else:
        edges = alone[:, [CELL_OF_RATE[detector]]]
    return np.asarray(edges)


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
