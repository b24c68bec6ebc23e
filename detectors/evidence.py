"""What one window says by itself: rates, distances and p-values, for people who look."""

import numpy as np

from detectors.baselines import RATES, Known, KnownBlock, rate_hits
from detectors.counted import Counted
from detectors.figures import Figures, joined
from detectors.reading import VALUES, Array
from detectors.statistics.counts import Sample
from detectors.statistics.effects import total_variation
from detectors.statistics.integrity import volume_interval
from detectors.statistics.ks import ks_test
from detectors.statistics.proportions import wilson
from detectors.statistics.quadratic import quadratic_test


def integrity(known: Known, counted: Counted) -> list[Figures]:
    """Rates of missing, invalid, out-of-range and other-category rows, with their limits."""
    parts: dict[str, list[Figures]] = {}
    for block, counts in zip(known.blocks, counted.cells, strict=True):
        limits = {w.detector: w.limits for w in block.watched}
        for rate in RATES[block.block.kind]:
            hits, rows = rate_hits(rate, counts), counts.sum(axis=1)
            value, low, high = wilson(hits, rows, counted.noise.variance)
            upper = limits[rate].high[counted.season, :, 0]
            figures = Figures(rate, block.block.names, value, low, high, limit=upper)
            parts.setdefault(rate, []).append(figures)
    return [joined(figures) for figures in parts.values()]


def volume(known: Known, rows: int, level: float) -> Figures:
    """How many rows came, and how many the reference windows let expect but for chance `level`."""
    low, high = volume_interval(known.volumes, level)
    return Figures("volume", ["rows"], np.array([float(rows)]), np.array([low]), np.array([high]))


def drift(known: Known, counted: Counted, rng: np.random.Generator) -> list[Figures]:
    """How far each column's distribution has moved (total variation), and how likely by chance.

    Numeric columns by Kolmogorov-Smirnov, the others by the quadratic form Q.
    """
    parts: dict[str, list[Figures]] = {}
    for block, counts in zip(known.blocks, counted.cells, strict=True):
        x, r = counts[:, VALUES:], block.cells[:, VALUES:]
        current = Sample(x, x.sum(axis=1), counted.noise)
        reference = Sample(r, r.sum(axis=1), known.noise)
        if block.block.kind == "numeric":
            _, p_value = ks_test(current, reference, rng)
        else:
            _, p_value = quadratic_test(current, reference)
        detector = "ks" if block.block.kind == "numeric" else "q"
        figures = Figures(detector, block.block.names, total_variation(x, r), p_value=p_value)
        parts.setdefault(detector, []).append(figures)
    return [joined(figures) for figures in parts.values()]


def widest_gap(block: KnownBlock, cells: Array, column: int) -> tuple[int, float, float, float]:
    """Where a column differs most from the reference: (place, share now, share then, rows).

    For a numeric column the place is the edge below which the shares are taken; for the others it
    is the cell of the distribution.
    """
    x, r = cells[column, VALUES:], block.cells[column, VALUES:]
    n, m = max(x.sum(), 1.0), max(r.sum(), 1.0)
    now, then = x / n, r / m
    if block.block.kind == "numeric":
        now, then = np.cumsum(now)[:-1], np.cumsum(then)[:-1]
    place = int(np.argmax(np.abs(now - then)))
    return place, float(now[place]), float(then[place]), float(x.sum())
