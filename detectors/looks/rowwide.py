"""What single columns can't show: columns that go together otherwise, and embeddings that moved.

`rowwide` has one figure per map of the plan: how far its means lie from the reference's, and the
p-value. `pairs` names the pairs of columns whose product moved most, in standard deviations.
"""

from collections.abc import Sequence

import numpy as np

from countersign.tables import Map, MapMeans
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.learning.known import Known
from detectors.reading import Array
from detectors.statistics.random_features import embedding_shift
from detectors.statistics.second_moments import moved_pairs, second_moment_shift

PAIRS_SHOWN = 10


def maps(known: Known, counted: Counted) -> list[Figures]:
    """Every map that this window and the reference tell of; nothing without."""
    found, pairs = [], []
    for one in known.statement.maps:
        now = _together([t.maps[one.name] for t in counted.told if one.name in t.maps])
        if now is None or one.name not in known.maps:
            continue
        means, rows = known.maps[one.name]
        if one.kind == "second_moments":
            shift = second_moment_shift(
                _products(one, now.mean), now.rows, _products(one, means), rows
            )
            found.append((one.name, shift.size, shift.p_value))
            pairs += [
                (f"{one.columns[i]}:{one.columns[j]}", z)
                for i, j, z in moved_pairs(shift, PAIRS_SHOWN)
            ]
        else:
            moved = embedding_shift(np.array(now.mean), now.rows, means, rows)
            found.append((one.name, moved.mmd2, moved.p_value))
    if not found:
        return []
    names, value, p_value = zip(*found, strict=True)
    figures = [Figures("rowwide", names, np.array(value), p_value=np.array(p_value))]
    if pairs:
        pair_names, z = zip(*pairs, strict=True)
        figures.append(Figures("pairs", pair_names, np.array(z)))
    return figures


def _together(parts: Sequence[MapMeans]) -> MapMeans | None:
    """Shards' means, weighed by their rows."""
    if not parts:
        return None
    rows = np.array([part.rows for part in parts], float)
    mean = np.average([part.mean for part in parts], axis=0, weights=rows)
    return MapMeans(rows=int(rows.sum()), mean=mean.tolist())


def _products(one: Map, mean: Sequence[float] | Array) -> Array:
    """The mean products as symmetric matrices, (..., d, d): they follow the d means."""
    d = len(one.columns)
    told = np.asarray(mean, float)[..., d:]
    matrix = np.zeros((*told.shape[:-1], d, d))
    i, j = np.triu_indices(d)
    matrix[..., i, j] = told
    matrix[..., j, i] = told
    return matrix
