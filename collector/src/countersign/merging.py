"""The small-cell rule: no count of 1 to min_count - 1 is told, nor can be worked out.

Neighbouring cells are merged into runs until every run holds 0 rows or at least `min_count`, in
every one of several lines at once. Lines are tables of parts of the same rows: a group and those
outside it, each window of a series, each label. Since they are cut at the same places, subtracting
one from another, or all of them from their sum, gives a sum of runs of the same lines, and so never
a small count. A table is cut only where the table that it is a part of is cut.

A run is named by its first cell; `starts` are the first cells of all runs, beginning with 0.

>>> merge_small(np.array([[0, 3, 9, 40, 2]]), 11).tolist()
[0, 1, 3]
>>> runs(np.array([0, 3, 9, 40, 2]), np.array([0, 1, 3]))
[0, 12, None, 42, None]
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Starts = npt.NDArray[np.intp]
Lines = npt.NDArray[Any]  # whole numbers


class Step(NamedTuple):
    """What came to a table since an earlier release of it, (lines, cells), and where that was cut.

    Lines may be negative. They need be right only as totals of the earlier release's runs.
    """

    lines: Lines
    starts: Starts


def merge_small(
    lines: Lines, min_count: int, within: Starts | None = None, prefer: int | None = None
) -> Starts:
    """Where the runs start. `lines` is (lines, cells); `within`, where they may start.

    Each line as a whole must be safe: 0 or at least `min_count`. A run starts at the cell `prefer`
    if both sides of it are safe, such as at a decision threshold.
    """
    if within is None:
        within = np.arange(lines.shape[1])
    pieces = np.add.reduceat(lines, within, axis=1)
    middle = 0 if prefer is None or prefer not in within else within.tolist().index(prefer)
    sides = [pieces[:, :middle], pieces[:, middle:]]
    if not middle or not all(is_safe(side.sum(axis=1), min_count) for side in sides):
        return within[_merge(pieces, min_count)]
    starts = [_merge(sides[0], min_count), [middle + i for i in _merge(sides[1], min_count)]]
    return within[np.concatenate(starts).astype(np.intp)]


def _merge(pieces: Lines, min_count: int) -> list[int]:
    """From left to right, a run ends as soon as it is safe; an unsafe end joins the runs before."""
    assert is_safe(pieces.sum(axis=1), min_count), "a line as a whole is too small to tell"
    starts: list[int] = []
    totals: list[Lines] = []
    begin, run = 0, np.zeros(len(pieces), np.int64)
    for i, piece in enumerate(pieces.T, start=1):
        run = run + piece
        if is_safe(run, min_count):
            starts.append(begin)
            totals.append(run)
            begin, run = i, np.zeros_like(run)
    if begin < pieces.shape[1]:
        while not is_safe(run, min_count):
            run = run + totals.pop()
            begin = starts.pop()
        starts.append(begin)
    return starts


def merge_steps(
    lines: Lines,
    steps: Sequence[Step],
    min_count: int,
    within: Starts | None = None,
    prefer: int | None = None,
) -> Starts | None:
    """Where the runs start, such that no earlier release, subtracted, gives a small count.

    Subtracting gives the steps at the cuts that both releases have, so there these are safe. And
    between two such cuts only one of both is cut any further: runs that overlapped would give the
    step in one of them together with the few rows by which they differ. None if the lines or the
    steps are too small as a whole.
    """
    wholes = [lines.sum(axis=1), *(step.lines.sum(axis=1) for step in steps)]
    if not all(is_safe(whole, min_count) for whole in wholes):
        return None
    within = np.arange(lines.shape[1]) if within is None else within

    def cut(first: int, last: int) -> Starts:
        finer = [step for step in steps if ((first < step.starts) & (step.starts < last)).any()]
        allowed = within[(first <= within) & (within < last)]
        for step in finer:
            allowed = np.intersect1d(allowed, step.starts)
        both = np.concatenate([lines, *(step.lines for step in finer)])[:, first:last]
        middle = None if prefer is None else prefer - first
        starts = first + merge_small(both, min_count, allowed - first, middle)
        if not finer or len(starts) == 1:
            return starts
        return np.concatenate([cut(a, b) for a, b in pairwise([*starts.tolist(), last])])

    return cut(0, lines.shape[1])


def is_safe(counts: Lines, min_count: int) -> bool:
    """Every count is 0 or at least `min_count`; so is what was taken away, as a negative count."""
    return not ((counts != 0) & (np.abs(counts) < min_count)).any()


def runs(cells: npt.NDArray[Any], starts: Starts) -> list[Any]:
    """The cells as they are told: a run's total in its first cell, None in the others."""
    told: list[Any] = [None] * len(cells)
    for start, total in zip(starts, np.add.reduceat(cells, starts), strict=True):
        told[start] = total.item()
    return told


def safe_groups(groups: npt.NDArray[np.int64], rest: Lines, min_count: int) -> list[int]:
    """Which groups can be told apart such that the rows of all others together can be too.

    `groups` is (groups, lines) and `rest` (lines,): row totals. The largest come first; the
    smallest are given up first.
    """
    largest_first = np.argsort(-groups.sum(axis=1), kind="stable").tolist()
    told: list[int] = [i for i in largest_first if is_safe(groups[i], min_count)]
    others = rest + groups.sum(axis=0) - groups[told].sum(axis=0)
    while told and not is_safe(others, min_count):
        others = others + groups[told.pop()]
    return told
