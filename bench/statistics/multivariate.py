"""Second moments and random features: false alarms, power, and what leaves with the figures.

    .venv/bin/python bench/statistics/multivariate.py [--repeats 320]

`at_5%` and `at_0.5%`: how often p is below that. `single_columns`: how often a test of each column
alone (KS on 20 bins, Benjamini-Hochberg at 5 %) says that anything changed. Every reference serves
40 windows, so figures of one case err together a little. The same seed serves the exact and the
rounded case, so that they differ by rounding alone.

`recovered` is about an attacker who holds the second moments of n rows and of the same rows without
one: |cosine| between that row and the leading direction of the difference, mean of 50 rows. 1 is
the row itself, sqrt(2/(pi d)) is chance.
"""

import argparse
from collections.abc import Callable

import numpy as np
from figures import report
from scipy.special import ndtri

from detectors.statistics.counts import Sample
from detectors.statistics.ks import ks_test
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.random_features import embedding_shift
from detectors.statistics.second_moments import least_rows, rounding_step, second_moment_shift

SHARED = 40  # windows examined against one drawn reference
EDGES = ndtri(np.arange(1, 20) / 20)
Rows = Callable[[np.random.Generator, int], np.ndarray]


def normal(correlation: np.ndarray) -> Rows:
    lower = np.linalg.cholesky(correlation)
    return lambda rng, n: clipped(rng.standard_normal((n, len(lower))) @ lower.T)


def lognormal(correlation: np.ndarray) -> Rows:
    lower = np.linalg.cholesky(correlation)

    def rows(rng, n):
        x = np.exp(rng.standard_normal((n, len(lower))) @ lower.T)
        return clipped((x - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e))

    return rows


def clipped(x: np.ndarray) -> np.ndarray:
    longest = 2 * np.sqrt(x.shape[1])
    return x * np.minimum(1, longest / np.linalg.norm(x, axis=1, keepdims=True))


def alike(d: int, rho: float) -> np.ndarray:
    return rho + (1 - rho) * np.eye(d)


def one_pair(d: int, rho: float) -> np.ndarray:
    matrix = alike(d, 0.3)
    matrix[0, 1] = matrix[1, 0] = rho
    return matrix


PAIR_LOST = normal(alike(10, 0.3)), normal(one_pair(10, 0.0))
MOMENT_CASES = [  # name, rows before, rows now, d, n, reference windows, rounded, noise sd
    ("nothing", normal(alike(10, 0.3)), None, 10, 2_000, 100, False, 0.0),
    ("nothing, lognormal", lognormal(alike(10, 0.3)), None, 10, 2_000, 100, False, 0.0),
    ("nothing, d = 50", normal(alike(50, 0.3)), None, 50, 1_000, 75, True, 0.0),
    ("nothing, rounded", normal(alike(10, 0.3)), None, 10, 2_000, 100, True, 0.0),
    ("nothing, noise", normal(alike(10, 0.3)), None, 10, 2_000, 100, False, 40.0),
    ("nothing, few windows", normal(alike(10, 0.3)), None, 10, 2_000, 10, False, 0.0),
    ("nothing, few, lognormal", lognormal(alike(10, 0.3)), None, 10, 2_000, 10, False, 0.0),
    *(
        (name, normal(before), normal(now), 10, 2_000, 100, rounded, 0.0)
        for name, before, now in (
            ("a pair from 0.3 to 0", alike(10, 0.3), one_pair(10, 0.0)),
            ("a pair from 0.3 to 0.2", alike(10, 0.3), one_pair(10, 0.2)),
            ("all pairs from 0.3 to 0.27", alike(10, 0.3), alike(10, 0.27)),
        )
        for rounded in (False, True)
    ),
    ("a pair, d = 50", normal(alike(50, 0.3)), normal(one_pair(50, 0.0)), 50, 1_000, 75, True, 0.0),
    ("a pair, few windows", *PAIR_LOST, 10, 2_000, 10, True, 0.0),
    ("a pair, noise", *PAIR_LOST, 10, 2_000, 100, True, 40.0),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=320)
    repeats = parser.parse_args().repeats
    moments = [moment_case(*case, repeats) for case in MOMENT_CASES]
    recovered = [recovery(d, factor) for d in (10, 50) for factor in (20, 100)]
    report("second_moments", moments, repeats=repeats, recovered=recovered)
    embeddings = [embedding_case(*case, repeats) for case in EMBEDDING_CASES]
    report("embeddings", embeddings, repeats=repeats)


def moment_case(name, before, now, d, n, windows, rounded, sd, repeats):
    rng = np.random.default_rng([d, n, windows, len(name)])
    noise = np.random.default_rng(1)
    p_values, single = [], []

    def sent(x: np.ndarray) -> np.ndarray:
        exact = x.T @ x / len(x)
        blur = np.triu(noise.normal(0, sd, exact.shape)) / len(x) if sd else 0.0
        exact = exact + blur + np.transpose(np.triu(blur, 1) if sd else 0.0)
        step = rounding_step(len(x))
        return np.rint(exact / step) * step if rounded else exact

    for _ in range(repeats // SHARED):
        reference = [before(rng, n) for _ in range(windows)]
        matrices, counted = (
            np.array([sent(x) for x in reference]),
            binned(np.concatenate(reference)),
        )
        for _ in range(SHARED):
            x = (now or before)(rng, n)
            found = second_moment_shift(sent(x), n, matrices, np.full(windows, float(n)), sd)
            p_values.append(found.p_value)
            single.append(by_columns(binned(x), counted))
    lognormal_rows = "lognormal" in name
    return {
        "moved": name,
        "columns": d,
        "rows": n,
        "windows": windows,
        "rounded": rounded,
        "noise_sd": sd,
        "at_5%": rate(p_values, 0.05),
        "at_0.5%": rate(p_values, 0.005),
        "single_columns": None if lognormal_rows else float(np.mean(single)),
    }


def binned(x: np.ndarray) -> Sample:
    place = np.searchsorted(EDGES, x)
    counts = np.array([np.bincount(column, minlength=20) for column in place.T], float)
    return Sample(counts, counts.sum(axis=1))


def by_columns(current: Sample, reference: Sample) -> bool:
    p = ks_test(current, reference, np.random.default_rng(3))[1]
    return bool(benjamini_hochberg(p).min() <= 0.05)


def rate(p_values: list[float], level: float) -> float:
    return round(float(np.mean(np.array(p_values) < level)), 3)


def recovery(d: int, factor: int) -> dict[str, float]:
    """How much of one row two releases that differ by it give away."""
    n, rng = factor * d, np.random.default_rng([d, factor])
    rows, step = normal(alike(d, 0.3)), rounding_step(factor * d)
    seen: dict[str, list[float]] = {"exact": [], "rounded": []}
    for _ in range(50):
        x = rows(rng, n)
        whole, without = x.T @ x / n, x[1:].T @ x[1:] / (n - 1)
        for name, (a, b) in {
            "exact": (whole, without),
            "rounded": (np.rint(whole / step) * step, np.rint(without / step) * step),
        }.items():
            leading = np.linalg.eigh(n * a - (n - 1) * b)[1][:, -1]
            seen[name].append(abs(leading @ x[0]) / np.linalg.norm(x[0]))
    told = {name: round(float(np.mean(values)), 3) for name, values in seen.items()}
    assert n >= least_rows(d, 11)
    return {
        "columns": d,
        "rows": n,
        "step": step,
        "chance": round((2 / np.pi / d) ** 0.5, 3),
    } | told


def cloud(shift: float = 0.0, clusters: bool = False, share: float = 0.0) -> Rows:
    """Embeddings of 32 dimensions: one cloud or two; `share` of them from a new, tighter one."""

    def rows(rng, n):
        x = rng.standard_normal((n, 32)) + shift / np.sqrt(32)
        if clusters:
            x += np.sqrt(2) * rng.integers(0, 2, (n, 1))
        fresh = rng.random((n, 1)) < share
        return np.where(fresh, x / 2 + 1, x)

    return rows


EMBEDDING_CASES = [  # what changed, rows before and now, D, n, reference windows, noise sd
    ("nothing", cloud(), cloud(), 64, 1_000, 100, 0.0),
    ("nothing, D = 128", cloud(), cloud(), 128, 1_000, 75, 0.0),
    ("nothing, two clusters", cloud(clusters=True), cloud(clusters=True), 64, 1_000, 100, 0.0),
    ("nothing, noise", cloud(), cloud(), 64, 1_000, 100, 4.0),
    ("nothing, 30 windows", cloud(clusters=True), cloud(clusters=True), 64, 1_000, 30, 0.0),
    ("nothing, one window", cloud(clusters=True), cloud(clusters=True), 64, 1_000, 1, 0.0),
    ("mean by 0.3", cloud(), cloud(0.3), 64, 1_000, 100, 0.0),
    ("mean by 0.3, noise", cloud(), cloud(0.3), 64, 1_000, 100, 4.0),
    ("mean by 0.3, 30 windows", cloud(), cloud(0.3), 64, 1_000, 30, 0.0),
    ("mean by 0.3, one window", cloud(), cloud(0.3), 64, 1_000, 1, 0.0),
    ("5 % from a new cluster", cloud(), cloud(share=0.05), 64, 1_000, 100, 0.0),
    ("5 % new, one window", cloud(), cloud(share=0.05), 64, 1_000, 1, 0.0),
]


def embedding_case(name, before, now, dimension, n, windows, sd, repeats):
    rng = np.random.default_rng([dimension, n, windows, len(name)])
    normals = np.random.Generator(np.random.PCG64(7)).standard_normal((32, dimension // 2))

    def sent(x: np.ndarray) -> np.ndarray:
        angle = x @ (normals / 8.0)
        z = np.hstack([np.cos(angle), np.sin(angle)]) / np.sqrt(dimension / 2)
        return z.mean(axis=0) + rng.normal(0, 1, dimension) * sd / len(x)

    p_values, distances = [], []
    for _ in range(repeats // SHARED):
        reference = np.array([sent(before(rng, n)) for _ in range(windows)])
        for _ in range(SHARED):
            found = embedding_shift(sent(now(rng, n)), n, reference, np.full(windows, float(n)), sd)
            p_values.append(found.p_value)
            distances.append(found.mmd2)
    return {
        "moved": name,
        "features": dimension,
        "rows": n,
        "windows": windows,
        "noise_sd": sd,
        "at_5%": rate(p_values, 0.05),
        "at_0.5%": rate(p_values, 0.005),
        "mean_mmd2": round(float(np.mean(distances)), 6),
    }


if __name__ == "__main__":
    main()
