"""scikit-learn's figures for the rows in an .npz file, as JSON: {metric: value}.

Run by `bench/statistics/performance_values.py` in an environment that has scikit-learn; imports
nothing of this repository. The arrays are named <case>:<array>; the answer is {case: {metric: ..}}.
"""

import json
import sys

import numpy as np
from sklearn import __version__, metrics


def binary(label, score, threshold):
    said = score >= threshold
    return {
        "accuracy": metrics.accuracy_score(label, said),
        "precision": metrics.precision_score(label, said),
        "recall": metrics.recall_score(label, said),
        "specificity": metrics.recall_score(label, said, pos_label=0),
        "f1": metrics.f1_score(label, said),
        "mcc": metrics.matthews_corrcoef(label, said),
        "brier": metrics.brier_score_loss(label, score),
        "auc": metrics.roc_auc_score(label, score),
        "pr_auc": metrics.average_precision_score(label, score),
        "log_loss": metrics.log_loss(label, np.clip(score, 1e-6, 1 - 1e-6)),
    }


def many(label, score, threshold):
    said = score.argmax(axis=1)
    found = {"accuracy": metrics.accuracy_score(label, said)}
    for name in ("precision", "recall", "f1"):
        by_class = getattr(metrics, f"{name}_score")(label, said, average=None)
        found |= {f"{name} of class {i}": value for i, value in enumerate(by_class)}
        macro = getattr(metrics, f"{name}_score")(label, said, average="macro")
        found[f"macro_{name}"] = macro
    found["macro_auc"] = metrics.roc_auc_score(label, score, multi_class="ovr")
    return found


def regression(label, score, threshold):
    error = label - score
    return {
        "me": error.mean(),
        "mae": metrics.mean_absolute_error(label, score),
        "rmse": metrics.mean_squared_error(label, score) ** 0.5,
        "median error": np.median(error),
        "90 % of |error|": np.quantile(np.abs(error), 0.9),
    }


def main() -> None:
    kinds = {"binary": binary, "many": many, "regression": regression}
    with np.load(sys.argv[1]) as arrays:
        cases = sorted({name.rsplit(":", 1)[0] for name in arrays})
        found = {
            case: kinds[case.split(":")[0]](
                *(arrays[f"{case}:{part}"] for part in ("label", "score", "threshold"))
            )
            for case in cases
        }
    numbers = {case: {k: float(v) for k, v in values.items()} for case, values in found.items()}
    json.dump({"version": __version__, "cases": numbers}, sys.stdout)


if __name__ == "__main__":
    main()
