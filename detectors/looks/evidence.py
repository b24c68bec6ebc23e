"""What one window says by itself: rates, distances and p-values, for people who look."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from detectors.counted import Counted
from detectors.figures import Figures, joined
from detectors.learning.known import RATES, Known, KnownBlock, rate_hits
from detectors.reading import VALUES, Array, Block
from detectors.statistics.chance import chance_limits
from detectors.statistics.counts import Sample
from detectors.statistics.effects import (
    hellinger,
    jensen_shannon,
    psi,
    total_variation_interval,
    wasserstein,
)
from detectors.statistics.integrity import volume_interval
from detectors.statistics.ks import ks_test
from detectors.statistics.moments import Places, binning_doubt, changes, lay_out, moments
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.power import (
    detectable_change,
    detectable_gap,
    rows_for_change,
    rows_for_gap,
)
from detectors.statistics.proportions import wilson
from detectors.statistics.quadratic import quadratic_test

Limits = dict[str, Array]


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


SHIFT = 0.1


@dataclass(frozen=True)
class _Pair:
    """A block of columns, now and in the reference."""

    block: Block
    now: Sample
    then: Sample

    @property
    def names(self) -> list[str]:
        return self.block.names

    def size(self, size: Callable[[Array, Array], Array]) -> Array:
        return size(self.now.counts, self.then.counts)


def drift(known: Known, counted: Counted) -> list[Figures]:
    """How each column's distribution differs from the reference's, in every measure.

    `ks` (numeric columns) and `q` (the others) are the share of rows that lie elsewhere, with its
    interval, how likely chance alone does that, and as `limit` what chance alone exceeds in 5 % of
    windows. `effect_` and a name are other sizes, with that limit. `q_value` is over all columns
    together, `smallest_shift` the share of rows elsewhere that this window would have shown, and as
    `limit` how many rows it takes to show a share of SHIFT.
    """
    tests = np.random.default_rng(counted.seed)
    chance = np.random.default_rng([counted.seed, 1])
    parts: dict[str, list[Figures]] = {}
    for block, counts in zip(known.blocks, counted.cells, strict=True):
        x, r = counts[:, VALUES:], block.cells[:, VALUES:]
        now = Sample(x, x.sum(axis=1), counted.noise)
        pair = _Pair(block.block, now, Sample(r, r.sum(axis=1), known.noise))
        if block.block.kind == "numeric":
            measured = _numeric(pair, ks_test(pair.now, pair.then, tests)[1], chance)
        else:
            measured = _unordered(pair, quadratic_test(pair.now, pair.then)[1], chance)
        for figures in measured:
            parts.setdefault(figures.detector, []).append(figures)
    found = {detector: joined(figures) for detector, figures in parts.items()}
    tested = [found[name] for name in ("ks", "q") if name in found]
    q = benjamini_hochberg(np.concatenate([figures.p_value for figures in tested]))
    names = [name for figures in tested for name in figures.names]
    return [*found.values(), Figures("q_value", names, q)]


def _numeric(pair: _Pair, p_value: Array, chance: np.random.Generator) -> Iterator[Figures]:
    edges = np.array([column.edges for column in pair.block.columns])
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    steps = np.diff(np.hstack([edges[:, :1], middles, edges[:, -1:]]), axis=1)
    limits = chance_limits(pair.now, pair.then, chance, steps)
    yield _moved("ks", pair, p_value, limits)
    yield from _sizes(pair, limits)
    moved = pair.size(lambda x, r: wasserstein(x, r, steps))
    yield Figures("effect_wasserstein", pair.names, moved, limit=limits["wasserstein"])
    needed = rows_for_gap(SHIFT, pair.then, pair.now.noise)
    yield Figures("smallest_shift", pair.names, detectable_gap(pair.now, pair.then), limit=needed)
    yield from _moments(pair, lay_out(edges, pair.then.counts))


def _unordered(pair: _Pair, p_value: Array, chance: np.random.Generator) -> Iterator[Figures]:
    limits = chance_limits(pair.now, pair.then, chance)
    yield _moved("q", pair, p_value, limits)
    yield from _sizes(pair, limits)
    visible = detectable_change(pair.now, pair.then)
    needed = rows_for_change(SHIFT, pair.then, pair.now.noise)
    yield Figures("smallest_shift", pair.names, visible, limit=needed)


def _moved(detector: str, pair: _Pair, p_value: Array, limits: Limits) -> Figures:
    """Total variation: the size that people are shown."""
    moved = total_variation_interval(pair.now, pair.then)
    limit = limits["total_variation"]
    return Figures(detector, pair.names, moved.value, moved.low, moved.high, p_value, limit)


def _sizes(pair: _Pair, limits: Limits) -> Iterator[Figures]:
    """The other sizes that need no order."""
    for size in (hellinger, jensen_shannon, psi):
        name = size.__name__
        yield Figures(f"effect_{name}", pair.names, pair.size(size), limit=limits[name])


def _moments(pair: _Pair, places: Places) -> Iterator[Figures]:
    """Mean and standard deviation, and as `limit` the reference's; then, how far either could be
    off if rows lie elsewhere in their bins."""
    names = [f"{name}:{moment}" for moment in ("mean", "sd") for name in pair.names]
    now, then = moments(pair.now, places), moments(pair.then, places)
    change = changes(pair.now, pair.then, places)
    value, low, high = (np.concatenate([one[i] for one in now]) for i in range(3))
    p_value = np.concatenate([change.mean_p, change.sd_p])
    reference = np.concatenate([one.value for one in then])
    yield Figures("moments", names, value, low, high, p_value, reference)
    yield Figures("moments_binning", names, np.concatenate(binning_doubt(pair.now, places)))


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
