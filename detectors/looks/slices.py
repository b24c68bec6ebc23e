"""Where the model decides otherwise or worse: its slices, and what they add to a change.

slice_decision    share of positive decisions in each slice; `limit` is the reference's
slice_error       share of wrong decisions (or mean absolute error) in each slice, likewise
slice_worse       how much worse than all other rows: difference, its interval, q-value
slice_worsened    the same against the slice's own past
mix_decision, mix_error   "columns:total", ":mix", ":within": how much of the change from the
                  reference comes from other rows, how much from rows treated otherwise

A window's bands may be merged further than the reference's, or the reverse: both are held against
each other in the bands that they share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countersign.tables import Labels, Slice, SliceTable
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.findings.wording import band
from detectors.learning.known import Known
from detectors.reading import Array
from detectors.statistics.decomposition import decompose
from detectors.statistics.estimate import Estimate
from detectors.statistics.proportions import wilson
from detectors.statistics.slices import (
    Losses,
    SliceFindings,
    decisions,
    ranking,
    worse_than_before,
    worse_than_rest,
)

SHOWN = 40

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Compared:
    """One slicing in the bands that both sides tell: names, and losses now and in the reference."""

    about: str
    names: list[str]
    now: Losses
    then: Losses


def by_decision(known: Known, counted: Counted) -> list[Figures]:
    """Who gets a positive decision, by slice."""
    tables = [tally.slices for tally in counted.told]
    compared = _compare(known, tables, known.statement.total.slices)
    return _shares("slice_decision", compared) + _mix("mix_decision", compared)


def by_error(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """Where decisions are wrong, by slice."""
    reference = known.statement.labels
    compared = _compare(
        known, [one.slices for one in labels], reference.slices if reference else []
    )
    if not compared:
        return []
    return [
        *_shares("slice_error", compared),
        *_worse(compared),
        *_mix("mix_error", compared),
    ]


def _compare(
    known: Known,
    parts: Sequence[Sequence[SliceTable | None]],
    reference: Sequence[SliceTable | None],
) -> list[_Compared]:
    """Every slicing that all parts (shards) and the reference tell."""
    found = []
    for i, one in enumerate(known.statement.slices):
        told = [part[i] if i < len(part) else None for part in parts]
        usual = reference[i] if i < len(reference) else None
        tables = [table for table in (*told, usual) if table is not None]
        if usual is None or not told or len(tables) < len(told) + 1 or _measure(usual) is None:
            continue
        starts = _shared_starts(one, tables)
        cells = [_coarse(table, one, starts) for table in tables]
        now, then = np.sum(cells[:-1], axis=0), cells[-1]
        names = ["; ".join(bands) for bands in _band_names(known, one, starts)]
        found.append(
            _Compared(" and ".join(one.columns), names, _losses(usual, now), _losses(usual, then))
        )
    return found


def _measure(table: SliceTable) -> Sequence[float | None] | None:
    return table.hits if table.hits is not None else table.loss


def _grid(line: Sequence[float | None], one: Slice) -> Array:
    sizes = [len(starts) for starts in one.starts]
    return np.array(line, float).reshape(sizes[0], sizes[1] if len(sizes) > 1 else 1)


def _shared_starts(one: Slice, tables: Sequence[SliceTable]) -> tuple[Indices, Indices]:
    """The bands of each side that every table begins, as indices."""
    kept = [~np.isnan(_grid(table.rows, one)) for table in tables]
    down = np.logical_and.reduce([k[:, 0] for k in kept])
    across = np.logical_and.reduce([k[0] for k in kept])
    return np.flatnonzero(down), np.flatnonzero(across)


def _coarse(table: SliceTable, one: Slice, starts: tuple[Indices, Indices]) -> Array:
    """Rows and measure, (2, bands crossed), summed to the shared bands."""
    measure = _measure(table)
    assert measure is not None
    lines = [np.nan_to_num(_grid(line, one)) for line in (table.rows, measure)]
    summed = [
        np.add.reduceat(np.add.reduceat(g, starts[0], axis=0), starts[1], axis=1) for g in lines
    ]
    return np.array([s.ravel() for s in summed])


def _losses(table: SliceTable, cells: Array) -> Losses:
    """Hits are 0 or 1. Of absolute errors only sums are told: their spread is taken to grow with
    their mean, as it does where errors are exponential."""
    rows, measure = cells
    if table.hits is not None:
        return decisions(measure, rows - measure)
    squares = 2 * measure**2 / np.maximum(rows, 1.0)
    return Losses(rows, measure, squares)


def _band_names(known: Known, one: Slice, starts: tuple[Indices, Indices]) -> list[list[str]]:
    columns = {c.name: c for c in known.statement.columns}
    sides = []
    for name, cells, kept in zip(one.columns, one.starts, starts, strict=False):
        begins = [cells[k] for k in kept]
        ends = [*begins[1:], columns[name].size]
        sides.append([band(columns[name], a, b) for a, b in zip(begins, ends, strict=True)])
    return (
        [[a, b] for a in sides[0] for b in sides[1]] if len(sides) > 1 else [[a] for a in sides[0]]
    )


def _joined(compared: Sequence[_Compared], side: str) -> Losses:
    losses = [getattr(each, side) for each in compared]
    squares = None
    if losses[0].squares is not None:
        squares = np.concatenate([one.squares for one in losses])
    return Losses(
        np.concatenate([one.rows for one in losses]),
        np.concatenate([one.total for one in losses]),
        squares,
    )


def _shares(detector: str, compared: Sequence[_Compared]) -> list[Figures]:
    """The mean of every slice that is large enough, with its interval."""
    if not compared:
        return []
    names = [name for each in compared for name in each.names]
    now, then = _joined(compared, "now"), _joined(compared, "then")
    value, low, high = wilson(now.total, now.rows)
    if now.squares is not None:
        spread = 1.96 * np.sqrt(now.variance / np.maximum(now.rows, 1.0))
        value, low, high = now.mean, now.mean - spread, now.mean + spread
    told = np.flatnonzero(now.told)
    usual = np.where(then.told, then.mean, np.nan)[told]
    shown = [names[i] for i in told]
    return [Figures(detector, shown, value[told], low[told], high[told], limit=usual)]


def _worse(compared: Sequence[_Compared]) -> list[Figures]:
    names = [name for each in compared for name in each.names]
    now, then = _joined(compared, "now"), _joined(compared, "then")
    first = compared[0].now
    overall = Losses(
        first.rows.sum(), first.total.sum(), None if first.squares is None else first.squares.sum()
    )
    return [
        _ranked("slice_worse", names, worse_than_rest(now, overall)),
        _ranked("slice_worsened", names, worse_than_before(now, then, first.rows.sum())),
    ]


def _ranked(detector: str, names: Sequence[str], found: SliceFindings) -> Figures:
    """The worst first; `p_value` is the q-value, which allows for how many slices there are."""
    order = [i for i in ranking(found) if found.told[i]][:SHOWN]
    value, low, high = (part[order] for part in found.effect[:3])
    return Figures(
        detector, [names[i] for i in order], value, low, high, p_value=found.q_value[order]
    )


def _mix(detector: str, compared: Sequence[_Compared]) -> list[Figures]:
    names: list[str] = []
    estimates: list[Estimate] = []
    for each in compared:
        parts = decompose(each.now, each.then)
        names += [f"{each.about}:{part}" for part in ("total", "mix", "within")]
        estimates += [parts.total, parts.mix, parts.within]
    if not names:
        return []
    value, low, high = (np.array([float(e[i]) for e in estimates]) for i in range(3))
    return [Figures(detector, names, value, low, high)]
