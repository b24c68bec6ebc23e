"""How large a regression's errors are, bin of the prediction by bin, learned from the reference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from countersign.statement import Baseline
from countersign.tables import Column, ErrorTable
from detectors.reading import VALUES, Array, split_runs
from detectors.statistics.estimate import Estimate
from detectors.statistics.regression import Expected, Losses, learn_losses, realised_errors


@dataclass(frozen=True)
class KnownErrors:
    """Losses to expect by prediction bin. `cells` are the prediction's in the reference, `error`
    the error's; `metrics` are the reference's own.
    """

    column: Column
    outcome: Column
    cells: Array
    error: Array
    losses: Losses
    expected: Expected
    metrics: dict[str, Estimate]


def learn_errors(statement: Baseline, column: Column, cells: Array) -> KnownErrors | None:
    """None without a regression's outcomes. `cells` (cells,) are the prediction's."""
    labels = statement.labels
    outcome = next((c for c in statement.columns if c.role == "outcome"), None)
    if labels is None or labels.errors is None or outcome is None:
        return None
    even = np.ones(outcome.size)
    losses, errors = read_errors([labels.errors], cells, even)
    if losses.rows.sum() < 1:
        return None
    edges = np.array(outcome.edges)
    return KnownErrors(
        column=column,
        outcome=outcome,
        cells=cells,
        error=np.concatenate([np.zeros(VALUES), errors]),
        losses=losses,
        expected=learn_losses(losses, errors, edges),
        metrics=realised_errors(losses, errors, edges),
    )


def read_errors(tables: Sequence[ErrorTable], cells: Array, error: Array) -> tuple[Losses, Array]:
    """Losses by prediction bin (bins,), and the error's cells; runs split like the reference.

    A table that withholds every sum tells nothing.
    """
    sums = np.zeros((4, len(cells) - VALUES))
    tables = [t for t in tables if any(total is not None for total in t.sum_squares)]
    errors = np.zeros(len(error) - VALUES)
    for table in tables:
        lines = [table.rows, table.sum, table.sum_absolute, table.sum_squares]
        told = np.array(lines, float)
        # A sum that was withheld beside its rows is taken to be like the others' mean.
        rows = np.nan_to_num(told[0]).sum()
        for i in (1, 2, 3):
            alone = np.isnan(told[i]) & ~np.isnan(told[0])
            known = np.nan_to_num(np.where(alone, np.nan, told[0])).sum()
            mean = np.nansum(told[i]) / max(known, 1.0) if rows else 0.0
            told[i] = np.where(alone, told[0] * mean, told[i])
        sums += split_runs(told, np.tile(cells, (4, 1)))[:, VALUES:]
        errors += split_runs(np.array([table.errors], float), error[None])[0, VALUES:]
    return Losses(*sums), errors
