"""TFDV: a DatasetFeatureStatisticsList, binary, in TFRecords, or as JSON; not as text.

Of each feature it keeps how many examples lack it; of numbers two histograms, the smallest and the
largest value; of strings the commonest ones, by default a thousand. TFDV places quantiles to within
a hundredth of the rows (its `epsilon`), and its histograms have ten buckets unless told otherwise:
`StatsOptions(num_quantiles_histogram_buckets=200)` makes enough of them.
"""

import json
from typing import Any

import msgspec

from .. import protobuf
from ..profiles import records
from ..statement import Refused
from .profile import Numbers, Profile, Texts, Told, from_buckets

EPSILON = 0.01
INT = ("INT", 0)

# By field number: the name in JSON, and how the value is read. A dictionary is another message.
Spec = dict[int, tuple[str, Any]]
COMMON: Spec = {1: ("numNonMissing", int), 2: ("numMissing", int), 4: ("maxNumValues", int)}
BUCKET: Spec = {1: ("lowValue", float), 2: ("highValue", float), 4: ("sampleCount", float)}
HISTOGRAM: Spec = {1: ("numNan", int), 3: ("buckets", BUCKET)}
NUMERIC: Spec = {
    1: ("commonStats", COMMON),
    4: ("numZeros", int),
    5: ("min", float),
    7: ("max", float),
    8: ("histograms", HISTOGRAM),
}
RANKS: Spec = {1: ("buckets", {4: ("label", str), 5: ("sampleCount", float)})}
STRING: Spec = {1: ("commonStats", COMMON), 2: ("unique", int), 5: ("rankHistogram", RANKS)}
FEATURE: Spec = {
    1: ("name", str),
    8: ("path", {1: ("step", str)}),
    2: ("type", int),
    3: ("numStats", NUMERIC),
    4: ("stringStats", STRING),
}
DATASET: Spec = {1: ("name", str), 2: ("numExamples", int), 3: ("features", FEATURE)}
LIST: Spec = {1: ("datasets", DATASET)}
REPEATED = {"datasets", "features", "histograms", "buckets", "step"}


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Common(_Message, frozen=True):
    num_non_missing: int = 0
    num_missing: int = 0
    max_num_values: int = 0


class _Bucket(_Message, frozen=True):
    low_value: float = 0.0
    high_value: float = 0.0
    sample_count: float = 0.0


class _Histogram(_Message, frozen=True):
    num_nan: int = 0
    buckets: list[_Bucket] = []


class _Numeric(_Message, frozen=True):
    common_stats: _Common = _Common()
    num_zeros: int = 0
    min: float = 0.0
    max: float = 0.0
    histograms: list[_Histogram] = []


class _Rank(_Message, frozen=True):
    label: str = ""
    sample_count: float = 0.0


class _Ranks(_Message, frozen=True):
    buckets: list[_Rank] = []


class _String(_Message, frozen=True):
    common_stats: _Common = _Common()
    unique: int = 0
    rank_histogram: _Ranks = _Ranks()


class _Path(_Message, frozen=True):
    step: list[str]


class _Feature(_Message, frozen=True):
    name: str = ""
    path: _Path | None = None
    type: str | int = 0
    num_stats: _Numeric | None = None
    string_stats: _String | None = None


class _Dataset(_Message, frozen=True):
    num_examples: int = 0
    features: list[_Feature] = []


class _List(_Message, frozen=True):
    datasets: list[_Dataset]


def read(data: bytes) -> Profile:
    """Raises `Refused` (`convert.unreadable`)."""
    if data.lstrip().startswith(b"datasets"):
        raise Refused("convert.unreadable", "Write the statistics binary or as JSON, not as text.")
    try:
        is_json = data.lstrip().startswith(b"{")
        found = json.loads(data) if is_json else _decoded(records(data), LIST)
        [dataset] = msgspec.convert(found, _List, strict=False).datasets
        columns = {_name(feature): _told(feature) for feature in dataset.features}
    except (ValueError, RecursionError):
        raise Refused(
            "convert.unreadable", "This is no statistics list of TFDV with one dataset."
        ) from None
    return Profile(
        rows=dataset.num_examples,
        columns=columns,
        dropped={
            "smallest, largest, mean, median, standard deviation and quantiles": sum(
                feature.num_stats is not None for feature in dataset.features
            ),
            "texts of top values": sum(
                feature.string_stats is not None for feature in dataset.features
            ),
        },
    )


def _told(feature: _Feature) -> Told:
    statistics = feature.num_stats or feature.string_stats
    if statistics is None:
        return Told()
    common = statistics.common_stats
    if common.max_num_values > 1:
        return Told(common.num_missing, lacks="its values are lists")
    if feature.string_stats is not None:
        return Told(common.num_missing, texts=_texts(feature.string_stats))
    assert feature.num_stats is not None
    nan = max((h.num_nan for h in feature.num_stats.histograms), default=0)
    numbers = _numbers(feature.num_stats, common.num_non_missing - nan)
    texts = _yes_or_no(feature.num_stats) if feature.type in INT else None
    return Told(common.num_missing + nan, 0, numbers, texts, lacks="it has no histogram")


def _texts(statistics: _String) -> Texts:
    """The labels of the rank histogram; it may end before the rarest."""
    total = statistics.common_stats.num_non_missing
    buckets = statistics.rank_histogram.buckets
    counts = {each.label: round(each.sample_count) for each in buckets}
    complete = sum(counts.values()) == total
    return Texts(total, counts, error=0 if complete else min(counts.values(), default=total))


def _yes_or_no(statistics: _Numeric) -> Texts | None:
    """Whole numbers from 0 to 1 are no and yes."""
    if (statistics.min, statistics.max) != (0.0, 1.0):
        return None
    total, zeros = statistics.common_stats.num_non_missing, statistics.num_zeros
    return Texts(total, {"0": zeros, "1": total - zeros})


def _numbers(statistics: _Numeric, total: int) -> Numbers | None:
    """Both histograms together: each says of a place what lies below it at least and at most."""
    tables = [
        [(each.low_value, each.high_value, each.sample_count) for each in histogram.buckets]
        for histogram in statistics.histograms
        if histogram.buckets
    ]
    if not tables:
        return None
    each = [from_buckets(table, error=EPSILON * total) for table in tables]

    def below(place: float) -> tuple[float, float]:
        bounds = [numbers.below(place) for numbers in each]
        return max(low for low, _ in bounds), min(high for _, high in bounds)

    finest = max(zip(tables, each, strict=True), key=lambda pair: len(pair[0]))[1]
    return Numbers(total, finest.sample, below)


def _name(feature: _Feature) -> str:
    return feature.name or ".".join(feature.path.step if feature.path else [])


def _decoded(message: bytes, spec: Spec) -> dict[str, Any]:
    """A message's known fields, as its JSON has them. Raises `ValueError`."""
    found: dict[str, Any] = {}
    for number, value in protobuf.fields(message):
        if number not in spec:
            continue
        name, kind = spec[number]
        read = _value(value, kind)
        if name in REPEATED:
            found.setdefault(name, []).append(read)
        else:
            found[name] = read
    return found


def _value(value: protobuf.Value, kind: Any) -> Any:
    if kind is float:
        return protobuf.double(value)
    if isinstance(value, int) != (kind is int):
        raise ValueError("a field of another kind")
    if isinstance(value, int):
        return value
    return value.decode("utf-8", "replace") if kind is str else _decoded(value, kind)
