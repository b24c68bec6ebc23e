"""False alarms a year and windows until a change is paged, under a budget of one false alarm.

    .venv/bin/python bench/statistics/paging_budget.py

1. rates         1,000 streams of a rate of 5 %, windows of 500 rows; a quiet year, then 7 %, 10 %;
                 the reference is 50,000 rows, noised once, or the rate is known exactly
2. mean shift    one of 1,000 features shifts by 0.1, 0.2, 0.3 sd; windows of 500 rows, 20 bins;
                 the reference is 100 windows, from which jitter is estimated as well
3. self-varying  50 features with a weekday effect and daily jitter, windows of 2,000 rows; the
                 reference is 56 windows, learned by weekday; a quiet year, then a shift of 0.25 sd
"""

from dataclasses import replace

import numpy as np
from figures import NO_NOISE, noise_of, report
from scipy.special import ndtr, ndtri

from detectors.statistics.e_detector import advance, alarm_limit, initial_state, restart
from detectors.statistics.reference import learn_reference
from detectors.statistics.streams import ordered_streams, rate_streams

YEAR = 365
NEVER = 999


def page(windows, limits, limit, seasons=1):
    """Alarms per window and stream, and the first alarm of each stream (NEVER without one)."""
    state, alarms = None, []
    for t, window in enumerate(windows):
        if state is None:
            state = initial_state(*window.successes.shape)
        state, log_mean = advance(state, window, limits, t % seasons)
        alarms.append(log_mean >= limit)
        state = restart(state, alarms[-1])
    alarms = np.array(alarms)
    first = np.where(alarms.any(axis=0), alarms.argmax(axis=0) + 1, NEVER)
    return int(alarms.sum()), float(np.median(first))


def rates(epsilon, *, known=False, streams=1000, n=500, p=0.05, reference_windows=100):
    rng, noise = np.random.default_rng(1), noise_of(epsilon)

    def windows(share, count):
        hits = rng.binomial(n, share, (count, streams)).astype(float)
        rest = n - hits
        hits, rest = hits + noise.draw(rng, hits.shape), rest + noise.draw(rng, hits.shape)
        return rate_streams(hits, hits + rest)

    def each(several):
        return (
            rate_streams(s[:, 0], t) for s, t in zip(several.successes, several.totals, strict=True)
        )

    whole = rng.binomial(n * reference_windows, p, (1, streams)).astype(float)
    rest = n * reference_windows - whole
    whole, rest = whole + noise.draw(rng, whole.shape), rest + noise.draw(rng, whole.shape)
    total = rate_streams(whole[0], (whole + rest)[0])
    limits = learn_reference(
        windows(p, reference_windows),
        np.zeros(reference_windows),
        1,
        level=0.05 / streams,
        total=total,
        noise=noise,
        dispersion=1.0,
    )
    if known:
        exactly = np.full_like(limits.low, p)
        limits = replace(limits, low=exactly, high=exactly)
    limit = alarm_limit(streams, YEAR, 1)
    quiet, _ = page(each(windows(p, YEAR)), limits, limit)
    delays = [page(each(windows(q, 200)), limits, limit)[1] for q in (0.07, 0.10)]
    name = f"rate {'known exactly' if known else 'learned'}, epsilon {epsilon}"
    return {"case": name, "false_alarms": quiet, "delays": delays}


def normal_counts(rng, means, n, bins=20):
    """Counts of a normal feature with these means over equal-frequency bins, (..., bins)."""
    edges = ndtri(np.arange(bins + 1) / bins)
    return rng.multinomial(n, np.diff(ndtr(edges - np.asarray(means)[..., None]))).astype(float)


def mean_shift(epsilon, columns=60, streams=1000, n=500):
    rng, noise = np.random.default_rng(2), noise_of(epsilon)

    def windows(shift, count):
        counts = normal_counts(rng, np.full((count, columns), shift), n)
        return counts + noise.draw(rng, counts.shape)

    limits = learn_reference(
        ordered_streams(windows(0.0, 100)), np.zeros(100), 1, level=0.05 / streams, noise=noise
    )
    limit = alarm_limit(streams, YEAR, 1)
    quiet, _ = page(map(ordered_streams, windows(0.0, YEAR)), limits, limit)
    delays = [
        page(map(ordered_streams, windows(shift, 120)), limits, limit)[1]
        for shift in (0.1, 0.2, 0.3)
    ]
    name = f"mean shift, epsilon {epsilon}"
    return {"case": name, "false_alarms": quiet, "delays": delays}


def self_varying(effect, jitter, columns=50, n=2000, reference_windows=56):
    rng = np.random.default_rng(3)
    weekday = rng.normal(0, effect, (7, columns))

    def windows(count, shift=0.0):
        means = weekday[np.arange(count) % 7] + rng.normal(0, jitter, (count, columns)) + shift
        return normal_counts(rng, means, n)

    limits = learn_reference(
        ordered_streams(windows(reference_windows)),
        np.arange(reference_windows) % 7,
        7,
        level=0.05 / columns,
        noise=NO_NOISE,
    )
    limit = alarm_limit(columns, YEAR, 1)
    quiet, _ = page(map(ordered_streams, windows(YEAR)), limits, limit, seasons=7)
    _, delay = page(map(ordered_streams, windows(60, 0.25)), limits, limit, seasons=7)
    name = f"self-varying, weekday {effect} sd, jitter {jitter} sd"
    return {"case": name, "false_alarms": quiet, "delays": [delay]}


def main() -> None:
    rows = [rates(epsilon, known=known) for known in (False, True) for epsilon in (None, 1.0, 0.1)]
    rows += [mean_shift(epsilon) for epsilon in (None, 1.0)]
    rows += [self_varying(*w) for w in ((0, 0), (0, 0.05), (0.1, 0.02), (0.3, 0.05))]
    report("paging_budget", rows, windows_per_year=YEAR, budget=1, delay="median, in windows")


if __name__ == "__main__":
    main()
