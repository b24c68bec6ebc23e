"""Which crossed cells each number that we tell is the sum of: what an attacker subtracts."""

from typing import Any

import numpy as np
import pandas as pd

from countersign.hashing import token_of
from countersign.statement import Baseline, decode

from . import designs


def our_facts(content: bytes, rows: pd.DataFrame) -> Any:
    """The sets of cells, (facts, cells) of 0 and 1, of both columns' tables and their slice."""
    told = decode(content, Baseline)[1]
    values = {name: sorted(rows[name].unique()) for name in designs.CROSSED}
    places = np.arange(int(np.prod([len(v) for v in values.values()])))
    at = dict(zip(values, np.unravel_index(places, [len(v) for v in values.values()]), strict=True))
    by_name = {column.name: column for column in told.columns}

    def cells(name: str) -> Any:
        """The column's cell that each crossed cell falls into."""
        tokens = [token_of(designs.KEY, "loans", name, text) for text in values[name]]
        cell = [
            by_name[name].tokens.index(t) + 3 if t in by_name[name].tokens else 2 for t in tokens
        ]
        return np.array(cell)[at[name]]

    facts = []
    for name in designs.CROSSED:
        facts += _runs(told.total.columns[name].cells, cells(name))
    for one, slice_table in zip(told.slices, told.total.slices, strict=True):
        if slice_table is not None:
            width = len(one.starts[1])
            band = [
                np.searchsorted(starts, cells(name), side="right") - 1
                for name, starts in zip(one.columns, one.starts, strict=True)
            ]
            facts += _slice_runs(slice_table.rows, band[0] * width + band[1], width)
    return np.array(facts, np.int64)


def _runs(told: Any, cell: Any) -> list[Any]:
    starts = [i for i, n in enumerate(told) if n is not None]
    return [
        np.isin(cell, range(a, b)) for a, b in zip(starts, [*starts[1:], len(told)], strict=True)
    ]


def _slice_runs(told: Any, place: Any, width: int) -> list[Any]:
    kept = np.array([i for i, n in enumerate(told) if n is not None])
    across, down = np.unique(kept // width), np.unique(kept % width)
    first = np.searchsorted(across, place // width, side="right") - 1
    second = np.searchsorted(down, place % width, side="right") - 1
    return [(first == a) & (second == b) for a in range(len(across)) for b in range(len(down))]
