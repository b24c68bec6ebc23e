"""Do the figures of one window keep their promises? Sizes, their limits and intervals; moments.

    .venv/bin/python bench/statistics/one_window.py [--calls 30]

`beyond`: how often a size of a column that did not change exceeds what chance is said to exceed in
5 % of windows. Columns of one call share their draws: each figure averages over `calls` of 60.
`interval`: how often the interval of total variation lies above or below the true size; the window
is drawn from shares that lie that far from the reference's.
`moments`: how often the 95 % intervals of mean and standard deviation miss, and how often p < 0.05
without a change.
Reference and window are noised alike; the reference has 50,000 rows.
"""

import argparse

import figures
import numpy as np
from figures import draw, noise_of, shares_of

from detectors.statistics import effects
from detectors.statistics.chance import chance_limits
from detectors.statistics.counts import Sample
from detectors.statistics.moments import changes, lay_out, moments

COLUMNS, REFERENCE = 60, 50_000
SIZES = ("total_variation", "wasserstein", "hellinger", "jensen_shannon", "psi")
ROWS, BINS, EPSILONS = (100, 500, 5_000, 50_000), (2, 10, 20, 50), (None, 1.0, 0.1)
SHIFTS = (0.0, 0.02, 0.1, 0.3, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30)
    calls = parser.parse_args().calls
    rows = []
    for shape in ("equal-width", "zipf"):
        for n in ROWS:
            for bins in BINS:
                for epsilon in EPSILONS:
                    case = {"shape": shape, "n": n, "bins": bins, "epsilon": epsilon}
                    rng = np.random.default_rng([len(rows), n, bins])
                    shares = shares_of(shape, bins)
                    rows.append(
                        case
                        | {"effective_rows": effective(n, bins, epsilon)}
                        | beyond(rng, shares, n, epsilon, calls)
                        | interval(rng, shares, n, epsilon)
                        | of_moments(rng, shares, n, epsilon)
                    )
    told = [row for row in rows if row["effective_rows"] >= row["n"] / 2]
    figures.report("one_window", rows, columns=COLUMNS * calls, reference_rows=REFERENCE)
    for name in rows[0]:
        if name not in case | {"effective_rows": 0}:
            values = [row[name] for row in told if row[name] is not None]
            print(f"{name}: {min(values):.3f} to {max(values):.3f}, mean {np.mean(values):.3f}")


def effective(n, bins, epsilon):
    """Rows without noise that would tell as much."""
    return round(n / (1 + bins * noise_of(epsilon).variance / n))


def beyond(rng, shares, n, epsilon, calls):
    found = []
    for _ in range(calls):
        now, then = pair(rng, shares, shares, n, epsilon, COLUMNS)
        limits = chance_limits(now, then, rng)
        found.append(
            [(getattr(effects, s)(now.counts, then.counts) > limits[s]).mean() for s in SIZES]
        )
    rates = np.mean(found, axis=0)
    return {f"beyond_{name}": float(rate) for name, rate in zip(SIZES, rates, strict=True)}


def interval(rng, shares, n, epsilon):
    """The worst of several true sizes."""
    too_high, too_low = [], []
    for shift in SHIFTS:
        moved = shares * np.exp(shift * np.cos(2.0 * np.arange(len(shares))))
        moved /= moved.sum()
        true = 0.5 * np.abs(moved - shares).sum()
        found = effects.total_variation_interval(*pair(rng, moved, shares, n, epsilon, 600))
        too_high.append(float((found.low > true).mean()))
        too_low.append(float((found.high < true).mean()))
    return {"interval_above": max(too_high), "interval_below": max(too_low)}


def of_moments(rng, shares, n, epsilon):
    """Columns that reach from bin 0 to the last, of equal width."""
    if len(shares) < 10:
        return dict.fromkeys(("mean_misses", "sd_misses", "mean_p", "sd_p"))
    places = lay_out(np.linspace(0, 1, len(shares) - 1)[None], 1e6 * shares[None])
    exact = moments(Sample(1e6 * shares[None], np.array([1e6])), places)
    now, then = pair(rng, shares, shares, n, epsilon, 600)
    found, change = moments(now, places), changes(now, then, places)
    misses = [
        float(((one.low > true.value) | (one.high < true.value)).mean())
        for one, true in zip(found, exact, strict=True)
    ]
    p = [float((p_value < 0.05).mean()) for p_value in (change.mean_p, change.sd_p)]
    return dict(zip(("mean_misses", "sd_misses", "mean_p", "sd_p"), misses + p, strict=True))


def pair(rng, now, then, n, epsilon, columns):
    noise = noise_of(epsilon)
    return draw(rng, now, n, columns, noise), draw(rng, then, REFERENCE, columns, noise)


if __name__ == "__main__":
    main()
