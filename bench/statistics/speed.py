"""Milliseconds of one core for one window of 1,000 columns x 20 bins: all evidence, all paging.

    .venv/bin/python bench/statistics/speed.py

`window` is the sum of what one window costs; `learn_once` is paid once for each baseline.
"""

import figures  # first: it holds numpy to one core
import numpy as np
from figures import draw, milliseconds, noise_of, shares_of

from detectors.statistics import effects
from detectors.statistics.counts import Sample
from detectors.statistics.e_detector import advance, initial_state
from detectors.statistics.integrity import rate_change
from detectors.statistics.ks import ks_test
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.quadratic import quadratic_test
from detectors.statistics.reference import learn_reference
from detectors.statistics.streams import ordered_streams

COLUMNS, BINS, RATES = 1000, 20, 4


def parts(epsilon, n, drifted):
    rng, noise = np.random.default_rng(1), noise_of(epsilon)
    shares = shares_of("equal-frequency", BINS)
    reference = draw(rng, shares, 50_000, COLUMNS, noise)
    slanted = shares * np.linspace(0.8, 1.2, BINS)
    current = draw(rng, slanted if drifted else shares, n, COLUMNS, noise)
    rate = Sample(current.counts[:, :RATES].ravel(), np.repeat(current.totals, RATES), noise)
    usual = Sample(reference.counts[:, :RATES].ravel(), np.repeat(reference.totals, RATES), noise)
    windows = ordered_streams(
        rng.multinomial(n, shares, (28, COLUMNS)) + noise.draw(rng, (28, COLUMNS, BINS))
    )
    weekday = np.arange(28) % 7

    def learn():
        return learn_reference(windows, weekday, 7, level=0.05 / COLUMNS, noise=noise)

    limits, stream = learn(), ordered_streams(current.counts)
    state = advance(initial_state(COLUMNS, BINS - 1), stream, limits)[0]
    distances = (
        effects.wasserstein,
        effects.jensen_shannon,
        effects.hellinger,
        effects.total_variation,
        effects.psi,
    )
    return {
        "ks": lambda: benjamini_hochberg(ks_test(current, reference, rng)[1]),
        "q": lambda: quadratic_test(current, reference),
        "effects": lambda: [f(current.counts, reference.counts) for f in distances],
        "rates": lambda: rate_change(rate, usual),
        "paging": lambda: advance(state, stream, limits),
    }, learn


def main() -> None:
    rows = []
    for epsilon in (None, 1.0):
        for n in (500, 50_000):
            for drifted in (False, True):
                work, learn = parts(epsilon, n, drifted)
                spent = {name: milliseconds(one) for name, one in work.items()}
                spent["window"] = round(sum(spent.values()), 1)
                spent["learn_once"] = milliseconds(learn, repeats=1)
                rows.append({"epsilon": epsilon, "n": n, "drifted": drifted, **spent})
    figures.report("speed", rows, columns=COLUMNS, bins=BINS, unit="ms of CPU time")


if __name__ == "__main__":
    main()
