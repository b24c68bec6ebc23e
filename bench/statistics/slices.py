"""Do the decomposition's intervals hold the truth, and is one bad slice found among 500?

    .venv/bin/python bench/statistics/slices.py [--repeats 1500]

Decomposition: eight slices, two periods drawn from known shares and error rates. `mix`, `within`,
`total` are the shares of repeats whose interval held the true figure; `slices` is the lowest such
share over the parts of single slices.

Slices: rows have ten attributes of five values each, and 500 slices are declared: all 50 of one
attribute and 450 of two. One two-way slice has a higher error rate. `found`: how often its q-value
is at most 0.1; `first`: how often it leads the ranking; `false`: the mean share of slices with an
effect above 0 and q <= 0.1 that are in truth no worse than the rest (slices that overlap with the
bad one are worse in truth); `first_by_score`: how often SliceLine's score alone would put it first.
"""

import argparse
from itertools import combinations

import numpy as np
from figures import report

from detectors.statistics.decomposition import decompose
from detectors.statistics.slices import Losses, decisions, ranking, worse_than_rest

SHARES = np.array([0.30, 0.20, 0.15, 0.10, 0.10, 0.08, 0.05, 0.02])
LATER = np.array([0.20, 0.20, 0.20, 0.15, 0.10, 0.05, 0.05, 0.05])
RATES = np.array([0.10, 0.20, 0.05, 0.30, 0.15, 0.10, 0.40, 0.25])
EVEN = np.full(8, 0.1)
CHANGES = {  # shares and rates, before and after
    "both change": (SHARES, RATES, LATER, RATES + 0.04),
    "only the mix": (SHARES, RATES, LATER, RATES),
    "only within": (SHARES, RATES, SHARES, RATES + 0.04),
    "nothing": (SHARES, RATES, SHARES, RATES),
    "all slices alike": (SHARES, EVEN, SHARES, EVEN),
}
SIZES = [(5_000, 2_000, 0.0), (1_000, 500, 0.0), (5_000, 2_000, 5.0)]
ATTRIBUTES, VALUES, BASE = 10, 5, 0.10
BAD = (0, 1, 2, 3)  # attribute 0 has value 1 and attribute 2 has value 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1500)
    repeats = parser.parse_args().repeats
    coverage = [
        {"change": name, "n_before": before, "n_now": now, "noise_sd": sd}
        | covered(change, before, now, sd, repeats)
        for name, change in CHANGES.items()
        for before, now, sd in SIZES
    ]
    report("decomposition", coverage, repeats=repeats)
    cases = [
        (20_000, 0.10, 0.0, False),
        (20_000, 0.20, 0.0, False),
        (20_000, 0.20, 3.0, False),
        (20_000, 0.20, 0.0, True),
        (100_000, 0.13, 0.0, False),
    ]
    finding = [
        {"rows": n, "error_rate_of_bad": rate, "noise_sd": sd, "loss": "any" if any_loss else "0/1"}
        | search(n, rate, sd, any_loss, repeats // 5)
        for n, rate, sd, any_loss in cases
    ]
    report("slices", finding, repeats=repeats // 5, slices=500, base_error_rate=BASE)


def covered(change, n_before: int, n_now: int, sd: float, repeats: int) -> dict[str, float]:
    p0, m0, p1, m1 = change
    truth = parts_of(p0, m0, p1, m1)
    rng = np.random.default_rng([n_before, n_now, int(sd), list(CHANGES).index(name_of(change))])
    held = []
    for _ in range(repeats):
        d = decompose(period(rng, p1, m1, n_now, sd), period(rng, p0, m0, n_before, sd))
        told = (d.mix, d.within, d.total, d.mix_by_slice, d.within_by_slice)
        held.append([(e.low <= t) & (t <= e.high) for e, t in zip(told, truth, strict=True)])
    rates = [np.mean([h[k] for h in held], axis=0) for k in range(5)]
    figures = dict(zip(("mix", "within", "total"), rates, strict=False))
    figures["slices"] = np.concatenate([rates[3], rates[4]]).min()
    return {name: round(float(rate), 3) for name, rate in figures.items()}


def name_of(change) -> str:
    return next(name for name, one in CHANGES.items() if one is change)


def parts_of(p0, m0, p1, m1):
    centre = (p0 @ m0 + p1 @ m1) / 2
    mix, within = (p1 - p0) * ((m0 + m1) / 2 - centre), (p0 + p1) / 2 * (m1 - m0)
    return mix.sum(), within.sum(), p1 @ m1 - p0 @ m0, mix, within


def period(rng, shares, rates, rows, sd) -> Losses:
    held = rng.multinomial(rows, shares)
    wrong = rng.binomial(held, rates)
    right = held - wrong
    blur = rng.normal(0.0, 1.0, (2, len(shares))) * sd
    return decisions(wrong + blur[0], right + blur[1], (sd**2, sd**2))


def declared() -> list[tuple[int, ...]]:
    """500 slices: (attribute, value) and (attribute, value, attribute, value)."""
    one = [(a, v) for a in range(ATTRIBUTES) for v in range(VALUES)]
    two = [
        (a, v, b, w)
        for a, b in combinations(range(ATTRIBUTES), 2)
        for v in range(VALUES)
        for w in range(VALUES)
    ]
    return one + two[:450]


SLICES = declared()


def search(rows: int, rate: float, sd: float, any_loss: bool, repeats: int) -> dict[str, float]:
    rng = np.random.default_rng([rows, round(rate * 100), int(sd), any_loss])
    worse, bad = truly_worse(rate), SLICES.index(BAD)
    found, first, by_score, false = [], [], [], []
    for _ in range(repeats):
        slices, overall = tables(rng, rows, rate, sd, any_loss)
        f = worse_than_rest(slices, overall)
        said = f.told & (np.nan_to_num(f.q_value, nan=1.0) <= 0.1)
        said &= np.nan_to_num(f.effect.value) > 0
        found.append(said[bad])
        first.append(ranking(f)[0] == bad)
        by_score.append(np.nanargmax(f.score) == bad)
        false.append((said & ~worse).sum() / max(said.sum(), 1))
    figures = {"found": found, "first": first, "first_by_score": by_score, "false": false}
    return {name: round(float(np.mean(values)), 3) for name, values in figures.items()}


def tables(rng, rows: int, rate: float, sd: float, any_loss: bool) -> tuple[Losses, Losses]:
    """What the appliance would know of freshly drawn rows."""
    values = rng.integers(0, VALUES, (rows, ATTRIBUTES))
    a, v, b, w = BAD
    bad = (values[:, a] == v) & (values[:, b] == w)
    loss = (rng.random(rows) < np.where(bad, rate, BASE)).astype(float)
    if any_loss:
        loss *= rng.random(rows) * 2  # the same mean, spread out
    sums = np.array([slice_sums(values, loss, power) for power in (0, 1, 2)])
    whole = [np.asarray(v, float) for v in (rows, loss.sum(), (loss**2).sum())]
    if any_loss:
        return Losses(*sums), Losses(*whole)
    wrong, right = sums[1], sums[0] - sums[1]
    blur = rng.normal(0.0, 1.0, (2, len(SLICES))) * sd
    noisy = decisions(wrong + blur[0], right + blur[1], (sd**2, sd**2))
    return noisy, Losses(whole[0], whole[1])


def slice_sums(values, loss, power: int) -> np.ndarray:
    weight = loss**power if power else np.ones(len(loss))
    one = [np.bincount(values[:, a], weight, VALUES) for a in range(ATTRIBUTES)]
    two = [
        np.bincount(values[:, a] * VALUES + values[:, b], weight, VALUES**2)
        for a, b in list(combinations(range(ATTRIBUTES), 2))[:18]
    ]
    return np.concatenate(one + two)


def truly_worse(rate: float) -> np.ndarray:
    """The slices whose true error rate is above that of the rest."""
    bad = dict(zip(BAD[::2], BAD[1::2], strict=True))
    share = []
    for one in SLICES:
        fixed = dict(zip(one[::2], one[1::2], strict=True))
        chance = [1.0 if fixed[a] == v else 0.0 for a, v in bad.items() if a in fixed]
        share.append(np.prod(chance) * (1 / VALUES) ** (len(bad) - len(chance)))
    return (rate > BASE) & (np.array(share) > (1 / VALUES) ** len(bad) + 1e-12)


if __name__ == "__main__":
    main()
