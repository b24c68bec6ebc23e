"""Which cell a number falls into, for unequal bins, at a few nanoseconds a number.

Cells of k bins: 0 missing, 1 invalid, 2 below, 3 .. k+2 the bins, k+3 above. Bin i is
[edges[i], edges[i+1]), the last one closed on the right. NaN is missing, an infinity invalid.

`exact_cells` says so by binary search, at 25 ns a number. `Bins` first looks the number up in a
fine, equally spaced grid: floor(x * scale) - origin is monotone in x, also in floating point, so a
slot between two edges belongs to one bin, and only numbers in a slot that an edge cuts need the
search. The scale is a power of two: whole numbers, the commonest edges, begin a slot and cut none.

>>> Bins([0.0, 10.0, 25.0]).count(np.array([3.0, 10.0, 25.0, 26.0, -1.0, np.nan, np.inf])).tolist()
[1, 1, 1, 1, 2, 1]
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MISSING, INVALID, BELOW, FIRST_BIN = 0, 1, 2, 3
SLOTS = 8192
UNSURE = 255
BLOCK = 262_144  # numbers that are counted at a time
CHUNK = 32_768  # numbers whose scratch arrays stay in the second-level cache

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Cells = npt.NDArray[np.uint8]


def exact_cells(values: npt.NDArray[Any], edges: Floats) -> Cells:
    """The cell of each number, by definition. `edges` increase."""
    cells = np.full(values.shape, MISSING, np.uint8)
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        return cells
    values = values[known].astype(np.float64)
    found = np.searchsorted(edges, values, side="right") + BELOW
    found[values == edges[-1]] = BELOW + len(edges) - 1
    found[np.isinf(values)] = INVALID
    cells[known] = found
    return cells


class Bins:
    """The bins of one column."""

    def __init__(self, edges: Sequence[float]) -> None:
        self.edges = np.array(edges, np.float64)
        self.size = len(edges) + 3
        self._grids = {np.dtype(kind): _Grid(self.edges, kind) for kind in (np.float32, np.float64)}

    def cells(self, values: npt.NDArray[Any]) -> Cells:
        """The cell of each number. `values` is any real array; others than float32 are widened."""
        cells = np.empty(len(values), np.uint8)
        at = 0
        for part in self._parts(values):
            cells[at : at + len(part)] = part
            at += len(part)
        return cells

    def count(self, values: npt.NDArray[Any]) -> Ints:
        """How many numbers fall into each cell, in one pass and constant memory."""
        counts = np.zeros(self.size, np.int64)
        for part in self._parts(values):
            counts += count_cells(part, self.size)
        return counts

    def _parts(self, values: npt.NDArray[Any]) -> Iterator[Cells]:
        """Blocks of cells; each is overwritten by the next."""
        out = np.empty(min(len(values), BLOCK), np.uint8)
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            if block.dtype not in self._grids or not self._grids[block.dtype].usable:
                block = block.astype(np.float64)
            cells = out[: len(block)]
            self._grids[block.dtype].look_up(block, cells)
            unsure = np.flatnonzero(cells == UNSURE)
            if unsure.size:
                cells[unsure] = exact_cells(block[unsure], self.edges)
            yield cells


class _Grid:
    """Equal slots from somewhat below the first edge to somewhat above the last, for one dtype."""

    def __init__(self, edges: Floats, kind: type[np.float32] | type[np.float64]) -> None:
        self.kind = kind
        span = (edges[-1] - edges[0]) * 1.5
        exponent = np.clip(np.floor(np.log2(SLOTS) - np.log2(span)), -900, 900)
        scale, low = 2.0**exponent, edges[0] - span / 6
        origin = np.floor(low * scale)
        # In single precision, numbers far from zero would fall into too few slots.
        self.usable = kind is np.float64 or (abs(exponent) < 60 and abs(origin) < 2**22)
        if self.usable:
            self.scale, self.origin = kind(scale), kind(origin)
            self.table = self._table(edges)

    def look_up(self, values: npt.NDArray[Any], cells: Cells) -> None:
        """Write each number's cell, or UNSURE."""
        grid = np.empty(min(len(values), CHUNK), self.kind)
        slots = np.empty(len(grid), np.int32)
        for start in range(0, len(values), CHUNK):
            chunk = values[start : start + CHUNK]
            size = len(chunk)
            self._find_slots(chunk, grid[:size], slots[:size])
            np.take(self.table, slots[:size], out=cells[start : start + size], mode="clip")

    def _find_slots(
        self, values: npt.NDArray[Any], grid: npt.NDArray[Any], slots: npt.NDArray[np.int32]
    ) -> None:
        """Write each number's slot, by way of `grid`.

        What is no number, or too large for an integer, becomes the smallest or the largest one.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            np.multiply(values, self.scale, out=grid)
            np.floor(grid, out=grid)
            np.subtract(grid, self.origin, out=grid)
            np.copyto(slots, grid, casting="unsafe")

    def _slots_of(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        slots = np.empty(len(values), np.int32)
        self._find_slots(values, np.empty(len(values), self.kind), slots)
        return np.clip(slots, 0, SLOTS - 1)

    def _table(self, edges: Floats) -> Cells:
        """A slot's cell. Unsure: both ends, and slots with numbers on both sides of an edge."""
        rounded = edges.astype(self.kind)
        up = np.nextafter(rounded, self.kind(np.inf))
        from_edge = np.where(rounded.astype(np.float64) >= edges, rounded, up)
        before_edge = np.nextafter(from_edge, self.kind(-np.inf))
        starts = self._slots_of(from_edge)
        table = np.searchsorted(starts, np.arange(SLOTS), side="right") + BELOW
        cut = starts == self._slots_of(before_edge)
        table[starts[cut]] = UNSURE
        table[starts[-1]] = UNSURE  # the last edge itself is inside, what follows it above
        table[[0, -1]] = UNSURE
        return table.astype(np.uint8)


def count_cells(cells: Cells, size: int) -> Ints:
    """How often each of `size` cells occurs.

    Long arrays are read as pairs, which halves the increments: the pairs' table has 256 columns.
    """
    if len(cells) < 4096:
        return np.bincount(cells, minlength=size)
    even = len(cells) & ~1
    pairs = np.bincount(cells[:even].view(np.uint16), minlength=256 * size).reshape(size, 256)
    counts: Ints = pairs.sum(axis=1) + pairs.sum(axis=0)[:size]
    return counts + np.bincount(cells[even:], minlength=size)
