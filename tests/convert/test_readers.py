"""What each tool's file says, and that any other file is refused cleanly."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.convert.reading import read
from countersign.statement import Refused
from tests.detectors.test_firewall import PROFILES


def statistics(*features: dict[str, Any], rows: int = 100) -> bytes:
    """SageMaker's statistics.json, as the service documents it."""
    return json.dumps(
        {"version": 0, "dataset": {"item_count": rows}, "features": list(features)}
    ).encode()


def numerical(present: int, distribution: dict[str, Any], missing: int = 0) -> dict[str, Any]:
    return {
        "name": "income",
        "inferred_type": "Fractional",
        "numerical_statistics": {
            "common": {"num_present": present, "num_missing": missing},
            "mean": 1.0,
            "min": 0.0,
            "distribution": distribution,
        },
    }


def test_sagemakers_sketch_gives_ranks_by_its_weights():
    data = [[1.0, 5.0], [2.0, 4.0], [3.0]]  # of 1, 2 and 4 rows each
    kll = {"kll": {"buckets": [], "sketch": {"parameters": {"c": 0.64, "k": 2048}, "data": data}}}
    profile = read(statistics(numerical(10, kll, missing=90)))
    told = profile.columns["income"]
    assert told.missing == 90 and told.numbers is not None and told.numbers.total == 10
    middle = [sum(told.numbers.below(place)) / 2 for place in (1, 2, 2.5, 3, 4, 5, 6)]
    assert middle == [0, 1, 3, 3, 7, 9, 10]
    assert profile.dropped["smallest, largest, mean, sum, standard deviation and sketched values"]


def test_sagemakers_buckets_and_categories():
    buckets = [{"lower_bound": i, "upper_bound": i + 1, "count": 10} for i in range(10)]
    category = {
        "name": "region",
        "inferred_type": "String",
        "string_statistics": {
            "common": {"num_present": 95, "num_missing": 5},
            "distinct_count": 9,
            "distribution": {
                "categorical": {"buckets": [{"value": "north", "count": 80}]},
            },
        },
    }
    profile = read(statistics(numerical(100, {"kll": {"buckets": buckets}}), category))
    numbers, texts = profile.columns["income"].numbers, profile.columns["region"].texts
    assert numbers is not None and numbers.below(5.5) == (50, 60)
    assert texts is not None and (dict(texts.counts), texts.error) == ({"north": 80}, 15)


def test_a_sketch_of_other_rows_is_not_used():
    kll = {"kll": {"sketch": {"data": [[1.0, 2.0]]}}}
    told = read(statistics(numerical(100, kll))).columns["income"]
    assert told.numbers is None and "sketch" in told.lacks


def test_evidentlys_counts_of_texts_are_used_and_quartiles_are_not():
    def metric(kind: str, value: object, column: str | None = None) -> dict[str, Any]:
        named = {} if column is None else {"column": column}
        return {
            "id": "0",
            "metric_name": kind,
            "config": {"type": f"evidently:metric_v2:{kind}", **named},
            "value": value,
        }

    report = [
        metric("RowCount", 100.0),
        metric("MissingValueCount", {"count": 4.0, "share": 0.04}, "region"),
        metric("UniqueValueCount", {"counts": {"north": 96.0}, "shares": {}}, "region"),
        metric("MissingValueCount", {"count": 0.0, "share": 0.0}, "income"),
        metric("MinValue", 1.5, "income"),
        metric("ValueDrift", float("nan"), "age"),
    ]
    profile = read(json.dumps({"metrics": report, "tests": []}).encode())
    assert profile.rows == 100
    assert profile.columns["region"].texts is not None
    assert profile.columns["region"].missing == 4
    assert "quartiles" in profile.columns["income"].lacks
    assert "MissingValueCount" in profile.columns["age"].lacks


# --- TFDV -------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def message(*parts: tuple[int, Any]) -> bytes:
    out = b""
    for number, value in parts:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        elif isinstance(value, float):
            out += varint(number << 3 | 1) + struct.pack("<d", value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(raw)) + raw
    return out


def tfdv_list() -> bytes:
    """Two features of 500 examples: numbers 0 to 499 in 250 buckets, and two texts."""
    common = message((1, 490), (2, 10), (3, 1), (4, 1))
    buckets = [message((1, float(2 * i)), (2, float(2 * i + 1)), (4, 2.0)) for i in range(245)]
    histogram = message((1, 0), *((3, bucket) for bucket in buckets), (4, 1))
    numbers = message((1, common), (4, 1), (5, 0.0), (7, 489.0), (8, histogram))
    labels = [message((4, "north"), (5, 400.0)), message((4, "süd"), (5, 90.0))]
    texts = message((1, common), (2, 2), (5, message(*((1, label) for label in labels))))
    features = [
        message((1, "income"), (2, 1), (3, numbers)),
        message((8, message((1, "home"), (1, "region"))), (2, 2), (4, texts)),
    ]
    return message((1, message((1, "x"), (2, 500), *((3, feature) for feature in features))))


def test_tfdvs_statistics_are_read_binary_and_in_records():
    body = tfdv_list()
    record = struct.pack("<QI", len(body), 0) + body + b"\0\0\0\0"
    for data in (body, record):
        profile = read(data)
        assert profile.rows == 500 and list(profile.columns) == ["income", "home.region"]
        numbers, texts = profile.columns["income"].numbers, profile.columns["home.region"].texts
        assert numbers is not None and numbers.below(100) == (100 - 4.9, 100 + 4.9)
        assert texts is not None and texts.counts == {"north": 400, "süd": 90}
        assert profile.columns["income"].missing == 10


def test_tfdvs_json_writes_whole_numbers_as_text():
    feature = {
        "name": "flag",
        "type": "INT",
        "numStats": {
            "commonStats": {"numNonMissing": "90", "numMissing": "10", "maxNumValues": "1"},
            "numZeros": "30",
            "max": 1.0,
        },
    }
    data = {"datasets": [{"numExamples": "100", "features": [feature]}]}
    texts = read(json.dumps(data).encode()).columns["flag"].texts
    assert texts is not None and texts.counts == {"0": 30, "1": 60}


@pytest.mark.parametrize(
    "change", [("maxNumValues", "3", "lists"), ("maxNumValues", "1", "no histogram")]
)
def test_tfdvs_features_without_a_distribution_say_so(change: tuple[str, str, str]):
    name, value, why = change
    common = {"numNonMissing": "100", name: value}
    feature = {"name": "x", "type": "FLOAT", "numStats": {"commonStats": common}}
    data = {"datasets": [{"numExamples": "100", "features": [feature]}]}
    assert why in read(json.dumps(data).encode()).columns["x"].lacks


# --- anything else ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_a_file_that_is_only_recognised_is_refused_or_read_but_fails_in_no_other_way(name: str):
    try:
        assert read(PROFILES[name][1]).rows >= 0
    except Refused as refusal:
        assert refusal.rule in ("convert.unreadable", "convert.needs_whylogs")
        assert "Run `pip" in refusal.detail or refusal.rule == "convert.unreadable"


@given(st.binary(max_size=300))
def test_anything_else_is_unknown(data: bytes):
    if data[:4] != b"WHY1":
        with pytest.raises(Refused, match=r"convert\.(unknown|unreadable)"):
            read(data)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_damaged_statistics_are_refused_or_read(at: int, new: bytes):
    body = tfdv_list()
    at %= len(body)
    try:
        profile = read(body[:at] + new + body[at + len(new) :])
    except Refused:
        return
    for told in profile.columns.values():
        if told.numbers is not None:
            assert np.isfinite(told.numbers.sample).all()
