"""SageMaker Model Monitor and Deequ: `statistics.json`, as the service documents it.

    {"version": 0, "dataset": {"item_count": 900}, "features": [
       {"name": "income", "inferred_type": "Fractional", "numerical_statistics": {
          "common": {"num_present": 880, "num_missing": 20}, "mean": ..., "min": ..., "max": ...,
          "distribution": {"kll": {"buckets": [{"lower_bound", "upper_bound", "count"}],
             "sketch": {"parameters": {"c": 0.64, "k": 2048}, "data": [[...], [...]]}}}}},
       {"name": "region", "inferred_type": "String", "string_statistics": {
          "common": {...}, "distinct_count": 4,
          "distribution": {"categorical": {"buckets": [{"value": "north", "count": 450}]}}}}]}

The sketch's i-th list holds raw values, each of which stands for 2^i rows. Constraints, violations
and metrics without a distribution hold nothing that fills a cell.
"""

import json

import msgspec
import numpy as np

from ..statement import Refused
from .profile import SAMPLE, Numbers, Profile, Texts, Told, from_buckets, kll_error


class _Common(msgspec.Struct, frozen=True):
    num_present: int
    num_missing: int


class _Bucket(msgspec.Struct, frozen=True):
    lower_bound: float
    upper_bound: float
    count: float


class _Parameters(msgspec.Struct, frozen=True):
    k: float = 2048


class _Sketch(msgspec.Struct, frozen=True):
    data: list[list[float]]
    parameters: _Parameters = _Parameters()


class _Kll(msgspec.Struct, frozen=True):
    buckets: list[_Bucket] = []
    sketch: _Sketch | None = None


class _Value(msgspec.Struct, frozen=True):
    value: str
    count: int


class _Categorical(msgspec.Struct, frozen=True):
    buckets: list[_Value]


class _Distribution(msgspec.Struct, frozen=True):
    kll: _Kll | None = None
    categorical: _Categorical | None = None


class _Statistics(msgspec.Struct, frozen=True):
    common: _Common
    distribution: _Distribution = _Distribution()


class _Feature(msgspec.Struct, frozen=True):
    name: str
    numerical_statistics: _Statistics | None = None
    string_statistics: _Statistics | None = None


class _Dataset(msgspec.Struct, frozen=True):
    item_count: int


class _File(msgspec.Struct, frozen=True):
    dataset: _Dataset
    features: list[_Feature]


def read(data: bytes) -> Profile:
    """Raises `Refused` (`convert.unreadable`)."""
    try:
        file = msgspec.convert(json.loads(data), _File)
        columns = {feature.name: _told(feature) for feature in file.features}
    except (ValueError, RecursionError):
        raise Refused(
            "convert.unreadable",
            "Of Deequ's and SageMaker's files only statistics.json holds distributions.",
        ) from None
    return Profile(
        rows=file.dataset.item_count,
        columns=columns,
        dropped={
            "smallest, largest, mean, sum, standard deviation and sketched values": sum(
                told.numbers is not None for told in columns.values()
            ),
            "texts of categories": sum(told.texts is not None for told in columns.values()),
        },
    )


def _told(feature: _Feature) -> Told:
    statistics = feature.numerical_statistics or feature.string_statistics
    if statistics is None:
        return Told()
    missing, kll = statistics.common.num_missing, statistics.distribution.kll
    categorical = statistics.distribution.categorical
    if kll is not None:
        numbers = _numbers(kll, statistics.common.num_present)
        return Told(missing, numbers=numbers, lacks="its sketch doesn't hold all its rows")
    if categorical is not None:
        counts: dict[str, int] = {each.value: each.count for each in categorical.buckets}
        rest = statistics.common.num_present - sum(counts.values())
        return Told(missing, texts=Texts(statistics.common.num_present, counts, error=rest))
    return Told(missing, lacks="its distribution was not computed")


def _numbers(kll: _Kll, present: int) -> Numbers | None:
    if kll.sketch is None:
        buckets = [(each.lower_bound, each.upper_bound, each.count) for each in kll.buckets]
        complete = present and sum(each.count for each in kll.buckets) == present
        return from_buckets(buckets) if complete else None
    levels = kll.sketch.data
    values = np.concatenate([np.array(level, np.float64) for level in levels])
    weights = np.concatenate([np.full(len(level), 2**i) for i, level in enumerate(levels)])
    order = np.argsort(values)
    values, ranks = values[order], np.cumsum(weights[order])
    if not len(values) or ranks[-1] != present:
        return None
    error = kll_error(int(kll.sketch.parameters.k)) * present if len(levels) > 1 else 0.0

    def below(place: float) -> tuple[float, float]:
        at = int(np.searchsorted(values, place))
        rank = float(ranks[at - 1]) if at else 0.0
        return rank - error, rank + error

    places = (np.arange(min(SAMPLE, present)) + 0.5) / min(SAMPLE, present) * present
    return Numbers(present, values[np.searchsorted(ranks, places)], below)
