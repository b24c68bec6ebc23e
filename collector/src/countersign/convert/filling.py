"""A profile's column to the cells of the wire, merged where it isn't known or too few rows are."""

from dataclasses import dataclass

import numpy as np

from ..batch import Floats
from ..binning import FIRST_BIN
from ..frames import Array
from ..hashing import token_of
from ..merging import Starts, is_safe, merge_small, runs
from ..statement import Refused
from ..tables import Column, Counts
from .profile import MOST_ERROR, Numbers, Texts, Told

FEWEST_EDGES = 4  # that must be placed, or half of them
WORDS = ({"false", "0"}, {"true", "1"})


@dataclass(frozen=True)
class Terms:
    """What a profile is filled in under."""

    rows: int
    model: str
    key: bytes
    min_count: int


def counts_of(column: Column, told: Told, terms: Terms) -> Counts:
    """The column's cells. Raises `Refused` (`convert.column`) with what is missing."""
    cells, starts = _cells(column, told, terms)
    if cells.sum() != terms.rows or cells.min() < 0:
        raise lacking(column.name, "its counts don't add up to the profile's rows")
    if not is_safe(cells.sum(keepdims=True), terms.min_count):
        raise lacking(column.name, "it has too few rows")
    # Sums of values within a cell are in no profile: a metered column's are withheld.
    nothing: list[float | None] | None = [None] * column.size if column.metered else None
    told_cells = runs(cells, merge_small(cells[None, :], terms.min_count, starts))
    return Counts(cells=told_cells, sum=nothing, sum_squares=nothing)


def placed_edges(numbers: Numbers, edges: list[float], rows: int) -> list[bool]:
    """Which edges the profile places surely enough."""
    return [high - low <= 2 * MOST_ERROR * rows for low, high in _bounds(numbers, edges)]


def lacking(name: str, what: str) -> Refused:
    """The refusal of a column: the profile's own name for it, and what is missing."""
    return Refused("convert.column", f"`{name}`: {what}.")


def _cells(column: Column, told: Told, terms: Terms) -> tuple[Array, Starts]:
    """Cells, and where runs may start."""
    rows, everywhere = terms.rows, np.arange(column.size)
    outside = [told.missing, told.invalid]
    if column.kind == "boolean":
        return np.array([*outside, *_answers(column, told, rows)]), everywhere
    if column.kind == "categorical":
        if told.texts is None:
            raise lacking(column.name, "it holds no categories" if told.numbers else told.lacks)
        return np.array([*outside, *_categories(column, told.texts, terms)]), everywhere
    if told.numbers is None:
        raise lacking(column.name, "it holds no numbers" if told.texts else told.lacks)
    placed = placed_edges(told.numbers, column.edges, rows)
    if sum(placed) < max(min(FEWEST_EDGES, len(placed)), len(placed) / 2):
        raise lacking(
            column.name,
            f"its distribution is too coarse: {sum(placed)} of {len(placed)} edges can be placed "
            f"to within {MOST_ERROR:.1%} of the rows",
        )
    starts = [0, 1, 2, *(FIRST_BIN + i for i, sure in enumerate(placed) if sure)]
    return np.array([*outside, *_bins(told.numbers, column.edges)]), np.array(starts)


def _bins(numbers: Numbers, edges: list[float]) -> list[int]:
    """Below, the bins, above. What isn't known surely is in some cell of the right run."""
    middle = np.array([sum(bounds) / 2 for bounds in _bounds(numbers, edges)])
    below = np.maximum.accumulate(np.clip(np.round(middle), 0, numbers.total))
    cells: list[int] = np.diff([0, *below, numbers.total]).astype(int).tolist()
    return cells


def _bounds(numbers: Numbers, edges: list[float]) -> list[tuple[float, float]]:
    """How many numbers lie below each edge; at the last one too, since the last bin is closed."""
    places: Floats = np.array([*edges[:-1], np.nextafter(edges[-1], np.inf)])
    return [numbers.below(place) for place in places.tolist()]


def _categories(column: Column, texts: Texts, terms: Terms) -> list[int]:
    """Other, then the tokens."""
    if texts.error > MOST_ERROR * terms.rows:
        raise lacking(column.name, f"its categories are only known to within {texts.error} rows")
    known = {
        token_of(terms.key, terms.model, column.name, text): n for text, n in texts.counts.items()
    }
    counts = [known.get(token, 0) for token in column.tokens]
    return [texts.total - sum(counts), *counts]


def _answers(column: Column, told: Told, rows: int) -> list[int]:
    """False and true."""
    if told.texts is not None:
        by_word = {text.lower(): n for text, n in told.texts.counts.items()}
        if set(by_word) <= WORDS[0] | WORDS[1] and not told.texts.error:
            return [sum(by_word.get(word, 0) for word in words) for words in WORDS]
    if told.numbers is not None and placed_edges(told.numbers, [0.0, 0.5, 1.0], rows)[1]:
        low, high = told.numbers.below(0.5)
        negative = round((low + high) / 2)
        return [negative, told.numbers.total - negative]
    raise lacking(column.name, "it isn't known how often it is true")
