"""Bins and vocabularies under noise, where nobody declared them: found in counts that carry noise.

A number's range is looked for first, in cells between powers of two that are the same for all data;
then its quantiles, in STEPS equal cells over that range. A row changes one figure of each, by 1, so
the ledger charges two figures for a column of numbers. What follows from the noised counts costs
nothing more.

A category gets a token if its noised count reaches a threshold that somebody's own rows, if nobody
else has the category, reach with a chance of UNSEEN at the most: one figure a column, and this
chance beside delta (Korolova and others, 2009, Releasing search queries and clicks privately).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .batch import Floats
from .binning import BELOW, Bins
from .frames import Array, Data, as_coded, as_numbers, read_columns
from .hashing import text_of, token_of
from .joining import names_to_read, with_joined
from .noise import Noise
from .recipe import Recipe
from .statement import Refused
from .survey import BINS, FAR, OUTER, SCORE_BINS
from .tables import MAX_CELLS, Column

POWERS = [2.0**k for k in range(-20, 61)]
OCTAVES = [-power for power in reversed(POWERS)] + POWERS
STEPS = 200
UNLIKELY = 1e-6  # that noise alone lifts an empty cell over the threshold of ranges
UNSEEN = 1e-12

Batches = Callable[[], Iterable[Any]]


def find_layouts(
    batches: Batches, columns: Sequence[Column], recipe: Recipe
) -> dict[str, dict[str, Any]]:
    """The `edges` or `tokens` of each column; the rows are read three times."""
    noise = Noise.of(recipe.privacy)
    numbers = [column for column in columns if column.kind == "numeric"]
    coarse = _histograms(batches, dict.fromkeys([c.name for c in numbers], OCTAVES), recipe)
    grids = {
        column.name: _grid(_noised(coarse[column.name], noise), noise, column.name)
        for column in numbers
    }
    fine = _histograms(batches, grids, recipe)
    found: dict[str, dict[str, Any]] = {}
    for column in numbers:
        grid, counts = grids[column.name], _noised(fine[column.name], noise)
        found[column.name] = {"edges": _edges(column, grid, counts, recipe)}
    categories = [column.name for column in columns if column.kind == "categorical"]
    for name, texts in _categories(batches, categories, recipe).items():
        found[name] = {"tokens": _tokens(name, texts, noise, recipe)}
    return found


def _read(batches: Batches, names: Sequence[str], recipe: Recipe) -> Iterator[dict[str, Data]]:
    asked = names_to_read(names, recipe.joined)
    for batch in batches() if asked else ():
        yield with_joined(read_columns(batch, asked)[1], recipe.joined)


def _histograms(
    batches: Batches, grids: Mapping[str, Sequence[float]], recipe: Recipe
) -> dict[str, Array]:
    """How many rows are below each grid, in its cells, and above it."""
    bins = {name: Bins(edges) for name, edges in grids.items()}
    counts: dict[str, Array] = {name: np.zeros(len(e) + 1, int) for name, e in grids.items()}
    score = next(iter(recipe.named("score")), "")
    outcomes = recipe.named("outcome") & set(grids)
    for data in _read(batches, [*grids, score] if outcomes else list(grids), recipe):
        for name in grids.keys() & data.keys():
            values = as_numbers(data[name])
            if name in outcomes:
                with np.errstate(over="ignore", invalid="ignore"):
                    values = as_numbers(data[score]).astype(np.float64) - values
            counts[name] += bins[name].count(values)[BELOW:]
    return counts


def _noised(counts: Array, noise: Noise) -> Floats:
    return np.array([count + noise.draw() for count in counts.tolist()], np.float64)


def _grid(counts: Floats, noise: Noise, name: str) -> list[float]:
    """STEPS equal cells from the octave with the lowest to that with the highest hundredth."""
    seen = np.where(counts >= noise.reached(UNLIKELY), counts, 0.0)[1:-1]
    if not seen.any():
        raise Refused(
            "noise.edges",
            "Under so much noise no bins can be found in so few rows: declare this column's edges.",
            name,
        )
    share = np.cumsum(seen) / seen.sum()
    low = OCTAVES[int(np.searchsorted(share, OUTER))]
    high = OCTAVES[int(np.searchsorted(share, 1 - OUTER)) + 1]
    return [float(edge) for edge in np.linspace(low, high, STEPS + 1)]


def _edges(column: Column, grid: list[float], counts: Floats, recipe: Recipe) -> list[float]:
    """Quantiles, as far as the noise lets them be seen; and what the role adds without looking."""
    seen = np.maximum(counts, 0.0)[1:-1]
    share = np.cumsum(seen) / max(seen.sum(), 1.0)
    scored = column.role in ("score", "class_score")
    levels = np.linspace(OUTER, 1 - OUTER, (SCORE_BINS if scored else BINS) + 1)
    places = np.clip(np.searchsorted(share, levels), 0, STEPS - 1)
    edges = {float(f"{grid[place]:.12g}") for place in [*places.tolist(), -1]}
    low, high = grid[0], grid[-1]
    if column.role == "outcome":
        return sorted({-2 * max(-low, high), *edges, 2 * max(-low, high)})
    if scored and low >= 0 and high <= 1:
        edges |= {0.0, 1.0}
    elif column.role in ("operational", "outlier"):
        edges |= {high + far * (high - low) for far in FAR} | {min(0.0, low)}
    if column.role == "score" and recipe.threshold is not None:
        edges.add(float(recipe.threshold))
    return sorted(edges)


def _categories(batches: Batches, names: Sequence[str], recipe: Recipe) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {name: Counter() for name in names}
    for data in _read(batches, names, recipe):
        for name in found.keys() & data.keys():
            coded = as_coded(data[name])
            rows = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.values))
            for value, many in zip(coded.values, rows.tolist(), strict=False):
                text = text_of(value)
                if many and isinstance(text, str):
                    found[name][text] += many
    return found


def _tokens(name: str, counts: Counter[str], noise: Noise, recipe: Recipe) -> list[str]:
    """The common ones, the commonest first."""
    threshold = max(recipe.min_count, recipe.privacy.contribution + noise.reached(UNSEEN))
    noised = [
        (-(many + noise.draw()), token_of(recipe.key, recipe.model, name, text))
        for text, many in counts.items()
    ]
    return [token for less, token in sorted(noised)[:MAX_CELLS] if -less >= threshold]
