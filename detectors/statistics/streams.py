"""Counts as success/failure streams: what the e-detectors watch.

A stream belongs to one column (or one rate) and has `edges`: the ways to split its rows into
successes and failures. An ordered column is split at each inner bin edge (rows at or below it), an
unordered one at each cell (rows in it), a rate once (rows that are missing, say).
"""

from dataclasses import dataclass

import numpy as np

from detectors.statistics.counts import Array


@dataclass(frozen=True)
class Streams:
    """Successes (..., streams, edges) out of totals (..., streams); a leading axis is windows.

    `inside` and `outside` (edges,) say how many cells were added up into the successes and into the
    failures: noise grows with them. Totals must be sums of the same cells, not a separate figure.
    """

    successes: Array
    totals: Array
    inside: Array
    outside: Array


def ordered_streams(counts: Array) -> Streams:
    """Split counts (..., columns, bins) at each of the bins - 1 inner edges.

    >>> ordered_streams(np.array([[5.0, 3.0, 2.0]])).successes
    array([[5., 8.]])
    """
    bins = counts.shape[-1]
    inside = np.arange(1.0, bins)
    below = np.cumsum(counts, axis=-1)[..., :-1]
    return Streams(below, counts.sum(axis=-1), inside, bins - inside)


def unordered_streams(counts: Array) -> Streams:
    """Split counts (..., columns, cells) into each cell against the rest."""
    cells = counts.shape[-1]
    return Streams(counts, counts.sum(axis=-1), np.ones(cells), np.full(cells, cells - 1.0))


def rate_streams(hits: Array, totals: Array, cells: int = 2, hit_cells: int = 1) -> Streams:
    """One share per stream: hits (..., streams), the sum of `hit_cells` of the column's `cells`.

    `totals` (..., streams) is the sum of all of them.
    """
    inside = np.full(1, float(hit_cells))
    return Streams(hits[..., None], totals, inside, cells - inside)
