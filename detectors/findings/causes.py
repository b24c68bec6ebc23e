"""What an incident's readers may look at first.

Damaged columns come first; then the columns that moved, by how far they moved and how much the
model leans on them, if the reference tells that; then the slice that got worst.
"""

from collections.abc import Sequence

import numpy as np

from detectors.figures import Figures
from detectors.findings import wording
from detectors.learning.known import Known
from detectors.looks.attributions import mean_absolute
from detectors.reading import VALUES, Array
from detectors.statistics.attributions import importance_weights
from detectors.statistics.effects import total_variation
from governance.incidents import Finding

COLUMNS_SHOWN = 5
CHANCE = 0.1  # of the slices that are named, at most this share by chance alone


def likely_causes(known: Known, cells: Sequence[Array], findings: Sequence[Finding]) -> list[str]:
    """Sentences, the likeliest first."""
    broken = sorted(
        {
            f.name
            for f in findings
            if f.cause == "data_quality" and (f.value or 0.0) > (f.reference or 0.0)
        }
        & {column.name for column in known.statement.columns}
    )
    words = [wording.broken_cause(name) for name in broken]
    names, distance = _moved(known, cells)
    importance = mean_absolute([known.statement.total])
    weight = importance_weights(distance, np.array([importance.get(n, np.nan) for n in names]))
    order = np.argsort(-weight, kind="stable")[:COLUMNS_SHOWN]
    words += [
        wording.moved_cause(names[i], float(distance[i]), bool(importance))
        for i in order
        if weight[i] > 0
    ]
    return words[:COLUMNS_SHOWN]


def worst_slice(known: Known, figures: Sequence[Figures]) -> list[str]:
    """The slice that got worst against its own past, if that is more than chance."""
    for found in figures:
        if found.detector == "slice_worsened" and len(found.names) and found.p_value[0] <= CHANCE:
            return [
                wording.worse_slice(found.names[0], float(found.value[0]), known.score is not None)
            ]
    return []


def _moved(known: Known, cells: Sequence[Array]) -> tuple[list[str], Array]:
    """How far each feature and group column lies from the reference; NaN without rows."""
    names: list[str] = []
    distances: list[float] = []
    for block, counts in zip(known.blocks, cells, strict=True):
        moved = total_variation(counts[:, VALUES:], block.cells[:, VALUES:])
        for column, distance in zip(block.block.columns, moved.tolist(), strict=True):
            if column.role in {"feature", "group"}:
                names.append(column.name)
                distances.append(distance)
    return names, np.array(distances)
