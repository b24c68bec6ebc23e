"""Rows of a Parquet or CSV file, a batch at a time: a file may be larger than the machine's memory.

Needs pyarrow (`pip install 'countersign[tables]'`).
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from .statement import Refused

BATCH_ROWS = 65_536
BLOCK_BYTES = 8 * 1024 * 1024
PATIENCE = 2.0  # seconds before progress is shown


IsText = Callable[[str], bool]  # whether a CSV file's column is read as text, such as "007"


def read_batches(path: Path, is_text: IsText = lambda _: False) -> Iterator[pa.RecordBatch]:
    """The file's rows."""
    if not path.is_file():
        raise Refused("file.missing", "There is no such file.")
    try:
        yield from _csv(path, is_text) if path.suffix.lower() == ".csv" else _parquet(path)
    except pa.ArrowInvalid:  # its message quotes the file's content
        raise Refused(
            "file.unreadable",
            "This is not a Parquet or CSV file, or a column changes from numbers to text: "
            "then make it a category, or use Parquet.",
        ) from None


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    schema = pa.parquet.read_schema(path)
    texts = [f.name for f in schema if str(f.type) in ("string", "large_string")]
    with pa.parquet.ParquetFile(path, read_dictionary=texts) as file:
        progress = _Progress(file.metadata.num_rows)
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            yield batch
            progress.advance(batch.num_rows)
        progress.end()


def _csv(path: Path, is_text: IsText) -> Iterator[pa.RecordBatch]:
    """Types are judged from the first block; whole numbers are read as numbers with a fraction."""
    reading = pa.csv.ReadOptions(block_size=BLOCK_BYTES)
    options = pa.csv.ConvertOptions(strings_can_be_null=True)
    with pa.csv.open_csv(path, reading, convert_options=options) as first:
        options.column_types = {f.name: _lasting_type(f, is_text) for f in first.schema}
    with pa.OSFile(str(path)) as raw:
        progress = _Progress(raw.size())
        with pa.csv.open_csv(raw, reading, convert_options=options) as file:
            for batch in file:
                yield batch
                progress.advance_to(raw.tell())
        progress.end()


def _lasting_type(field: pa.Field, is_text: IsText) -> pa.DataType:
    """A type that later blocks won't contradict."""
    if is_text(field.name) or pa.types.is_null(field.type) or pa.types.is_string(field.type):
        return pa.dictionary(pa.int32(), pa.string())
    return pa.float64() if pa.types.is_integer(field.type) else field.type


class _Progress:
    """A percentage on the terminal, for what takes long."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._shown = max(total, 1), 0, ""
        self._visible = sys.stderr.isatty()
        self._begin = time.monotonic()

    def advance(self, step: int) -> None:
        self.advance_to(self._done + step)

    def advance_to(self, done: int) -> None:
        self._done = done
        text = f"\r{min(done / self._total, 1):4.0%}"
        if self._visible and text != self._shown and time.monotonic() - self._begin > PATIENCE:
            self._shown = text
            sys.stderr.write(text)
            sys.stderr.flush()

    def end(self) -> None:
        if self._shown:
            sys.stderr.write("\r     \r")
