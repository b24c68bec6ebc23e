"""Milliseconds of one core for one window of 1,000 columns x 20 bins: all evidence, all paging.

    .venv/bin/python bench/statistics/speed.py

Every column is taken for numeric and for categorical, which is more than any window costs. `window`
is all of it in one go, measured by itself; `learn_once` is paid once for each baseline. Times are
of the CPU, medians of several runs. `memory` is what 50 windows one after another leave behind.
"""

import gc
import resource
import tracemalloc

import figures  # first: it holds numpy to one core
import numpy as np
from figures import draw, milliseconds, noise_of, shares_of

from detectors.statistics import effects
from detectors.statistics.chance import chance_limits
from detectors.statistics.counts import Sample
from detectors.statistics.e_detector import advance, bets_of, initial_state
from detectors.statistics.integrity import rate_change
from detectors.statistics.ks import ks_test
from detectors.statistics.moments import binning_doubt, changes, lay_out, moments
from detectors.statistics.multiplicity import benjamini_hochberg
from detectors.statistics.power import detectable_change, detectable_gap
from detectors.statistics.quadratic import quadratic_test
from detectors.statistics.reference import learn_reference
from detectors.statistics.streams import ordered_streams

COLUMNS, BINS, RATES = 1000, 20, 4
LIMIT = 250.0
WINDOWS = 50
EDGES = np.tile(np.linspace(0.0, 1.0, BINS - 1), (COLUMNS, 1))
STEPS = np.full((COLUMNS, BINS - 1), 1.0)


class Bench:
    """A reference, what was learned from it, and a window to be examined."""

    def __init__(self, epsilon, n, drifted):
        self.rng, self.noise = np.random.default_rng(1), noise_of(epsilon)
        shares = shares_of("equal-frequency", BINS)
        slanted = shares * np.linspace(0.8, 1.2, BINS)
        self.reference = draw(self.rng, shares, 50_000, COLUMNS, self.noise)
        self.current = draw(self.rng, slanted if drifted else shares, n, COLUMNS, self.noise)
        counts = self.rng.multinomial(n, shares, (28, COLUMNS)) + self.noise.draw(
            self.rng, (28, COLUMNS, BINS)
        )
        self.history = ordered_streams(counts)
        self.limits = self.learn()
        self.state = initial_state(COLUMNS, BINS - 1)
        self.page()

    def learn(self):
        weekday, level = np.arange(28) % 7, 0.05 / COLUMNS
        return learn_reference(self.history, weekday, 7, level=level, noise=self.noise)

    def ks(self):
        p_value = ks_test(self.current, self.reference, self.rng)[1]
        return benjamini_hochberg(p_value), detectable_gap(self.current, self.reference)

    def q(self):
        p_value = quadratic_test(self.current, self.reference)[1]
        return benjamini_hochberg(p_value), detectable_change(self.current, self.reference)

    def effects(self):
        x, r = self.current.counts, self.reference.counts
        sizes = (effects.wasserstein, effects.jensen_shannon, effects.hellinger, effects.psi)
        interval = effects.total_variation_interval(self.current, self.reference)
        return interval, [size(x, r) for size in sizes]

    def chance(self):
        return chance_limits(self.current, self.reference, self.rng, STEPS)

    def moments(self):
        places = lay_out(EDGES, self.reference.counts)
        both = [moments(sample, places) for sample in (self.current, self.reference)]
        change = changes(self.current, self.reference, places)
        return both, change, binning_doubt(self.current, places)

    def rates(self):
        now, then = (
            Sample(s.counts[:, :RATES].ravel(), np.repeat(s.totals, RATES), s.noise)
            for s in (self.current, self.reference)
        )
        return rate_change(now, then)

    def page(self):
        self.state, _ = advance(self.state, ordered_streams(self.current.counts), self.limits)

    def window(self):
        parts = (self.ks, self.q, self.effects, self.chance, self.moments, self.rates, self.page)
        for part in parts:
            part()


def main() -> None:
    rows, memory = [], {}
    for epsilon in (None, 1.0):
        for n in (500, 50_000):
            for drifted in (False, True):
                bench = Bench(epsilon, n, drifted)
                parts = ("ks", "q", "effects", "chance", "moments", "rates", "page", "window")
                spent = {name: milliseconds(getattr(bench, name), 11) for name in parts}
                spent["learn_once"] = milliseconds(bench.learn, repeats=1)
                rows.append({"epsilon": epsilon, "n": n, "drifted": drifted, **spent})
                memory = memory or left_behind(bench)
    figures.report(
        "speed",
        rows,
        columns=COLUMNS,
        bins=BINS,
        e_processes=int(bets_of(bench.state).size),
        unit="ms of CPU time, median of 11",
        limit=f"window under {LIMIT:g}",
        held=max(row["window"] for row in rows) < LIMIT,
        memory=memory,
    )
    print(f"{bets_of(bench.state).size} e-processes; {memory}")


def left_behind(bench):
    """Bytes more in use, and largest bytes ever resident, after 50 more windows than after one."""
    bench.window()
    tracemalloc.start()
    bench.window()
    gc.collect()
    in_use, resident = tracemalloc.get_traced_memory()[0], peak_resident()
    for _ in range(WINDOWS):
        bench.window()
    gc.collect()
    growth = tracemalloc.get_traced_memory()[0] - in_use
    tracemalloc.stop()
    return {
        "windows": WINDOWS,
        "more_bytes_in_use": growth,
        "more_bytes_resident": peak_resident() - resident,
        "bytes_of_state": bench.state.nbytes,
    }


def peak_resident() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
