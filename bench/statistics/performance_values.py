"""Realised performance from counts beside scikit-learn's from the same rows.

    .venv/bin/python bench/statistics/performance_values.py

Made-up rows with continuous scores, 20 windows of 50,000 rows each: two classes (four laws of the
score, thresholds 0.5 and 0.1), five classes, regression. The appliance's side sees at most 50 score
bins, half even and half quantiles, with the threshold as an edge (20 prediction bins and 80 error
bins in regression); scikit-learn sees the rows, in an environment of its own, made here. `worst` is
the largest absolute difference over the windows, `allowed` what this bench fails on.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from cbpe_accuracy import counted, mixed_edges, places
from figures import report
from peers.environment import ask

from detectors.statistics import multiclass, performance, regression

WINDOWS, ROWS = 20, 50_000
LAWS = {"middling": (2, 3), "certain": (0.4, 0.4), "rare": (0.5, 8), "even": (1, 1)}
EXACT = 1e-9
# Where bins stand in for rows: rank figures, the log-loss, quantiles (in units of the error's sd).
ALLOWED = {
    "auc": 5e-4,
    "macro_auc": 5e-4,
    "pr_auc": 1e-2,
    "log_loss": 1e-3,
    "median error": 0.02,
    "90 % of |error|": 0.02,
}
ERROR_EDGES = np.linspace(-4, 4, 81)


def windows(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Labels, scores (or predictions) and threshold by name."""
    made = {}
    for i in range(WINDOWS):
        for law, parameters in LAWS.items():
            threshold = 0.1 if law == "rare" else 0.5
            score = rng.beta(*parameters, ROWS)
            made[f"binary:{law}:{i}"] = (rng.random(ROWS) < score) * 1.0, score, threshold
        score = rng.dirichlet([1.5, 1.0, 0.8, 0.5, 0.3], ROWS)
        label = (rng.random((ROWS, 1)) > np.cumsum(score, axis=1)).sum(axis=1)
        made[f"many:five classes:{i}"] = np.minimum(label, 4), score, 0.5
        predicted = rng.normal(0, 2, ROWS)
        made[f"regression:normal:{i}"] = predicted + rng.normal(0.1, 1, ROWS), predicted, 0.0
    return made


def binary(label: np.ndarray, score: np.ndarray, threshold: float) -> dict[str, float]:
    edges = mixed_edges(score, threshold)
    weights = label, 1 - label, score, score**2, score * label
    positives, negatives, sums, squares, of_positives = counted(
        places(score, edges), len(edges) - 1, *weights
    )
    cuts, rng = np.array([np.searchsorted(edges, threshold)]), np.random.default_rng(0)
    found = performance.decision_metrics(positives, negatives, cuts, rng)
    found |= performance.ranking_metrics(positives, negatives, rng)
    found |= performance.probability_metrics(
        positives, negatives, sums, squares, rng, positive_sums=of_positives
    )
    return {name: float(np.ravel(e.value)[0]) for name, e in found.items()}


def many(label: np.ndarray, score: np.ndarray, threshold: float) -> dict[str, float]:
    edges, said = mixed_edges(score.ravel(), threshold), score.argmax(axis=1)

    def cells(kept_of):
        parts = []
        for c in range(score.shape[1]):
            kept, p = kept_of(c), score[:, c]
            y = (label == c)[kept] * 1.0
            parts.append(counted(places(p[kept], edges), len(edges) - 1, y, 1 - y, p[kept]))
        return multiclass.Labelled(*np.array(parts).transpose(1, 0, 2))

    found = multiclass.realised_classes(
        cells(lambda c: said >= 0), cells(lambda c: said == c), np.random.default_rng(0)
    )
    overall = {name: float(found[name].value[0]) for name in multiclass.OVERALL}
    return overall | {
        f"{name} of class {c}": float(value)
        for name in ("precision", "recall", "f1")
        for c, value in enumerate(found[name].value)
    }


def regressed(label: np.ndarray, score: np.ndarray, threshold: float) -> dict[str, float]:
    error = label - score
    edges = np.quantile(score, np.arange(1, 20) / 20)
    place = np.searchsorted(edges, score, side="right")
    weights = np.ones(ROWS), error, np.abs(error), error**2
    losses = regression.Losses(*counted(place, 20, *weights))
    cells = np.bincount(
        np.searchsorted(ERROR_EDGES, error, side="right"), minlength=len(ERROR_EDGES) + 1
    ).astype(float)
    found = regression.realised_errors(losses, cells, ERROR_EDGES)
    median, size = regression.error_quantiles(cells, ERROR_EDGES)
    return {name: float(e.value) for name, e in found.items()} | {
        "median error": float(median.estimate.value[0]),
        "90 % of |error|": float(size.estimate.value[0]),
    }


OURS = {"binary": binary, "many": many, "regression": regressed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python that has scikit-learn")
    made = windows(np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        parts = ("label", "score", "threshold")
        np.savez(
            path,
            **{
                f"{case}:{p}": v
                for case, rows in made.items()
                for p, v in zip(parts, rows, strict=True)
            },
        )
        asked = parser.parse_args().peer
        peer, trouble = ask("sklearn_values.py", ["scikit-learn"], asked, str(path))
    if peer is None:
        raise SystemExit(f"*** nothing to compare with: {trouble} ***")
    worst = defaultdict(float)
    for case, rows in made.items():
        kind, name, _ = case.split(":")
        ours = OURS[kind](*rows)
        for figure, expected in peer["cases"][case].items():
            # NaN where only one side has the figure stays NaN and shows.
            difference = abs(ours[figure] - expected)
            worst[f"{kind}, {name}", figure] = float(
                np.maximum(worst[f"{kind}, {name}", figure], difference)
            )
    rows = [
        {
            "rows": name,
            "figure": figure,
            "worst": float(f"{difference:.3g}"),
            "allowed": ALLOWED.get(figure, EXACT),
            "agrees": bool(difference <= ALLOWED.get(figure, EXACT)),
        }
        for (name, figure), difference in worst.items()
    ]
    report(
        "performance_values",
        rows,
        windows=WINDOWS,
        rows_per_window=ROWS,
        scikit_learn=peer["version"],
    )
    if not all(row["agrees"] for row in rows):
        raise SystemExit("a figure differs by more than allowed")


if __name__ == "__main__":
    main()
