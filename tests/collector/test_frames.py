"""Whatever holds the rows, the counts are equal."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from countersign.frames import NO_TIME, as_numbers, as_seconds, boolean_cells, read_columns
from countersign.statement import Refused, Window, decode

from .cast import a_collector, some_rows

NOW = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
START = NOW - dt.timedelta(days=7)


def containers(frame: pd.DataFrame) -> dict[str, Any]:
    """The same rows in every container that is accepted."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    lists = {name: table.column(name).to_pylist() for name in frame.columns}
    polars = pl.from_pandas(frame)
    halves = [frame.iloc[: len(frame) // 3], frame.iloc[len(frame) // 3 :]]
    return {
        "pandas": frame,
        "pandas nullable": frame.convert_dtypes(),
        "pandas on Arrow": frame.convert_dtypes(dtype_backend="pyarrow"),
        "pandas categories": frame.astype({"region": "category", "origin": "category"}),
        "polars": polars,
        "polars categories": polars.with_columns(pl.col("region").cast(pl.Categorical)),
        "polars enum": polars.with_columns(
            pl.col("region").cast(pl.Enum(["west", "east", "south", "north"]))
        ),
        "Arrow": table,
        "Arrow in pieces": pa.concat_tables(
            pa.Table.from_pandas(half, preserve_index=False) for half in halves
        ),
        "Arrow batch": table.combine_chunks().to_batches()[0],
        "lists": lists,
        "series": {name: frame[name] for name in frame.columns},
        "arrays": {name: np.array(values, object) for name, values in lists.items()},
    }


def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Some of everything is missing."""
    frame = frame.astype({"employed": "boolean", "age": "Int64", "repaid": "boolean"})
    for i, column in enumerate(["income", "employed", "age", "region", "sex", "origin", "repaid"]):
        frame.loc[40 * i : 40 * i + 29, column] = None
    return frame


@pytest.mark.parametrize("name", containers(some_rows(10)))
@pytest.mark.parametrize("gaps", [False, True])
def test_every_container_gives_the_same_statement(name, gaps):
    frame = with_gaps(some_rows(2_000)) if gaps else some_rows(2_000)
    told = []
    for batch in (frame, containers(frame)[name]):
        collector = a_collector()
        collector.add(batch)
        assert collector.failures == 0
        told.append(collector.close_window(START, NOW))
    assert told[0] == told[1]
    assert decode(told[0], Window)[1].tally.rows == 2_000


def test_junk_among_numbers_is_invalid_and_absence_is_missing():
    junk = [1, 2.5, True, np.float32(3), Decimal(4), None, float("nan"), pd.NA, pd.NaT]
    junk += ["12", "text", b"7", [1], {}, 1j, 10**400, float("inf")]
    read = as_numbers(read_columns({"x": junk}, ["x"])[1]["x"])
    assert read[:5].tolist() == [1, 2.5, 1, 3, 4]
    assert np.isnan(read[5:9]).all()
    assert np.isinf(read[9:]).all()


def test_a_column_of_dates_holds_no_number():
    column = np.array(["2026-01-01", "NaT"], "datetime64[s]")
    read = as_numbers(column)
    assert np.isinf(read[0])
    assert np.isnan(read[1])


def test_booleans_are_0_and_1_and_nothing_else():
    cells = boolean_cells(read_columns({"x": [True, False, 1, 0.0, None, 2, "yes"]}, ["x"])[1]["x"])
    assert cells.tolist() == [3, 2, 3, 2, 0, 1, 1]


def test_masked_values_are_missing():
    column = np.ma.MaskedArray([1.0, 2.0], mask=[False, True])
    read = as_numbers(read_columns({"x": column}, ["x"])[1]["x"])
    assert np.isnan(read).tolist() == [False, True]


def test_moments_are_utc_whatever_they_came_as():
    second = int(START.timestamp())
    naive = START.replace(tzinfo=None)
    zoned = START.astimezone(dt.timezone(dt.timedelta(hours=5)))
    sources = [
        [START, None],
        [zoned.isoformat(), None],
        np.array([naive, "NaT"], "datetime64[ns]"),
        pd.Series([zoned, pd.NaT]),
        pd.Series([naive, None]),
        pl.Series([START, None]),
        pa.array([START, None]),
        pa.array([zoned.isoformat(), None]).dictionary_encode(),
    ]
    for source in sources:
        column = read_columns({"when": source}, ["when"])[1]["when"]
        assert as_seconds(column).tolist() == [second, NO_TIME]


def test_columns_of_unequal_length_are_no_batch():
    with pytest.raises(Refused, match=r"batch\.lengths"):
        read_columns({"x": [1], "y": [1, 2]}, ["x", "y"])


@pytest.mark.parametrize("moment", ["mary@example.com", 5.0])
def test_what_is_no_moment_is_refused_and_not_repeated(moment):
    column = read_columns({"when": [moment]}, ["when"])[1]["when"]
    with pytest.raises(Refused, match=r"window\.time") as refusal:
        as_seconds(column)
    assert str(moment) not in str(refusal.value)


def test_whole_numbers_of_any_size_are_numbers():
    assert as_numbers(read_columns({"x": [5, 10**400]}, ["x"])[1]["x"]).tolist() == [5, np.inf]
