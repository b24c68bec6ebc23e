"""Reads a column out of whatever holds rows, without importing what made it.

A batch is a pandas or polars frame, an Arrow table or record batch, or a mapping of names to arrays
or lists. A column comes out as one of two things: a numpy array, or `Coded`: the distinct values
once, and for every row which one it is. Categorical and dictionary-encoded columns are `Coded` and
never expanded; so are Arrow strings.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from .binning import Cells
from .hashing import INVALID, Text, Vocabulary, text_of
from .statement import Refused

NO_TIME = int(np.iinfo(np.int64).min)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Coded:
    """Row i holds `values[codes[i]]`, or nothing where the code is negative."""

    codes: npt.NDArray[np.integer[Any]]
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> "Coded":
        return Coded(self.codes[rows], self.values)


Data = Array | Coded


def names_in(batch: Any) -> list[str]:
    """The batch's column names, in its order."""
    if isinstance(batch, Mapping):
        return list(batch)
    return list(batch.column_names if hasattr(batch, "column_names") else batch.columns)


def read_columns(batch: Any, names: Sequence[str]) -> tuple[int, dict[str, Data]]:
    """The number of rows, and those of the named columns that the batch has."""
    present = set(names_in(batch))
    columns = {name: read_column(pick(batch, name)) for name in names if name in present}
    if not columns:
        raise Refused("batch.columns", "The rows have none of the plan's columns.")
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise Refused("batch.lengths", "All columns have the same number of rows.")
    return lengths.pop(), columns


def pick(batch: Any, name: str) -> Any:
    """One column of the batch, as it is there."""
    return batch.column(name) if hasattr(batch, "column_names") else batch[name]


def read_column(source: Any) -> Data:
    """One column of a frame, or an array, or a list."""
    if isinstance(source, np.ma.MaskedArray):
        return _objects(source.tolist())
    if isinstance(source, np.ndarray | Coded):
        return source
    if hasattr(source, "combine_chunks") or hasattr(source, "dictionary_encode"):
        return _from_arrow(source)
    if hasattr(source, "to_physical"):
        return _from_polars(source)
    if hasattr(source, "factorize"):
        return _from_pandas(source)
    return _objects(list(source))


def _from_arrow(column: Any) -> Data:
    if hasattr(column, "combine_chunks"):
        column = column.unify_dictionaries().combine_chunks()
    kind = str(column.type)
    if kind in ("string", "large_string", "string_view"):
        column = column.cast("large_string").dictionary_encode()
    if hasattr(column, "dictionary"):
        codes = column.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
        return Coded(codes, column.dictionary.to_pylist())
    if kind == "bool" and column.null_count:
        column = column.cast("uint8").cast("double")
    array: Array = column.to_numpy(zero_copy_only=False)
    return array


def _from_polars(column: Any) -> Data:
    kind = str(column.dtype)
    if kind.startswith(("Categorical", "Enum")):
        codes = column.to_physical().cast(int).fill_null(-1).to_numpy()
        distinct = column.unique().drop_nulls()
        values = dict(zip(distinct.to_physical().to_list(), distinct.to_list(), strict=True))
        return Coded(codes, [values.get(code) for code in range(max(values, default=-1) + 1)])
    if kind == "Boolean" and column.null_count():
        return _objects(column.to_list())
    array: Array = column.to_numpy()
    return array


def _from_pandas(column: Any) -> Data:
    kind = getattr(column.dtype, "kind", "O")
    if hasattr(column, "cat"):
        return Coded(column.cat.codes.to_numpy(), list(column.cat.categories))
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if str(column.dtype).startswith(("str", "large_string")):
        codes, values = column.factorize()
        return Coded(codes, list(values))
    array: Array
    if kind in "iufb" and not isinstance(column.dtype, np.dtype):
        array = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        array = column.to_numpy()
    return array


def _objects(values: list[Any]) -> Array:
    # Assigned as a whole, lists of equal lengths would become a table.
    return np.fromiter(values, object, len(values))


def as_numbers(data: Data) -> Array:
    """The column as real numbers: NaN where missing, infinite where it holds something else."""
    if isinstance(data, Coded):
        table = np.append(as_numbers(_objects(list(data.values))), np.nan)
        numbers: Array = table[np.maximum(data.codes, -1)]
        return numbers
    if data.dtype.kind in "iufb":
        return data
    if data.dtype.kind in "OUS":
        values = data.tolist()
        if set(map(type, values)) <= {float, int, bool, type(None)}:
            with suppress(OverflowError):  # of a whole number that no double can hold
                return np.array(values, np.float64)
        return np.array([_number(value) for value in values], np.float64)
    missing = np.isnat(data) if data.dtype.kind in "mM" else np.zeros(len(data), bool)
    return np.where(missing, np.nan, np.inf)


def _number(value: Any) -> float:
    if text_of(value) is None:
        return np.nan
    if isinstance(value, str | bytes):
        return np.inf
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.inf


def as_vectors(data: Data, dimension: int) -> npt.NDArray[np.float64]:
    """The column as vectors, (rows, dimension); NaN where a row holds no such vector."""
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype.kind in "iufb":
        found = data if data.shape[1] == dimension else np.full((len(data), dimension), np.nan)
        return found.astype(np.float64, copy=False)
    vectors = np.full((len(data), dimension), np.nan)
    for i, value in enumerate([] if isinstance(data, Coded) else data):
        if length_of(value) == dimension:
            with suppress(TypeError, ValueError, OverflowError):  # something in it is no number
                vectors[i] = np.array(value, np.float64)
    return vectors


def length_of(vector: Any) -> int | None:
    """How many numbers a vector has; None if it is none."""
    sized = isinstance(vector, list | tuple) or (
        isinstance(vector, np.ndarray) and vector.ndim == 1
    )
    return len(vector) if sized else None


def boolean_cells(data: Data) -> Cells:
    """0 missing, 1 invalid, 2 false, 3 true. Numbers 0 and 1 are false and true."""
    numbers = as_numbers(data)
    cells: Cells = np.full(len(numbers), 1, np.uint8)
    if numbers.dtype.kind not in "biu":
        cells[np.isnan(numbers)] = 0
    cells[numbers == 0] = 2
    cells[numbers == 1] = 3
    return cells


def categorical_cells(data: Data, vocabulary: Vocabulary) -> Cells:
    """0 missing, 1 invalid, 2 other, 3 + i the i-th token of the vocabulary."""
    data = as_coded(data)
    cells = [vocabulary[text] for text in map(text_of, data.values)]
    table: Cells = np.array([*cells, 0], np.uint8)
    found: Cells = table[np.maximum(data.codes, -1)]
    return found


def as_coded(data: Data) -> Coded:
    """The column's distinct texts, and for every row which one it is."""
    if isinstance(data, Coded):
        return data
    if data.dtype.kind in "iufb":
        values, codes = np.unique(data, return_inverse=True)
        return Coded(codes, values.tolist())
    texts: list[Text] = data.tolist() if data.dtype.kind in "OUS" else [INVALID] * len(data)
    if not set(map(type, texts)) <= {str, type(None)}:
        texts = [text_of(text) for text in texts]
    code_of = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    codes = np.fromiter(map(code_of.__getitem__, texts), np.int64, len(texts))
    return Coded(codes, list(code_of))


def as_seconds(data: Data) -> npt.NDArray[np.int64]:
    """Moments as whole seconds since 1970 in UTC, NO_TIME where missing; naive ones are UTC."""
    if isinstance(data, Coded):
        table = np.append(as_seconds(_objects(list(data.values))), NO_TIME)
        seconds: npt.NDArray[np.int64] = table[np.maximum(data.codes, -1)]
        return seconds
    if data.dtype.kind == "M":
        return data.astype("datetime64[s]").astype(np.int64)
    if data.dtype.kind not in "OUS":
        raise _NO_MOMENT
    return np.array([_seconds(value) for value in data.tolist()], np.int64)


_NO_MOMENT = Refused("window.time", "A time column holds dates, times or ISO 8601 text.")


def _seconds(value: Any) -> int:
    if text_of(value) is None:
        return NO_TIME
    try:
        when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise _NO_MOMENT from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() // 1)
