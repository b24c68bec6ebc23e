"""What the statistics benches share: made-up data, a table on the screen, a JSON beside it."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# One core, so that figures compare; must be set before numpy loads its linear algebra.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import numpy as np
import scipy
from scipy.special import ndtr

from detectors.statistics.counts import NO_NOISE, Noise, Sample

RESULTS = Path(__file__).resolve().parent / "results"
EPSILONS = (None, 1.0, 0.5, 0.1)
SHAPES = ("equal-width", "equal-frequency", "zipf")


def noise_of(epsilon: float | None) -> Noise:
    return NO_NOISE if epsilon is None else Noise("discrete_laplace", 1 / epsilon)


def shares_of(shape: str, bins: int) -> np.ndarray:
    """True shares: a normal feature cut evenly from -3 to 3 sd, equal shares, or 1/rank."""
    if shape == "equal-width":
        shares = np.diff(ndtr(np.linspace(-3, 3, bins + 1)))
    elif shape == "zipf":
        shares = 1 / np.arange(1, bins + 1)
    else:
        shares = np.ones(bins)
    return shares / shares.sum()


def draw(rng: np.random.Generator, shares: np.ndarray, rows: int, features: int, noise: Noise):
    """Noisy counts whose totals are their own sums: private totals."""
    counts = rng.multinomial(rows, shares, size=features) + noise.draw(rng, (features, len(shares)))
    return Sample(counts, counts.sum(axis=1), noise)


def machine() -> dict[str, Any]:
    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": cpu,
        "cores_used": 1,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def report(name: str, rows: list[dict[str, Any]], **facts: Any) -> None:
    """Print the rows as a table and keep them, with the machine, in results/<name>.json."""
    columns = list(rows[0])
    table = [columns, *([_text(row[c]) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    RESULTS.mkdir(exist_ok=True)
    content = {"bench": name, "machine": machine(), **facts, "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def milliseconds(work: Callable[[], Any], repeats: int = 7) -> float:
    """CPU time, the median of several runs after one to warm up: neighbours hardly change it."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - start))
    return round(float(np.median(spent)), 1)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
