"""From a recipe's slices to bands: which cells of a column are watched together."""

from collections.abc import Mapping, Sequence

import numpy as np

from .binning import BELOW, FIRST_BIN, Bins
from .frames import Array, as_numbers
from .recipe import UNSLICED
from .statement import Refused
from .tables import MAX_SLICE_CELLS, MAX_SLICES, Column, Slice

QUARTERS = (0.25, 0.5, 0.75)
MOST_CROSSED = int(MAX_SLICE_CELLS**0.5)  # bands of a column that is crossed with another


def make_slices(
    asked: Sequence[str | Sequence[str]], columns: Sequence[Column], sampled: Mapping[str, Array]
) -> list[Slice]:
    """The slices of a recipe: a column's name, or two."""
    pairs = [(one,) if isinstance(one, str) else tuple(one) for one in asked]
    by_name = {column.name: column for column in columns if column.role not in UNSLICED}
    distinct = {frozenset(names) for names in pairs}
    if len(distinct) < len(pairs) or len(pairs) > MAX_SLICES:
        raise Refused(
            "baseline.slices", f"There are at most {MAX_SLICES} slices, each of them given once."
        )
    if any(len(set(names)) not in (1, 2) or set(names) - set(by_name) for names in pairs):
        raise Refused(
            "baseline.slices",
            "A slice is one column or two, of those that are counted and are neither a score, a "
            "group, nor known only later.",
        )
    bands = {name: _bands(by_name[name], sampled.get(name)) for names in pairs for name in names}
    return [
        Slice(
            columns=list(names),
            starts=[bands[name][: MOST_CROSSED if len(names) > 1 else None] for name in names],
        )
        for names in pairs
    ]


def _bands(column: Column, values: Array | None) -> list[int]:
    """The first cells of the bands. What is missing or invalid is one band.

    A number has about four more, with equally many sampled rows, or bins where none may be looked
    at; what lies outside the bins goes with the lowest and the highest.
    """
    if column.kind != "numeric":
        return [0, *range(2, column.size)]
    counts = np.ones(column.size - BELOW, np.int64)
    if values is not None:
        counts = Bins(column.edges).count(as_numbers(values))[BELOW:]
    below = np.cumsum(counts) - counts  # rows before each cell
    targets = np.multiply(QUARTERS, counts.sum())
    cells = {BELOW + int(np.abs(below - target).argmin()) for target in targets}
    return [0, BELOW, *sorted(cells & set(range(FIRST_BIN, column.size)))]
