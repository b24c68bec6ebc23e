"""Means of numbers that are made of whole rows: second moments, and random features of vectors.

Raw tables: ("map", name) is the sum of those numbers over the rows that have all of them, and
("map rows", name), (1,), how many rows that are. A row with a missing, invalid or infinite value,
or one beyond 1e60, is left out.

Told is the mean, rounded far below its sampling error, and the number of rows to two digits: how
many rows were left out could be a small count.
"""

import math

import numpy as np

from .batch import Batch, Floats, Tables
from .cutting import Cutting
from .design import Design
from .frames import Array, as_vectors
from .tables import LARGEST, Map, MapMeans

CHUNK = 8_192  # rows at a time


def count_maps(batch: Batch, design: Design) -> Tables:
    """Each map's sums over its rows."""
    tables: Tables = {}
    for one in design.maps:
        rows = _rows_of(batch, one)
        rows = rows[(np.abs(rows) <= LARGEST).all(axis=1)]
        total = np.zeros(one.length)
        for start in range(0, len(rows), CHUNK):
            total += _sums(rows[start : start + CHUNK], one)
        tables["map", one.name] = total
        tables["map rows", one.name] = np.array([len(rows)])
    return tables


def _rows_of(batch: Batch, one: Map) -> Floats:
    """A row of numbers for each of the batch's: (rows, dimension)."""
    if one.kind == "second_moments":
        return np.stack([batch.numbers(name) for name in one.columns], axis=1)
    [name] = one.columns
    if name not in batch.data:
        return np.full((batch.rows, 1), np.nan)
    return as_vectors(batch.data[name], one.dimension or 0)


def _sums(rows: Floats, one: Map) -> Floats:
    if one.kind == "second_moments":
        return moments(rows, one)
    total: Floats = features(rows, one).sum(axis=0)
    return total


def moments(rows: Floats, one: Map) -> Floats:
    """Sums of z and of z_i z_j for i <= j: the standardised row, cut to length `clip`."""
    z = (rows - one.centre) / one.scale
    length = np.linalg.norm(z, axis=1, keepdims=True)
    z *= np.minimum(1, (one.clip or 0) / np.maximum(length, np.finfo(float).tiny))
    return np.concatenate([z.sum(axis=0), (z.T @ z)[np.triu_indices(z.shape[1])]])


def features(rows: Floats, one: Map) -> Floats:
    """Cosines, then sines, of random projections: (rows, size), each row of length 1."""
    assert one.size and one.bandwidth and one.dimension
    half = one.size // 2
    random = np.random.Generator(np.random.PCG64(one.seed))
    directions = random.standard_normal((half, one.dimension))
    angles = rows / one.bandwidth @ directions.T
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / math.sqrt(half)


def tell_maps(cutting: Cutting, part: int, design: Design) -> dict[str, MapMeans]:
    """One part's means. A map is told of all parts that have rows for it, or of none."""
    told = {}
    for one in design.maps:
        least = max(one.least_rows, cutting.min_count)
        counts = cutting.lines("map rows", one.name)[:, 0].tolist()
        rows = [
            rows_of_means(count, whole.rows, cutting.min_count)
            for count, whole in zip(counts, cutting.parts, strict=True)
        ]
        if rows[part] and all(count == 0 or count >= least for count in rows):
            tables = cutting.parts[part].tables
            mean = tables["map", one.name] / tables["map rows", one.name]
            told[one.name] = MapMeans(rows=rows[part], mean=_rounded(mean, rows[part]))
    return told


def _rounded(mean: Array, rows: int) -> list[float]:
    """To a hundredth or a tenth of the sampling error of numbers near 1."""
    decimals = math.ceil(math.log10(10 * math.sqrt(rows)))
    return [round(value, decimals) + 0.0 for value in mean.tolist()]


def rows_of_means(rows: int, of: int, min_count: int) -> int:
    """How many rows means are said to rest on: rounded down, and further down where that would tell
    of a few among all `of` rows that were left out."""
    told = two_digits(min(rows, of))
    if told == two_digits(of) or of - told >= min_count:
        return told
    return two_digits(max(of - min_count, 0))


def two_digits(rows: int) -> int:
    """The number of rows, rounded down."""
    unit: int = 10 ** max(len(str(rows)) - 2, 0)
    return rows // unit * unit
