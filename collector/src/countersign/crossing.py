"""Tables of two columns' bands crossed, cut in whole lines.

A table's cuts are the places, one row after the other, at which its runs start: every kept band of
the first column with every kept one of the second.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .frames import Array
from .merging import Starts, Step, merge_steps
from .steps import count_lines

FLOORS = (1, 2, 4, 8, 16)


def cut_product(
    parts: Array,
    within: Starts,
    min_count: int,
    since: Sequence[tuple[Array, Starts]] = (),
    room: Sequence[float] = (),
) -> Starts | None:
    """Where the runs start. None if the table as a whole is too small.

    `parts` is (parts, lines, first bands, second bands), and `since` has the like steps (lines,
    first bands, second bands) since earlier releases, with their cuts; the last lines are no counts
    if there is `room`, see `steps.count_lines`. `within` crosses the bands at which runs may start.
    The second bands are merged first, in the sums over the first; the larger they are made, the
    fewer of the first need merging: the floor that leaves most cells is the best.
    """
    width = parts.shape[3]
    lines = parts[:, : parts.shape[1] - len(room)].reshape(-1, *parts.shape[2:])
    first, second = uncross(within, width)
    best: Starts | None = None
    for floor in FLOORS:
        steps = [_step_of_second(step, cuts, room) for step, cuts in since]
        down = merge_steps(lines.sum(axis=1), steps, floor * min_count, second)
        if down is None:
            break
        steps = [_step_of_first(step, cuts, room, down) for step, cuts in since]
        own = _by_run(lines, down).reshape(-1, lines.shape[1])
        across = merge_steps(own, steps, min_count, first)
        if across is not None and (best is None or len(across) * len(down) > len(best)):
            best = np.add.outer(across * width, down).ravel()
    return best


def _step_of_second(step: Array, cuts: Starts, room: Sequence[float]) -> Step:
    """The step of the second bands, in the sums over the first."""
    _, at = uncross(cuts, step.shape[2])
    return Step(count_lines(step.sum(axis=1)[None], at, room), at)


def _step_of_first(step: Array, cuts: Starts, room: Sequence[float], down: Starts) -> Step:
    """The step of the first bands, in every run of second ones that both releases have."""
    at, kept = uncross(cuts, step.shape[2])
    return Step(count_lines(_by_run(step, np.intersect1d(kept, down)), at, room), at)


def uncross(starts: Starts, width: int) -> tuple[Starts, Starts]:
    """The first and the second bands whose crossing the runs start at."""
    return np.unique(starts // width), np.unique(starts % width)


def _by_run(lines: Array, down: Starts) -> Array:
    """(lines, first bands, second bands) to (runs of second bands, lines, first bands)."""
    return np.moveaxis(np.add.reduceat(lines, down, axis=2), 2, 0)


def crossed_runs(table: Array, starts: Starts) -> list[Any]:
    """The crossed bands as they are told: a run's total in its first one, None in the others."""
    across, down = uncross(starts, table.shape[1])
    totals = np.add.reduceat(np.add.reduceat(table, across, axis=0), down, axis=1)
    told: list[Any] = [None] * table.size
    for start, total in zip(starts.tolist(), totals.ravel().tolist(), strict=True):
        told[start] = total
    return told
