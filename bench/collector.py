"""How fast the collector counts, beside whylogs and one pass of np.sum: same frame, run and core.

    .venv/bin/python bench/collector.py

Makes a virtual environment for the peer in a temporary directory (needs pip and a network), prints
a table and writes results/collector.json. Times are processor seconds of one core, the best of
several runs, for ours, for np.sum and for the peer alike.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import venv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from countersign.binning import exact_cells
from countersign.collector import Collector
from countersign.counting import Counter
from countersign.statement import Baseline, Plan, decode, digest_of, encode
from countersign.statements import OpenPlan

ROWS = 500_000
NUMERIC, TEXT = 20, 5
PEER = "whylogs==1.6.4"
KEY = b"k" * 32
RESULT = Path(__file__).parent / "results" / "collector.json"
GOALS = {
    "times np.sum, at most": 15.0,
    "times whylogs, at least": 100.0,
    "text M/s, at least": 20.0,
}

PEER_SCRIPT = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[2])})
import numpy as np
import pandas as pd
import whylogs as why
frame = pd.DataFrame(dict(np.load(sys.argv[1])))
why.log(frame[:1000])
times = []
for _ in range(2):
    begin = time.process_time()
    why.log(frame)
    times.append(time.process_time() - begin)
print(min(times))
"""


def some_numbers(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Skewed, symmetric, whole, mostly zero; a fiftieth missing, some out of range."""
    random = np.random.default_rng(seed)
    columns = {}
    for i in range(NUMERIC):
        values = [
            lambda: random.lognormal(8, 0.8, rows),
            lambda: random.normal(100, 15, rows),
            lambda: random.integers(18, 90, rows).astype(float),
            lambda: np.where(random.random(rows) < 0.6, 0.0, random.exponential(50, rows)),
        ][i % 4]()
        values[random.random(rows) < 0.02] = np.nan
        columns[f"n{i}"] = values
    return columns


def some_texts(rows: int, seed: int = 0) -> pd.DataFrame:
    """Five categorical columns of 3 to 2,000 distinct texts."""
    random = np.random.default_rng(seed)
    sizes = [3, 12, 50, 300, 2_000]
    columns = {
        f"c{i}": pd.Categorical.from_codes(
            random.integers(0, size, rows), [f"category {j}" for j in range(size)]
        )
        for i, size in enumerate(sizes[:TEXT])
    }
    return pd.DataFrame(columns)


def plan_for(frame: Any) -> OpenPlan:
    """The plan that follows from a baseline of the frame."""
    payload = Collector.baseline(frame, model="bench", version="1", digest="0" * 64, key=KEY)
    _, told = decode(payload, Baseline)
    plan = Plan(
        model=told.model,
        version=told.version,
        baseline=digest_of(payload),
        revision=1,
        issued=datetime(2026, 1, 1, tzinfo=UTC),
        window_seconds=told.window_seconds,
        season=told.season,
        threshold=None,
        privacy=told.privacy,
        columns=told.columns,
        slices=told.slices,
        maps=told.maps,
    )
    return OpenPlan.read(encode(plan, "0" * 64))


def counter_for(frame: Any) -> Counter:
    return plan_for(frame).counter(KEY)


def best(work: Callable[[], object], runs: int = 15) -> float:
    """Processor seconds of the fastest run: what the code takes when nothing else runs."""
    times = []
    for _ in range(runs):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def numeric_speed(kind: type) -> dict[str, float]:
    """Values per second of ours, of np.sum and of the plain binary search, on one frame."""
    frame = pd.DataFrame({n: v.astype(kind) for n, v in some_numbers(ROWS).items()})
    counter = counter_for(frame)
    arrays = [frame[name].to_numpy() for name in frame]
    edges = np.array(counter.design.columns[0].edges)
    values = frame.size
    return {
        "ours": values / best(lambda: counter.count(frame)),
        "np.sum": values / best(lambda: [np.sum(a) for a in arrays]),
        "binary search": ROWS / best(lambda: exact_cells(arrays[0], edges), 2),
    }


def text_speed() -> dict[str, float]:
    """Values per second for texts, by how the frame holds them."""
    frame = some_texts(ROWS)
    counter = counter_for(frame)
    containers = {
        "pandas categorical": frame,
        "Arrow dictionary": pl.from_pandas(frame).to_arrow(),
        "polars categorical": pl.from_pandas(frame),
        "pandas text": frame.astype("str"),
    }
    return {
        name: frame.size / best(lambda f=f: counter.count(f), 3) for name, f in containers.items()
    }


def peer_speed(core: int) -> dict[str, Any]:
    """Values per second of the peer on the same frame and core, or why there is no figure."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "venv", with_pip=True)
        python = str(place / "venv" / "bin" / "python")
        install = [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            PEER,
            "pandas<3",
            "numpy<2",
            "setuptools<80",
        ]
        if subprocess.run(install, check=False).returncode:
            return {
                "version": PEER,
                "failed": f"pip could not install it on {platform.python_version()}",
            }
        np.savez(place / "frame.npz", **some_numbers(ROWS))
        command = [
            python,
            "-W",
            "ignore",
            "-c",
            PEER_SCRIPT,
            str(place / "frame.npz"),
            str(core),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place)
        if ran.returncode:
            return {"version": PEER, "failed": ran.stderr.strip().splitlines()[-1]}
        seconds = float(ran.stdout.strip().splitlines()[-1])
        return {"version": PEER, "numeric": ROWS * NUMERIC / seconds}


def memory() -> dict[str, float]:
    """Peak MiB of Python and numpy while counting batches of 65,536 rows, by rows in all."""
    batch = some_numbers(65_536)
    counter = counter_for(batch)
    peaks = {}
    for batches in (2, 32):
        tracemalloc.start()
        total = counter.nothing()
        for _ in range(batches):
            total += counter.count(batch)
        peaks[f"{batches * 65_536} rows"] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    return peaks


def online() -> dict[str, float]:
    """One row at a time: microseconds per row on average, and for the slowest in a thousand."""
    frame = pd.DataFrame(some_numbers(20_000))
    collector = Collector(plan_for(frame), key=KEY)
    rows = frame.to_dict("records")
    times = []
    for row in rows:
        begin = time.perf_counter()
        collector.add_row(row)
        times.append(time.perf_counter() - begin)
    return {
        "mean": statistics.mean(times) * 1e6,
        "median": statistics.median(times) * 1e6,
        "slowest in a thousand": float(np.quantile(times, 0.999)) * 1e6,
    }


def closing() -> dict[str, float]:
    """Milliseconds to merge small cells, check and write a statement of 200 columns; its size."""
    columns = {f"{n}_{i}": v for i in range(10) for n, v in some_numbers(5_000, i).items()}
    collector = Collector(plan_for(columns), key=KEY)
    collector.add(columns)
    counts = collector.take()

    def close() -> bytes:
        collector.merge(counts)
        return collector.close_window()

    return {"milliseconds": best(close, 3) * 1e3, "KiB": len(close()) / 1024}


def main() -> None:
    core = sorted(os.sched_getaffinity(0))[-1]
    os.sched_setaffinity(0, {core})
    float64, float32 = numeric_speed(np.float64), numeric_speed(np.float32)
    result: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "cores": 1},
        "load before": os.getloadavg()[0],
        "rows": ROWS,
        "numeric columns": NUMERIC,
        "values per second": {
            "float64": float64,
            "float32": float32,
            "text": text_speed(),
            "peer": peer_speed(core),
        },
        "peak MiB": memory(),
        "microseconds per row added": online(),
        "close a window of 200 columns": closing(),
        "goals": GOALS,
    }
    peer = result["values per second"]["peer"].get("numeric")
    result["reached"] = {
        "times np.sum (float64)": float64["np.sum"] / float64["ours"],
        "times np.sum (float32)": float32["np.sum"] / float32["ours"],
        "times whylogs": float64["ours"] / peer if peer else None,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    _print(result)


def _print(result: dict[str, Any], indent: int = 0) -> None:
    for name, value in result.items():
        if isinstance(value, dict):
            print(" " * indent + name)
            _print(value, indent + 2)
        elif isinstance(value, float) and value > 1e5:
            print(f"{' ' * indent}{name:<34}{value / 1e6:>12,.1f} M")
        else:
            text = f"{value:,.2f}" if isinstance(value, float) else value
            print(f"{' ' * indent}{name:<34}{text!s:>14}")


if __name__ == "__main__":
    sys.exit(main())
