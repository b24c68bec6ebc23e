"""Performance without labels, from bins, beside NannyML's from the rows, on the same chunks.

    .venv/bin/python bench/statistics/cbpe_accuracy.py --wheel nannyml-0.13.1-py3-none-any.whl

Reads four sets out of NannyML's wheel (Apache-2.0) without importing it: the synthetic car loans
and the census employment set (two classes), the synthetic credit cards (three classes), and the
synthetic car prices (regression). Reference with labels, then chunks of 5,000 rows whose labels are
only used to judge the estimates. NannyML itself runs in an environment of its own, made here;
`--peer` names a Python that has it already.

`error` is the mean absolute difference to what the labels say, `covered` how often the band held
that; `nannyml_...` the same of NannyML's, whose bands are three standard errors wide, not two.
`calm_...` looks only at the first half of the chunks: the makers of the three synthetic sets
changed something in the middle. Decisions are the sets' own: the car loans' are at 0.65. Scores are
read by even bins, and by bins half even and half quantiles ("mixed"). Car prices are read by bins
of the prediction, and by bins of an expected error that the model's owner could meter beside it
(here least squares on pairs of features).
"""

import argparse
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from figures import report
from peers.environment import ask

from detectors.statistics import cbpe, multiclass, regression
from detectors.statistics.estimate import Estimate
from detectors.statistics.performance import auc_of, confusion, f1_of, share

DATA = "nannyml/datasets/data/"
CHUNK, BINS = 5_000, 50
SETS = {
    "car loan": ("synthetic_car_loan_{}.csv", "y_pred_proba", "repaid", 0.65),
    "employment": ("employment_MA_{}.pq", "predicted_probability", "employed", 0.5),
}
PRICE_FEATURES = [
    "car_age",
    "km_driven",
    "price_new",
    "accident_count",
    "door_count",
    "fuel",
    "transmission",
]
ERROR_EDGES = np.linspace(-4000, 4000, 41)
NAMES = {"macro_auc": "roc_auc", "auc": "roc_auc"} | {
    f"macro_{name}": name for name in ("f1", "precision", "recall")
}
Told = Iterator[dict[str, tuple[Estimate, float]]]


def frame(wheel: str, name: str) -> pd.DataFrame:
    with zipfile.ZipFile(wheel) as archive:
        content = io.BytesIO(archive.read(DATA + name))
    return pd.read_csv(content) if name.endswith("csv") else pd.read_parquet(content)


def frames(wheel: str, pattern: str, labels: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    reference, rows, target = (
        frame(wheel, pattern.format(part)) for part in ("reference", "analysis", labels)
    )
    return reference, rows.merge(target, on="id")


def chunks(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(rows) // CHUNK * CHUNK, CHUNK):
        yield rows.iloc[start : start + CHUNK]


def even_edges(threshold: float) -> np.ndarray:
    """50 bins of even width below the threshold and of even width above it."""
    below = round(BINS * threshold)
    parts = np.linspace(0, threshold, below + 1), np.linspace(threshold, 1, BINS - below + 1)[1:]
    return np.round(np.concatenate(parts), 9)


def mixed_edges(score: np.ndarray, threshold: float) -> np.ndarray:
    """At most 50 bins from 0 to 1 with the threshold as an edge, half even and half quantiles.

    Even edges keep what a bin means when scores move to where few were; quantiles keep the ranking
    where most scores are. These are quantiles of half the scores and half an even spread over
    their range.
    """
    low, high = np.quantile(score, [0.001, 0.999])
    at = np.unique(np.concatenate([np.linspace(0, 1, 2001), score]))
    even = np.clip((at - low) / max(high - low, 1e-9), 0, 1)
    rank = (np.searchsorted(np.sort(score), at, side="right") / len(score) + even) / 2
    middle = float(rank[np.searchsorted(at, threshold) - 1])
    below = int(np.clip(round(BINS * middle), 1, BINS - 1))
    levels = np.linspace(0, middle, below + 1)[1:-1], np.linspace(middle, 1, BINS - below + 1)[1:-1]
    inner = at[np.searchsorted(rank, np.concatenate(levels))]
    return np.unique(np.round(np.concatenate([[0, threshold, 1], inner]), 4))


def places(score: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2)


def counted(place: np.ndarray, bins: int, *weights: np.ndarray) -> list[np.ndarray]:
    return [np.bincount(place, weight, bins).astype(float) for weight in weights]


def row_auc(score: np.ndarray, label: np.ndarray) -> float:
    """AUC from the rows themselves: every distinct score its own bin."""
    distinct, place = np.unique(score, return_inverse=True)
    return float(auc_of(*counted(place, len(distinct), label, 1 - label)))


def binary(wheel: str, pattern: str, score: str, label: str, threshold: float, even: bool) -> Told:
    reference, rows = frames(wheel, pattern, "analysis_target")
    edges = even_edges(threshold) if even else mixed_edges(reference[score].to_numpy(), threshold)
    bins = len(edges) - 1
    cuts = np.array([np.searchsorted(edges, threshold)])
    rng = np.random.default_rng(1)

    def binned(part):
        y, p = part[label].to_numpy(float), part[score].to_numpy(float)
        return counted(places(p, edges), bins, y, 1 - y, p)

    calibration = cbpe.calibrate(*binned(reference), rng)
    for chunk in chunks(rows):
        positives, negatives, sums = binned(chunk)
        told = cbpe.estimate_performance(calibration, positives + negatives, sums, cuts, rng)
        c = confusion(positives, negatives, cuts)
        realised = {
            "auc": row_auc(chunk[score].to_numpy(), chunk[label].to_numpy(float)),
            "f1": f1_of(c)[0],
            "accuracy": share(c.tp + c.tn, np.array(float(CHUNK)))[0],
            "precision": share(c.tp, c.tp + c.fp)[0],
            "recall": share(c.tp, c.tp + c.fn)[0],
        }
        yield {name: (told[name], float(value)) for name, value in realised.items()}


def cards(wheel: str) -> Told:
    reference, rows = frames(wheel, "mc_{}.csv", "analysis_gt")
    scores = [c for c in reference if c.startswith("y_pred_proba_")]
    names = [c.removeprefix("y_pred_proba_") for c in scores]
    edges = np.linspace(0, 1, BINS + 1)

    def binned(part, chosen):
        cells = []
        for name, score in zip(names, scores, strict=True):
            kept = part[part.y_pred == name] if chosen else part
            p, y = kept[score].to_numpy(float), (kept.y_true == name).to_numpy(float)
            cells.append(counted(places(p, edges), BINS, y, 1 - y, p))
        return multiclass.Labelled(*np.array(cells).transpose(1, 0, 2))

    rng = np.random.default_rng(1)
    learned = [binned(reference, chosen) for chosen in (False, True)]
    calibrations = multiclass.calibrate_classes(*learned, rng)
    for chunk in chunks(rows):
        labelled = [binned(chunk, chosen) for chosen in (False, True)]
        seen = [multiclass.Scored(part.counts, part.sums) for part in labelled]
        told = multiclass.estimate_classes(calibrations, *seen, rng)
        realised = multiclass.realised_classes(*labelled, rng)
        aucs = [
            row_auc(chunk[score].to_numpy(float), (chunk.y_true == name).to_numpy(float))
            for name, score in zip(names, scores, strict=True)
        ]
        values = {name: realised[name].value[0] for name in multiclass.OVERALL}
        values["macro_auc"] = float(np.mean(aucs))
        yield {name: (told[name], float(value)) for name, value in values.items()}


def prices(wheel: str, by: Callable) -> Told:
    reference, rows = frames(wheel, "regression_synthetic_{}.csv", "analysis_targets")
    at = by(pd.concat([reference, rows]), len(reference))
    edges = np.unique(np.quantile(at[: len(reference)], np.arange(1, BINS) / BINS))

    def binned(part, at):
        error = (part.y_true - part.y_pred).to_numpy(float)
        weights = np.ones(len(error)), error, np.abs(error), error**2
        losses = counted(np.searchsorted(edges, at, side="right"), len(edges) + 1, *weights)
        cells = counted(
            np.searchsorted(ERROR_EDGES, error, side="right"), len(ERROR_EDGES) + 1, weights[0]
        )
        return regression.Losses(*losses), cells[0]

    learned = binned(reference, at[: len(reference)])
    expected = regression.learn_losses(*learned, ERROR_EDGES)
    for i, chunk in enumerate(chunks(rows)):
        start = len(reference) + i * CHUNK
        losses, _ = binned(chunk, at[start : start + CHUNK])
        told = regression.estimate_errors(expected, losses.rows)
        error = (chunk.y_true - chunk.y_pred).to_numpy(float)
        values = {"mae": np.abs(error).mean(), "rmse": np.sqrt((error**2).mean())}
        yield {name: (told[name], float(value)) for name, value in values.items()}


def by_prediction(rows: pd.DataFrame, known: int) -> np.ndarray:
    return rows.y_pred.to_numpy(float)


def by_expected_error(rows: pd.DataFrame, known: int) -> np.ndarray:
    """Least squares of |error| on pairs of binned features, learned from the `known` first rows."""
    parts = []
    for column in ["y_pred", *PRICE_FEATURES]:
        values = rows[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = pd.Series(pd.factorize(values)[0])
        at = values.to_numpy(float)
        edges = np.unique(np.quantile(at[:known], np.arange(1, 6) / 6))
        parts.append(np.eye(len(edges) + 1)[np.searchsorted(edges, at, side="right")][:, 1:])
    pairs = [
        (a[:, :, None] * b[:, None, :]).reshape(len(rows), -1)
        for i, a in enumerate(parts)
        for b in parts[:i]
    ]
    x = np.concatenate([np.ones((len(rows), 1)), *parts, *pairs], axis=1)
    x = x[:, x[:known].sum(axis=0) > 30]
    error = np.abs(rows.y_true - rows.y_pred).to_numpy(float)[:known]
    gram = x[:known].T @ x[:known] + 3 * np.eye(x.shape[1])
    return x @ np.linalg.solve(gram, x[:known].T @ error)


def judged(name: str, told: Told, peer: dict) -> Iterator[dict]:
    """One line per metric: our estimates and NannyML's, over the same chunks."""
    pairs = defaultdict(list)
    for chunk in told:
        for metric, (e, value) in chunk.items():
            value_low_high = [float(np.ravel(part)[0]) for part in e[:3]]
            pairs[metric].append([*value_low_high, value])
    for metric, lines in pairs.items():
        known = NAMES.get(metric, metric)
        line = {"set": name, "metric": known, "chunks": len(lines), **measured("", lines)}
        theirs = peer.get(known)
        yield line | (measured("nannyml_", theirs) if theirs else measured("nannyml_", []))


def measured(prefix: str, lines: list) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for part, chosen in (("", lines), ("calm_", lines[: len(lines) // 2])):
        value, low, high, realised = np.array(chosen).T if chosen else np.full((4, 0), np.nan)
        error, held = np.abs(value - realised), (low <= realised) & (realised <= high)
        found[f"{prefix}{part}error"] = float(f"{error.mean():.4g}") if chosen else None
        found[f"{prefix}{part}covered"] = round(float(held.mean()), 3) if chosen else None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", required=True)
    parser.add_argument("--peer", help="a Python that has NannyML and statsmodels")
    asked = parser.parse_args()
    wheel = asked.wheel
    peer, trouble = ask("nannyml_estimates.py", [wheel, "statsmodels"], asked.peer)
    peer = peer or {}
    rows = []
    for name, parts in SETS.items():
        for even in (False, True):
            told = binary(wheel, *parts, even)
            rows += judged(f"{name}, {'even' if even else 'mixed'} bins", told, peer.get(name, {}))
    rows += judged("cards", cards(wheel), peer.get("cards", {}))
    price = peer.get("car price", {})
    rows += judged("car price, by prediction", prices(wheel, by_prediction), price)
    rows += judged("car price, by expected error", prices(wheel, by_expected_error), price)
    if trouble:
        print(f"\n*** NannyML did not run: {trouble} ***\n")
    report(
        "cbpe_accuracy",
        rows,
        chunk_rows=CHUNK,
        bins=BINS,
        source="nannyml 0.13.1 wheel",
        peer=trouble or "nannyml 0.13.1, in its own environment",
    )


if __name__ == "__main__":
    main()
