"""What the model leans on: mean absolute attributions, and whether their ranking still holds.

`attributions` has each column's mean absolute attribution with the reference's as its limit, and
first, as `:ranking`, how well the ranking agrees with the reference's (NDCG; 1 is the same).
"""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Tally
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.learning.known import Known
from detectors.reading import Array
from detectors.statistics.attributions import CONVENTION, ranking_agreement

RANKING = ":ranking"


def attributions(known: Known, counted: Counted) -> list[Figures]:
    """Nothing where the window or the reference tells none."""
    reference = mean_absolute([known.statement.total])
    now = mean_absolute(counted.told)
    columns = [name for name in reference if name in now]
    if not columns:
        return []
    current, usual = (np.array([side[name] for name in columns]) for side in (now, reference))
    agreement = ranking_agreement(current, usual)
    return [
        Figures(
            "attributions",
            [RANKING, *columns],
            np.concatenate([[agreement], current]),
            limit=np.concatenate([[CONVENTION], usual]),
        )
    ]


def mean_absolute(tallies: Sequence[Tally]) -> dict[str, float]:
    """By column, over all shards, weighed by their rows."""
    told = [t.attributions for t in tallies if t.attributions is not None]
    sums: dict[str, Array] = {}
    for one in told:
        for name, value in one.mean_absolute.items():
            sums[name] = sums.get(name, np.zeros(2)) + np.array([value * one.rows, one.rows])
    return {name: float(total / rows) for name, (total, rows) in sums.items()}
