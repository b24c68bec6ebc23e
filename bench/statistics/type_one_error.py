"""How often KS and Q call a column changed that did not change, at nominal 5 % and 0.5 %.

    .venv/bin/python bench/statistics/type_one_error.py [--calls 20]

Reference and window are noised alike. KS shares its draws between the columns of one call, so the
columns of a call err together: each figure averages over `calls` of 100 columns. KS is left out
where the columns have no order (zipf).
"""

import argparse

import numpy as np
from figures import EPSILONS, SHAPES, draw, noise_of, report, shares_of

from detectors.statistics.ks import ks_test
from detectors.statistics.quadratic import quadratic_test

COLUMNS = 100
REFERENCE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20)
    calls = parser.parse_args().calls
    rows = []
    for shape in SHAPES:
        for n in (500, 5_000, 50_000):
            for bins in (10, 20, 50):
                for epsilon in EPSILONS:
                    seed = [SHAPES.index(shape), n, bins, EPSILONS.index(epsilon)]
                    rng = np.random.default_rng(seed)
                    rows.append(
                        {"shape": shape, "n": n, "bins": bins, "epsilon": epsilon}
                        | rates(rng, shares_of(shape, bins), n, epsilon, calls, shape != "zipf")
                    )
    report("type_one_error", rows, columns=COLUMNS * calls, reference_rows=REFERENCE)
    for name in ("ks_5%", "q_5%"):
        told = [row[name] for row in rows if row[name] is not None]
        print(f"{name}: {min(told):.3f} to {max(told):.3f}")


def rates(rng, shares, n, epsilon, calls, ordered):
    noise = noise_of(epsilon)
    found = {"ks": [], "q": []}
    for _ in range(calls):
        current = draw(rng, shares, n, COLUMNS, noise)
        reference = draw(rng, shares, REFERENCE, COLUMNS, noise)
        found["q"].append(quadratic_test(current, reference)[1])
        if ordered:
            found["ks"].append(ks_test(current, reference, rng)[1])
    figures = {}
    for name, p_values in found.items():
        for level, label in ((0.05, "5%"), (0.005, "0.5%")):
            rate = float(np.mean(np.array(p_values) < level)) if p_values else None
            figures[f"{name}_{label}"] = rate
    return figures


if __name__ == "__main__":
    main()
