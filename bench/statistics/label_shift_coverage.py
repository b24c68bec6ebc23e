"""How often the interval of the estimated label mix holds the true mix.

    .venv/bin/python bench/statistics/label_shift_coverage.py

References of 5,000 rows, 3 in 10 positive (three classes: mixed 3:3:4); windows of 2,000 rows whose
mix has moved. `covered` over 4,000 pairs for two classes, 500 for three (all classes' intervals);
`mean_error` is the mean absolute error. `refused`: with tpr - fpr of 0.15 nothing must be told.
"""

import numpy as np
from figures import noise_of, report

from detectors.statistics.counts import Noise
from detectors.statistics.label_shift import class_shares, positive_share
from detectors.statistics.performance import Confusion

REFERENCE, ROWS, PAIRS, MANY_PAIRS = 5_000, 2_000, 4_000, 500
THREE = np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.15, 0.8]])
MIX, MIXED = np.array([0.6, 0.3, 0.1]), [0.3, 0.3, 0.4]


def two(rng: np.random.Generator, tpr: float, fpr: float, share: float, noise: Noise):
    positives = rng.binomial(REFERENCE, 0.3, PAIRS)
    tp, fp = rng.binomial(positives, tpr), rng.binomial(REFERENCE - positives, fpr)
    cells = tp, fp, REFERENCE - positives - fp, positives - tp
    reference = Confusion(*(c + noise.draw(rng, (PAIRS,)) for c in cells))
    predicted = rng.binomial(ROWS, share * tpr + (1 - share) * fpr, PAIRS)
    seen = predicted + noise.draw(rng, (PAIRS,))
    e = positive_share(reference, seen, np.full(PAIRS, float(ROWS)), noise, noise)
    return e.value, (e.low <= share) & (share <= e.high), share


def three(rng: np.random.Generator, noise: Noise):
    values, held = [], []
    for _ in range(MANY_PAIRS):
        labels = rng.multinomial(REFERENCE, MIXED)
        rows = [rng.multinomial(n, p) for n, p in zip(labels, THREE, strict=True)]
        reference = np.array(rows) + noise.draw(rng, (3, 3))
        predicted = rng.multinomial(ROWS, MIX @ THREE) + noise.draw(rng, (3,))
        e = class_shares(reference, predicted, rng, noise, noise)
        values.append(e.value)
        held.append((e.low <= MIX) & (e.high >= MIX))
    return np.array(values), np.array(held), MIX


def main() -> None:
    rng, rows = np.random.default_rng(1), []
    for epsilon in (None, 1.0, 0.1):
        noise = noise_of(epsilon)
        cases = {
            f"two classes, tpr {tpr} fpr {fpr}, share {share}": two(rng, tpr, fpr, share, noise)
            for tpr, fpr in ((0.8, 0.1), (0.5, 0.2), (0.35, 0.2))
            for share in (0.1, 0.45)
        }
        cases["three classes"] = three(rng, noise)
        for case, (value, held, truth) in cases.items():
            told = ~np.isnan(value)
            refused = 1 - float(told.mean())
            line = {"case": case, "epsilon": epsilon, "refused": round(refused, 3)}
            known = refused < 0.5
            off, inside = np.abs(value - truth)[told], held[told]
            line["covered"] = round(float(inside.mean()), 3) if known else None
            line["mean_error"] = round(float(off.mean()), 4) if known else None
            rows.append(line)
    report("label_shift_coverage", rows, reference_rows=REFERENCE, rows_per_window=ROWS)


if __name__ == "__main__":
    main()
