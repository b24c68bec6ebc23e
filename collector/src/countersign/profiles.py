"""Which other tool wrote a file: whylogs, TFDV, Deequ (and SageMaker, which uses it), Evidently.

Their profiles keep raw values: smallest and largest, commonest texts, items of a sketch. So none
may cross the line. The appliance refuses them by name; beside the model, `countersign convert`
makes a statement of what can be told.

whylogs    the first four bytes are WHY1
TFDV       a `DatasetFeatureStatisticsList`: binary, in TFRecords, as text, or as JSON
Deequ      JSON of features with `inferred_type`, of metrics with `resultKey`, of columns with
           `isDataTypeInferred`, of `constraint_suggestions` or of `violations`
Evidently  JSON of `metrics`, `tests`, `suite` or `metric_results`, as its reports are written

>>> tool_of(b"WHY1...."), tool_of(b'{"_type": "https://in-toto.io/Statement/v1"}')
('whylogs', None)
"""

import json
import re
import struct
from typing import Any, Literal

from . import protobuf

Tool = Literal["whylogs", "tfdv", "deequ", "evidently"]

WHYLOGS = b"WHY1"
RECORD_HEADER = 12  # of a TFRecord: 8 bytes length, 4 bytes checksum; 4 more follow the data
# Without one of these a JSON file is none of ours to recognise, and need not be parsed.
MARKS = re.compile(
    rb'"(?:datasets|inferred_type|analyzerContext|isDataTypeInferred|constraint_suggestions'
    rb'|constraint_check_type|metrics|tests|suite|metric_results)"'
)
DATASET = {1, 2, 3, 4, 5}  # fields of DatasetFeatureStatistics; 3 are the features
FEATURE = set(range(1, 13))  # fields of FeatureNameStatistics; 1 or 8 name it


def tool_of(data: bytes) -> Tool | None:
    """The tool that wrote the file, or None if it was none of these."""
    if data.startswith(WHYLOGS):
        return "whylogs"
    if data.lstrip()[:1] in (b"{", b"["):
        return _of_json(data) if MARKS.search(data) else None
    if re.match(rb"\s*datasets\s*:?\s*\{", data) or is_statistics_list(records(data)):
        return "tfdv"
    return None


def records(data: bytes) -> bytes:
    """The messages of a file of TFRecords, put together; any other file as it is."""
    if len(data) < RECORD_HEADER:
        return data
    at, found = 0, b""
    while at < len(data):
        if at + RECORD_HEADER > len(data):
            return data
        (size,) = struct.unpack_from("<Q", data, at)
        at += RECORD_HEADER
        if at + size + 4 > len(data):
            return data
        found += data[at : at + size]
        at += size + 4
    return found


def is_statistics_list(message: bytes) -> bool:
    """Whether this is TFDV's DatasetFeatureStatisticsList with one feature or more."""
    try:
        datasets = protobuf.fields(message)
        if not datasets or any(number != 1 for number, _ in datasets):
            return False
        parts = [part for _, each in datasets for part in protobuf.fields(_message(each))]
        features = [protobuf.fields(_message(each)) for number, each in parts if number == 3]
    except ValueError:
        return False
    known = all(number in DATASET for number, _ in parts)
    return known and bool(features) and all(_is_feature(feature) for feature in features)


def _is_feature(feature: list[tuple[int, protobuf.Value]]) -> bool:
    numbers = {number for number, _ in feature}
    return numbers <= FEATURE and bool(numbers & {1, 8})


def _message(value: protobuf.Value) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where a message is expected")
    return value


def _of_json(data: bytes) -> Tool | None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, list):
        document = {"metrics of runs": document}
    if _first(document, "datasets").keys() & {"features", "numExamples", "num_examples"}:
        return "tfdv"
    if (
        "inferred_type" in _first(document, "features")
        or {"resultKey", "analyzerContext"} <= _first(document, "metrics of runs").keys()
        or "isDataTypeInferred" in _first(document, "columns")
        or "constraint_name" in _first(document, "constraint_suggestions")
        or "constraint_check_type" in _first(document, "violations")
    ):
        return "deequ"
    metric, test = _first(document, "metrics"), _first(document, "tests")
    if (
        {"metric", "result"} <= metric.keys()
        or metric.keys() & {"metric_id", "metric_name"}
        or {"description", "status"} <= test.keys()
        or {"suite", "timestamp"} <= document.keys()
        or {"metric_results", "timestamp"} <= document.keys()
    ):
        return "evidently"
    return None


def _first(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The first object of a list, or nothing."""
    found = document.get(name)
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, dict) else {}
