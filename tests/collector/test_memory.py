"""Memory does not grow with the rows."""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from countersign import files
from countersign.baseline import make_baseline
from countersign.files import read_batches
from countersign.recipe import Recipe

from .cast import KEY, RECIPE, a_collector, a_plan, some_rows

MIB = 2**20


def peak(work: Callable[[], object]) -> float:
    """The most memory that Python and numpy held during the work, in MiB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def long_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """200,000 rows, as Parquet and as CSV; a twentieth of them in the short ones."""
    folder = tmp_path_factory.mktemp("files")
    rows = pd.concat([some_rows(20_000, seed=i) for i in range(10)])
    for name, frame in {"long": rows, "short": rows[:20_000]}.items():
        frame.to_parquet(folder / f"{name}.parquet", row_group_size=10_000)
        frame.to_csv(folder / f"{name}.csv", index=False)
    return {p.name: p for p in folder.iterdir()}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_counting_a_file_ten_times_as_long_takes_no_more_memory(
    long_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, suffix: str
):
    monkeypatch.setattr(files, "BATCH_ROWS", 10_000)
    monkeypatch.setattr(files, "BLOCK_BYTES", MIB)
    arrow: list[int] = []

    def count(path: Path) -> None:
        counter = a_plan().counter(KEY)
        total = counter.nothing()
        for batch in read_batches(path):
            total += counter.count(batch)
            arrow.append(pa.total_allocated_bytes())
        assert total.rows in (20_000, 200_000)

    count(long_files[f"short.{suffix}"])  # fills caches and loads what is loaded once
    short = peak(lambda: count(long_files[f"short.{suffix}"]))
    arrow.clear()
    long = peak(lambda: count(long_files[f"long.{suffix}"]))
    assert long < short + 1
    assert max(arrow[len(arrow) // 2 :]) < max(arrow[: len(arrow) // 2]) + 4 * MIB


def test_a_baseline_of_ten_times_as_many_rows_takes_little_more_memory(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("countersign.sample.SIZE", 5_000)

    def batches(count: int) -> Callable[[], Iterator[Any]]:
        return lambda: (some_rows(5_000, seed=i) for i in range(count))

    recipe = Recipe(**RECIPE, time="when")
    make_baseline(batches(2), recipe)
    short = peak(lambda: make_baseline(batches(4), recipe))
    assert peak(lambda: make_baseline(batches(40), recipe)) < short + 3


def test_rows_that_are_added_one_by_one_are_not_kept():
    collector = a_collector()
    rows = some_rows(2_000).to_dict("records")

    def serve() -> None:
        for row in rows:
            collector.add_row(row)

    serve()
    short = peak(serve)

    def serve_long() -> None:
        for _ in range(5):
            serve()

    assert peak(serve_long) < short + 1
