"""What binning and noise cost KS: its power beside that of the same test on the rows themselves.

    .venv/bin/python bench/statistics/power_against_raw_ks.py [--samples 1000]

A normal feature shifts by 3 sqrt(1/n + 1/m) standard deviations: n rows in the window, m = 50,000
in the reference. `raw` is how often scipy's ks_2samp finds it at 5 % from the rows, `binned` how
often our test does from the counts of the same rows, noised on both sides; `loss` is the
difference, to be at most 0.07 for n >= 5,000 and epsilon >= 0.5.
"""

import argparse

import numpy as np
from figures import EPSILONS, noise_of, report
from scipy.special import ndtri
from scipy.stats import ks_2samp

from detectors.statistics.counts import Sample
from detectors.statistics.ks import ks_test

REFERENCE = 50_000
SIZES, BINS = (500, 5_000, 50_000), (10, 20, 50)
TOGETHER = 50  # columns in one call: they share its draws, so many calls are averaged
MOST_LOSS = 0.07


def edges_of(shape: str, bins: int) -> np.ndarray:
    """Inner edges; the outer bins are open."""
    if shape == "equal-width":
        return np.linspace(-3, 3, bins + 1)[1:-1]
    return ndtri(np.arange(1, bins) / bins)


LAYOUTS = {(s, b): edges_of(s, b) for s in ("equal-frequency", "equal-width") for b in BINS}


def counts_of(rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.diff(np.searchsorted(rows, edges), prepend=0, append=len(rows)).astype(float)


def drawn(rng, n: int, samples: int):
    """Raw p-values, and per layout the counts of the same windows and references."""
    raw, counts = np.empty(samples), {layout: ([], []) for layout in LAYOUTS}
    shift = 3 * np.sqrt(1 / n + 1 / REFERENCE)
    for i in range(samples):
        sides = np.sort(rng.normal(shift, 1, n)), np.sort(rng.normal(0, 1, REFERENCE))
        raw[i] = ks_2samp(*sides, method="asymp").pvalue
        for layout, edges in LAYOUTS.items():
            for side, rows in zip(counts[layout], sides, strict=True):
                side.append(counts_of(rows, edges))
    return raw, {layout: tuple(map(np.array, sides)) for layout, sides in counts.items()}


def found(rng, sides, epsilon) -> float:
    """How often our test says changed, noise added to both sides."""
    noise, p_values = noise_of(epsilon), []
    noisy = [side + noise.draw(rng, side.shape) for side in sides]
    for start in range(0, len(noisy[0]), TOGETHER):
        part = [side[start : start + TOGETHER] for side in noisy]
        p_values.append(ks_test(*(Sample(c, c.sum(axis=1), noise) for c in part), rng)[1])
    return float((np.concatenate(p_values) < 0.05).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    samples = parser.parse_args().samples
    rows = []
    for n in SIZES:
        rng = np.random.default_rng([5, n])
        raw, counts = drawn(rng, n, samples)
        power = float((raw < 0.05).mean())
        for (shape, bins), sides in counts.items():
            for epsilon in EPSILONS:
                binned = found(rng, sides, epsilon)
                case = {"n": n, "shape": shape, "bins": bins, "epsilon": epsilon}
                rows.append(case | {"raw": power, "binned": binned, "loss": power - binned})
    report("power_against_raw_ks", rows, samples=samples, reference_rows=REFERENCE)
    asked = [r for r in rows if r["n"] >= 5_000 and (r["epsilon"] or 1) >= 0.5]
    print(f"largest loss where {MOST_LOSS} is asked: {max(r['loss'] for r in asked):.3f}")


if __name__ == "__main__":
    main()
