"""False alarms in 20 quiet years and windows until a change is paged, at one false alarm a year.

    .venv/bin/python bench/statistics/paging_budget.py

1. rates         1,000 streams of a rate of 5 %, windows of 500 rows; a change to 7 %, 10 %; the
                 reference is 50,000 rows, noised once, or the rate is known exactly
2. mean shift    60 of 1,000 features shift by 0.1, 0.2, 0.3 sd; windows of 500 rows, 20 bins; the
                 reference is 100 windows, from which jitter and wandering are learned as well; or
                 the windows are known not to vary by themselves
3. self-varying  50 features with a weekday effect and daily jitter, windows of 2,000 rows; the
                 reference is 56 windows, learned by weekday; a shift of 0.25 sd

Every year has a reference of its own. The budget allows 20 false alarms in the 20 years of 1,000
streams; where fewer are simulated, their part of it (`allowed`). Delays are medians over the
streams of DELAYED years.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from figures import NO_NOISE, noise_of, report
from scipy.special import ndtr, ndtri

from detectors.statistics.e_detector import advance, alarm_limit, initial_state, restart
from detectors.statistics.reference import Limits, learn_reference
from detectors.statistics.streams import Streams, ordered_streams, rate_streams

YEAR, YEARS, DELAYED, LONG = 365, 20, 2, 200
NEVER = 999


@dataclass(frozen=True)
class World:
    """What is simulated: a reference's limits, and windows in which the streams have changed."""

    name: str
    streams: int  # that share the budget
    learn: Callable[[np.random.Generator], Limits]
    windows: Callable[[np.random.Generator, float, int], Iterable[Streams]]
    quiet: float
    changes: tuple[float, ...]
    seasons: int = 1


def judge(world: World, seed: int) -> dict:
    """One line of the table."""
    limit, alarms, simulated = alarm_limit(world.streams, YEAR, 1), 0, 0
    delays = {change: [] for change in world.changes}
    for year in range(YEARS):
        rng = np.random.default_rng([seed, year])
        limits = world.learn(rng)
        found = page(world.windows(rng, world.quiet, YEAR), limits, limit, world.seasons)
        alarms, simulated = alarms + int(found.sum()), found.shape[1]
        for change in world.changes if year < DELAYED else ():
            found = page(world.windows(rng, change, LONG), limits, limit, world.seasons)
            first = np.where(found.any(axis=0), found.argmax(axis=0) + 1, NEVER)
            delays[change].append(np.median(first))
    return {
        "case": world.name,
        "false_alarms": alarms,
        "allowed": YEARS * simulated / world.streams,
        "delays": [float(np.mean(each)) for each in delays.values()],
    }


def page(windows: Iterable[Streams], limits: Limits, limit: float, seasons: int) -> np.ndarray:
    """Which streams alarm in which window, (windows, streams)."""
    state, alarms = None, []
    for t, window in enumerate(windows):
        if state is None:
            state = initial_state(*window.successes.shape)
        state, log_mean = advance(state, window, limits, t % seasons)
        alarms.append(log_mean >= limit)
        if alarms[-1].any():
            state = restart(state, alarms[-1])
    return np.array(alarms)


def each(several: Streams) -> Iterable[Streams]:
    for successes, totals in zip(several.successes, several.totals, strict=True):
        yield replace(several, successes=successes, totals=totals)


def rates(epsilon, *, known=False, streams=1000, n=500, p=0.05, size=100) -> World:
    noise = noise_of(epsilon)

    def noisy(rng, hits, rows):
        hits, rest = (c + noise.draw(rng, hits.shape) for c in (hits, rows - hits))
        return rate_streams(hits, hits + rest)

    def windows(rng, share, count):
        return each(noisy(rng, rng.binomial(n, share, (count, streams)).astype(float), n))

    def learn(rng):
        whole = noisy(rng, rng.binomial(n * size, p, (1, streams)).astype(float), n * size)
        apart = rng.binomial(n, p, (size, streams)).astype(float)
        limits = learn_reference(
            rate_streams(apart, np.full_like(apart, n)),
            np.zeros(size),
            1,
            level=0.05 / streams,
            total=next(iter(each(whole))),
            noise=noise,
            dispersion=1.0,
        )
        exactly = np.full_like(limits.low, p)
        return replace(limits, low=exactly, high=exactly) if known else limits

    name = f"rate {'known exactly' if known else 'learned'}, epsilon {epsilon}"
    return World(name, streams, learn, windows, p, (0.07, 0.10))


def normal_counts(rng, means, n, bins=20):
    """Counts of a normal feature with these means over equal-frequency bins, (..., bins)."""
    edges = ndtri(np.arange(bins + 1) / bins)
    return rng.multinomial(n, np.diff(ndtr(edges - np.asarray(means)[..., None]))).astype(float)


def mean_shift(epsilon, *, dispersion=None, columns=60, streams=1000, n=500, size=100) -> World:
    noise = noise_of(epsilon)

    def draw(rng, shift, count):
        counts = normal_counts(rng, np.full((count, columns), shift), n)
        return ordered_streams(counts + noise.draw(rng, counts.shape))

    def learn(rng):
        return learn_reference(
            draw(rng, 0.0, size),
            np.zeros(size),
            1,
            level=0.05 / streams,
            noise=noise,
            dispersion=dispersion,
        )

    def windows(rng, shift, count):
        return each(draw(rng, shift, count))

    what = "jitter learned" if dispersion is None else "no jitter known"
    name = f"mean shift, {what}, epsilon {epsilon}"
    return World(name, streams, learn, windows, 0.0, (0.1, 0.2, 0.3))


def self_varying(effect, jitter, columns=50, n=2000, size=56) -> World:
    weekday = np.random.default_rng(3).normal(0, effect, (7, columns))

    def draw(rng, shift, count):
        means = weekday[np.arange(count) % 7] + rng.normal(0, jitter, (count, columns)) + shift
        return ordered_streams(normal_counts(rng, means, n))

    def learn(rng):
        season = np.arange(size) % 7
        return learn_reference(
            draw(rng, 0.0, size), season, 7, level=0.05 / columns, noise=NO_NOISE
        )

    def windows(rng, shift, count):
        return each(draw(rng, shift, count))

    name = f"self-varying, weekday {effect} sd, jitter {jitter} sd"
    return World(name, columns, learn, windows, 0.0, (0.25,), seasons=7)


def main() -> None:
    worlds = [
        rates(epsilon, known=known) for known in (False, True) for epsilon in (None, 1.0, 0.1)
    ]
    worlds += [mean_shift(None), mean_shift(1.0), mean_shift(None, dispersion=1.0)]
    worlds += [self_varying(*w) for w in ((0, 0), (0, 0.05), (0.1, 0.02), (0.3, 0.05))]
    rows = [judge(world, seed) for seed, world in enumerate(worlds)]
    report("paging_budget", rows, years=YEARS, windows_per_year=YEAR, delay="median, in windows")


if __name__ == "__main__":
    main()
