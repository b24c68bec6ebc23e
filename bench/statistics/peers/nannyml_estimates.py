"""NannyML's own estimates without labels beside what the labels say, chunk by chunk, as JSON.

Run by `bench/statistics/cbpe_accuracy.py` in an environment that has NannyML; imports nothing of
this repository. Prints {set: {metric: [[estimate, low, high, realised], ... by chunk]}}.
"""

import json
import os
import sys
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.simplefilter("ignore")

import nannyml as nml  # noqa: E402
import pandas as pd  # noqa: E402

pd.options.future.infer_string = False  # NannyML 0.13 can't encode the strings of newer pandas
CHUNK = 5_000


def compared(estimator, calculator, reference, rows, labels):
    names = list(estimator.metrics)
    estimated = estimator.fit(reference).estimate(rows)
    realised = calculator.fit(reference).calculate(rows.merge(labels, on="id"))
    told, came = (x.filter(period="analysis").to_df() for x in (estimated, realised))
    parts = ("value", "lower_confidence_boundary", "upper_confidence_boundary")
    return {
        name: [
            [*map(float, line), float(value)]
            for *line, value in zip(
                *(told[name][part] for part in parts), came[name]["value"], strict=True
            )
        ]
        for name in (metric.column_name for metric in names)
    }


def classification(kind, score, label, metrics, sets, prediction="y_pred"):
    shared = {
        "problem_type": f"classification_{kind}",
        "y_pred_proba": score,
        "y_pred": prediction,
        "y_true": label,
        "metrics": metrics,
        "chunk_size": CHUNK,
    }
    tools = nml.CBPE(**shared), nml.PerformanceCalculator(**shared)
    return compared(*tools, *sets)


def regression(reference, rows, labels):
    shared = {
        "y_pred": "y_pred",
        "y_true": "y_true",
        "metrics": ["mae", "rmse"],
        "chunk_size": CHUNK,
    }
    features = [c for c in rows.columns if c not in ("id", "timestamp", "y_pred")]
    estimator = nml.DLE(feature_column_names=features, **shared)
    calculator = nml.PerformanceCalculator(problem_type="regression", **shared)
    return compared(estimator, calculator, reference, rows, labels)


def main() -> None:
    binary = ["roc_auc", "f1", "accuracy", "precision", "recall"]
    loans = nml.load_synthetic_car_loan_dataset()
    jobs = nml.load_us_census_ma_employment_data()
    cards = nml.load_synthetic_multiclass_classification_dataset()
    scores = {c.removeprefix("y_pred_proba_"): c for c in cards[0] if c.startswith("y_pred_proba_")}
    found = {
        "car loan": classification("binary", "y_pred_proba", "repaid", binary, loans),
        "employment": classification(
            "binary", "predicted_probability", "employed", binary, jobs, "prediction"
        ),
        "cards": classification("multiclass", scores, "y_true", binary, cards),
        "car price": regression(*nml.load_synthetic_car_price_dataset()),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
