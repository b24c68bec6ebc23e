"""How far a regression's predictions are off: expected from the predictions, and realised.

me, mae, rmse        mean error (prediction - outcome), mean absolute, root mean square
median, within_90    the median error; the size that nine errors in ten stay below
"""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Labels
from detectors.counted import Counted
from detectors.figures import Figures, named
from detectors.learning.errors import read_errors
from detectors.learning.known import Known
from detectors.reading import metered_bins
from detectors.statistics.estimate import Estimate
from detectors.statistics.quantiles import Quantiles
from detectors.statistics.regression import error_quantiles, estimate_errors, realised_errors


def estimate(known: Known, counted: Counted) -> list[Figures]:
    """Errors to expect of these predictions, if errors given the prediction are as ever."""
    errors = known.errors
    if errors is None:
        return []
    parts = [t.columns[errors.column.name] for t in counted.told]
    rows = metered_bins(parts, errors.column, errors.cells).counts
    found = estimate_errors(errors.expected, rows, counted.noise)
    return [named("estimated_error", found, errors.metrics)]


def realise(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """Errors by the outcomes known so far; nothing while too few are known to tell."""
    errors = known.errors
    tables = [one.errors for one in labels if one.errors is not None]
    if errors is None or not tables:
        return []
    losses, cells = read_errors(tables, errors.cells, errors.error)
    if losses.rows.sum() < 1:
        return []
    edges = np.array(errors.outcome.edges)
    found = realised_errors(losses, cells, edges)
    median, within = error_quantiles(cells, edges, counted.noise)
    found |= {"median": _known_side(median), "within_90": _known_side(within)}
    return [named("realised_error", found, errors.metrics)]


def _known_side(told: Quantiles) -> Estimate:
    """Beyond the edges only a bound is known: the open side has no limit."""
    value, low, high, n = (part[..., 0] for part in told.estimate)
    beyond = told.beyond[..., 0]
    low, high = np.where(beyond < 0, -np.inf, low), np.where(beyond > 0, np.inf, high)
    return Estimate(value, low, high, n)
