"""How often the bands of performance without labels hold what the labels then say.

    .venv/bin/python bench/statistics/cbpe_coverage.py --wheel nannyml-0.13.1-py3-none-any.whl

Simulated: worlds in which P(label | score) is the same in the reference and in the window, but the
scores are not. 50 bins, references of 2,000 and 20,000 rows, windows of 500 and 5,000, with and
without noise in every count of both.

Real: chunks of 1,000 rows of NannyML's car loans and of the census employment set, where
P(label | score) does drift. "unchanged" draws reference and chunks from the same rows (the
reference's, shuffled), which restores the assumption; "as they came" takes the chunks in order;
"with its record" widens each band by how the estimates up to two chunks before turned out.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from cbpe_accuracy import BINS, SETS, counted, even_edges, frames, places, row_auc
from figures import noise_of, report
from scipy.special import expit

from detectors.statistics import cbpe
from detectors.statistics.counts import NO_NOISE, Noise
from detectors.statistics.estimate import Estimate
from detectors.statistics.track_record import widened

# Beta laws of the score in the reference and now, P(positive | score), threshold.
WORLDS = {
    "calibrated": ((2, 3), (3, 2), lambda s: s, 0.5),
    "too sure of itself": ((2, 3), (3, 2), lambda s: 0.5 + 0.6 * (s - 0.5), 0.5),
    "too careful": ((1, 1), (2, 1.5), lambda s: expit(12 * (s - 0.5)), 0.5),
    "certain": ((0.4, 0.4), (0.6, 0.5), lambda s: s, 0.5),
    "rare positives": ((0.5, 12), (0.5, 8), lambda s: s, 0.1),
    "ten distinct scores": ((2, 3), (3, 2), lambda s: s, 0.5),
}
SIZES = ((2_000, 500), (2_000, 5_000), (20_000, 500), (20_000, 5_000))
METRICS = ("accuracy", "precision", "recall", "f1", "auc")
REFERENCES, WINDOWS, REAL_CHUNK = 100, 2, 1_000


def cells_of(score: np.ndarray, label: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    return counted(places(score, edges), BINS, label, 1 - label, score)


def realised(score: np.ndarray, label: np.ndarray, threshold: float) -> dict[str, float]:
    said, true = score >= threshold, label > 0
    tp = float((said & true).sum())
    return {
        "accuracy": float((said == true).mean()),
        "precision": tp / said.sum() if said.any() else np.nan,
        "recall": tp / true.sum() if true.any() else np.nan,
        "f1": 2 * tp / (said.sum() + true.sum()) if (said | true).any() else np.nan,
        "auc": row_auc(score, label) if 0 < true.sum() < len(true) else np.nan,
    }


def simulated(world: str, m: int, n: int, noise: Noise, seed: int) -> dict[str, float]:
    """Share of the windows whose band held what came, by metric."""
    rng = np.random.default_rng(seed)
    before, now, meaning, threshold = WORLDS[world]
    edges = even_edges(threshold)
    cuts = np.array([np.searchsorted(edges, threshold)])
    middle = (edges[:-1] + edges[1:]) / 2
    held = defaultdict(list)

    def rows(law, count):
        score = rng.beta(*law, count)
        score = np.round(score, 1) if world == "ten distinct scores" else score
        return score, (rng.random(count) < meaning(score)).astype(float)

    for _ in range(REFERENCES):
        positives, negatives, sums = cells_of(*rows(before, m), edges)
        noisy = noise.draw(rng, (2, BINS))
        sums = sums + noisy.sum(axis=0) * middle
        learned = cbpe.calibrate(positives + noisy[0], negatives + noisy[1], sums, rng, noise)
        for _ in range(WINDOWS):
            score, label = rows(now, n)
            positives, negatives, sums = cells_of(score, label, edges)
            noisy = noise.draw(rng, (BINS,))
            counts, sums = positives + negatives + noisy, sums + noisy * middle
            told = cbpe.estimate_performance(learned, counts, sums, cuts, rng, noise=noise)
            for metric, value in realised(score, label, threshold).items():
                if not np.isnan(value):
                    held[metric].append(told[metric].low[0] <= value <= told[metric].high[0])
    return {metric: round(float(np.mean(held[metric])), 3) for metric in METRICS}


def real(wheel: str, name: str, unchanged: bool) -> Iterator[dict[str, tuple[Estimate, float]]]:
    pattern, score, label, threshold = SETS[name]
    reference, rows = frames(wheel, pattern, "analysis_target")
    rng = np.random.default_rng(2)
    if unchanged:
        order = rng.permutation(len(reference))
        reference, rows = (reference.iloc[half] for half in np.array_split(order, 2))
    edges = even_edges(threshold)
    cuts = np.array([np.searchsorted(edges, threshold)])

    def arrays(part):
        return part[score].to_numpy(float), part[label].to_numpy(float)

    learned = cbpe.calibrate(*cells_of(*arrays(reference), edges), rng)
    for start in range(0, len(rows) // REAL_CHUNK * REAL_CHUNK, REAL_CHUNK):
        chunk = arrays(rows.iloc[start : start + REAL_CHUNK])
        positives, negatives, sums = cells_of(*chunk, edges)
        told = cbpe.estimate_performance(learned, positives + negatives, sums, cuts, rng)
        came = realised(*chunk, threshold)
        yield {m: (Estimate(*(part.ravel()[0] for part in told[m])), came[m]) for m in METRICS}


def held_by(chunks: list[dict], metric: str, with_record: bool) -> float:
    held = []
    for i, chunk in enumerate(chunks):
        e, value = chunk[metric]
        known = [past[metric] for past in chunks[: max(i - 1, 0)]]
        if with_record and known:
            past = Estimate(*np.array([e for e, _ in known]).T)
            e = widened(e, past, np.array([came for _, came in known]))
        held.append(e.low <= value <= e.high)
    return round(float(np.mean(held)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", required=True)
    wheel = parser.parse_args().wheel
    rows = []
    for epsilon in (None, 1.0):
        noise = NO_NOISE if epsilon is None else noise_of(epsilon)
        for world in WORLDS:
            for m, n in SIZES if epsilon is None else SIZES[2:]:
                held = simulated(world, m, n, noise, seed=len(rows))
                line = {"world": world, "epsilon": epsilon, "reference": m, "rows": n}
                rows.append(line | {"windows": REFERENCES * WINDOWS} | held)
    means = {m: round(float(np.mean([row[m] for row in rows])), 4) for m in METRICS}
    for name in SETS:
        for case in ("unchanged", "as they came", "with its record"):
            chunks = list(real(wheel, name, case == "unchanged"))
            held = {m: held_by(chunks, m, case == "with its record") for m in METRICS}
            line = {"world": f"{name}, {case}", "epsilon": None}
            facts = {"reference": None, "rows": REAL_CHUNK, "windows": len(chunks)}
            rows.append(line | facts | held)
    report(
        "cbpe_coverage",
        rows,
        mean_over_simulated=means,
        source="nannyml 0.13.1 wheel",
    )


if __name__ == "__main__":
    main()
