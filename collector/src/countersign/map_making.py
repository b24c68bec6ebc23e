"""From sampled rows to maps: how rows are standardised, and how far apart vectors are.

Like edges, these numbers are rounded to two significant digits and tell of many rows.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .frames import Array, as_numbers, as_vectors, length_of
from .statement import Refused
from .survey import round_edge
from .tables import LARGEST, LATER, MAX_MAPPED, Column, Map

MOMENTS = "second moments"
CLIP = 3.0  # times the root of the dimension: few rows are longer
FEATURES = 128
MOST_VECTORS = 500  # whose distances are measured


def second_moments(
    names: Sequence[str], columns: Sequence[Column], sampled: Mapping[str, Array]
) -> list[Map]:
    """The map of the named columns' means and products; none for no columns."""
    if not names:
        return []
    numeric = {c.name for c in columns if c.kind != "categorical" and c.role not in LATER}
    if len(set(names)) != len(names) or len(names) > MAX_MAPPED or set(names) - numeric:
        raise Refused(
            "baseline.maps",
            f"Second moments are of at most {MAX_MAPPED} different columns that are counted as "
            "numbers, or as 0 and 1.",
        )
    spans = [_centre_and_scale(sampled[name]) for name in names]
    return [
        Map(
            name=MOMENTS,
            kind="second_moments",
            columns=list(names),
            centre=[centre for centre, _ in spans],
            scale=[scale for _, scale in spans],
            clip=round_edge(CLIP * math.sqrt(len(names)), 0.0),
        )
    ]


def _centre_and_scale(values: Array) -> tuple[float, float]:
    """Mean and standard deviation without the outermost hundredths."""
    numbers = as_numbers(values).astype(np.float64)
    numbers = numbers[np.abs(numbers) <= LARGEST]
    if not numbers.size:
        return 0.0, 1.0
    usual = np.clip(numbers, *np.quantile(numbers, (0.01, 0.99)))
    scale = round_edge(float(usual.std()), 0.0)
    return round_edge(float(usual.mean()), scale), scale or 1.0


def random_features(name: str, values: Array, seed: int, min_count: int) -> Map:
    """The map of a column of vectors. The bandwidth is the median distance of two of them."""
    lengths = {length_of(vector) for vector in values} - {None}
    if len(lengths) != 1 or lengths == {0}:
        raise Refused("baseline.embedding", "An embedding's vectors have one length.", name)
    [dimension] = lengths
    assert dimension is not None
    vectors = as_vectors(values, dimension)
    vectors = vectors[(np.abs(vectors) <= LARGEST).all(axis=1)][:MOST_VECTORS]
    if len(vectors) < max(min_count, 2):
        raise Refused("baseline.embedding", "An embedding has min_count vectors or more.", name)
    return Map(
        name=name,
        kind="random_features",
        columns=[name],
        bandwidth=_median_distance(vectors),
        dimension=dimension,
        size=FEATURES,
        seed=seed,
    )


def _median_distance(vectors: Array) -> float:
    """Of all pairs; one vector against the others at a time, to save memory."""
    distances = [
        np.linalg.norm(vectors[i + 1 :] - vector, axis=1) for i, vector in enumerate(vectors)
    ]
    return round_edge(float(np.median(np.concatenate(distances))), 0.0) or 1.0
