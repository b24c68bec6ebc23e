"""How much each column moved the model's score: means of absolute attributions, such as SHAP's.

Raw tables: ("attributions",) is (2, columns that may be explained): the sum of the absolute finite
attributions, and how many those are. ("attribution rows",) is (1,).
"""

from typing import Any

import numpy as np

from .batch import Batch, Counted, Tables
from .design import Design
from .frames import as_numbers, names_in, read_columns
from .maps import rows_of_means
from .statement import Refused
from .tables import Attributions

DIGITS = 3


def no_attributions(batch: Batch, design: Design) -> Tables:
    """The tables of no rows: attributions come by themselves."""
    names = design.explained
    return {
        ("attributions",): np.zeros((2, len(names))),
        ("attribution rows",): np.zeros(1, np.int64),
    }


def count_attributions(frame: Any, design: Design) -> Counted:
    """What a frame of attributions by column adds to a window's counts. No row of the window's."""
    if design.noised:
        raise Refused(
            "noise.means", "No noise could hide a row in means of attributions: none are told."
        )
    if not set(names_in(frame)) <= set(design.explained):
        raise Refused(
            "batch.attributions", "Attributions are columns named as the features and groups."
        )
    rows, data = read_columns(frame, design.explained)
    sums, explained = np.zeros((2, len(design.explained))), np.array([rows])
    for i, name in enumerate(design.explained):
        if name in data:
            sizes = np.abs(as_numbers(data[name]).astype(np.float64))
            finite = sizes[np.isfinite(sizes)]
            sums[:, i] = finite.sum(), len(finite)
    return Counted(0, {("attributions",): sums, ("attribution rows",): explained})


def tell_attributions(counted: Counted, design: Design, min_count: int) -> Attributions | None:
    """The means, of columns with enough attributions; None if there is no such column."""
    least = max(min_count, 1)
    explained = int(counted.tables[("attribution rows",)][0])
    rows = rows_of_means(explained, counted.rows, least)
    means = {
        name: float(f"{total / count:.{DIGITS}g}")
        for name, total, count in zip(
            design.explained, *counted.tables[("attributions",)].tolist(), strict=True
        )
        if count >= least
    }
    return Attributions(rows=rows, mean_absolute=means) if rows >= least and means else None
