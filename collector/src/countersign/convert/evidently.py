"""Evidently (0.7): the JSON of a report, `report.run(...).save_json(...)`.

Of a category it tells every text and how often it occurs; of a number the smallest, the largest,
the mean, the standard deviation and three quartiles, which fill no bins. Reports of earlier
versions tell ten bins between the smallest and the largest value, which don't either.
"""

import json
from typing import Any

import msgspec

from ..statement import Refused
from .profile import Profile, Texts, Told

RAW = {"MinValue", "MaxValue", "MeanValue", "StdValue", "QuantileValue"}


class _Config(msgspec.Struct, frozen=True):
    type: str
    column: str | None = None


class _Metric(msgspec.Struct, frozen=True):
    config: _Config
    value: Any = None

    @property
    def kind(self) -> str:
        """`RowCount` of "evidently:metric_v2:RowCount"."""
        return self.config.type.rpartition(":")[2]


class _Report(msgspec.Struct, frozen=True):
    metrics: list[_Metric]


class _Count(msgspec.Struct, frozen=True):
    count: float


class _Counts(msgspec.Struct, frozen=True):
    counts: dict[str, float]


def read(data: bytes) -> Profile:
    """Raises `Refused` (`convert.unreadable`)."""
    try:
        metrics = msgspec.convert(json.loads(data), _Report).metrics
        [rows] = [int(metric.value) for metric in metrics if metric.kind == "RowCount"]
        by_column: dict[str, dict[str, Any]] = {}
        for metric in metrics:
            if metric.config.column is not None:
                by_column.setdefault(metric.config.column, {})[metric.kind] = metric.value
        columns = {name: _told(values, rows) for name, values in by_column.items()}
    except (ValueError, TypeError, RecursionError):
        raise Refused(
            "convert.unreadable",
            "Of Evidently's files the JSON of a 0.7 report with `RowCount` (as `DataSummaryPreset` "
            "has it) tells enough; those of earlier versions tell ten bins a column.",
        ) from None
    return Profile(
        rows=rows,
        columns=columns,
        dropped={
            "smallest, largest, mean, standard deviation and quartiles": sum(
                bool(RAW & values.keys()) for values in by_column.values()
            ),
            "texts of categories": sum("UniqueValueCount" in v for v in by_column.values()),
        },
    )


def _told(values: dict[str, Any], rows: int) -> Told:
    if "MissingValueCount" not in values:
        return Told(lacks="the report has no MissingValueCount of it")
    missing = int(msgspec.convert(values["MissingValueCount"], _Count).count)
    if "UniqueValueCount" in values:
        counts = msgspec.convert(values["UniqueValueCount"], _Counts).counts
        texts = Texts(rows - missing, {text: int(n) for text, n in counts.items()})
        return Told(missing, texts=texts)
    return Told(missing, lacks="of numbers the report has three quartiles, which fill no bins")
