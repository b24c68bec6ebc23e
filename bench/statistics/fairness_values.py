"""Fairness figures from counts beside Fairlearn's from the rows.

    python -m venv <some temporary directory>
    <there>/bin/pip install fairlearn pyarrow
    <there>/bin/python bench/statistics/fairness_values.py --wheel nannyml-0.13.1-py3-none-any.whl

Reads the census employment set (Massachusetts 2016 to 2018) out of NannyML's wheel (Apache-2.0)
without importing it: chunks of 20,000 rows with a score, a label, sex and race. The appliance's
side sees 20 score bins by group and label, with the threshold as an edge; Fairlearn sees the rows.
Both look at the groups that have at least 11 rows behind every rate; `left_out` is how many groups
have fewer, over all chunks. `worst` is the largest absolute difference over the chunks; `figures`
is how many were compared.
"""

import argparse
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import pandas as pd
from fairlearn import metrics as peer
from figures import report
from sklearn.metrics import accuracy_score, precision_score

from detectors.statistics import fairness
from detectors.statistics.performance import Confusion

DATA = "nannyml/datasets/data/employment_MA_{}.pq"
CHUNK, FLOOR = 20_000, 11
GROUPINGS = {"sex": ["SEX"], "race": ["RAC1P"], "sex and race": ["SEX", "RAC1P"]}
THRESHOLDS = (0.5, 0.73)
BY_GROUP = {
    "selection_rate": peer.selection_rate,
    "tpr": peer.true_positive_rate,
    "fpr": peer.false_positive_rate,
    "ppv": precision_score,
    "accuracy": accuracy_score,
}


def rows_of(wheel: str) -> pd.DataFrame:
    with zipfile.ZipFile(wheel) as archive:
        rows, targets = (
            pd.read_parquet(io.BytesIO(archive.read(DATA.format(part))))
            for part in ("analysis", "analysis_target")
        )
    return rows.merge(targets, on="id")


def counted(chunk: pd.DataFrame, group: np.ndarray, threshold: float) -> dict[str, fairness.Rates]:
    """What the appliance knows: rows by group, label and score bin; then the rates."""
    edges = np.unique([*np.linspace(0, 1, 20), threshold])
    cut = int(np.searchsorted(edges, threshold))
    score = chunk.predicted_probability.to_numpy()
    place = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2)
    cells = np.zeros((2, group.max() + 1, len(edges) - 1))
    np.add.at(cells, (chunk.employed.to_numpy(), group, place), 1)
    rejected, selected = cells[..., :cut].sum(axis=-1), cells[..., cut:].sum(axis=-1)
    (tn, fn), (fp, tp) = rejected, selected
    return {
        "selection_rate": fairness.rates(fp + tp, fn + tn, min_count=FLOOR),
        **fairness.outcome_rates(Confusion(tp, fp, tn, fn), min_count=FLOOR),
    }


def ours(rates: dict[str, fairness.Rates]) -> dict[str, np.ndarray]:
    by_group = {name: fairness.group_rates(one).value for name, one in rates.items()}
    selection = rates["selection_rate"]
    return by_group | {
        "impact_ratio": fairness.impact_ratios(selection).value,
        "demographic_parity_difference": fairness.largest_difference(selection).value,
        "demographic_parity_ratio": fairness.smallest_ratio(selection).value,
        "equal_opportunity_difference": fairness.largest_difference(rates["tpr"]).value,
        "equalised_odds_difference": fairness.equalised_odds(rates["tpr"], rates["fpr"]).value,
    }


def fairlearns(chunk: pd.DataFrame, group: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    rows = {
        "y_true": chunk.employed,
        "y_pred": (chunk.predicted_probability >= threshold).astype(int),
        "sensitive_features": group,
    }
    frame = peer.MetricFrame(metrics=BY_GROUP, **rows).by_group
    rate = frame["selection_rate"].to_numpy()
    return {name: frame[name].to_numpy() for name in BY_GROUP} | {
        "impact_ratio": rate / rate.max(),
        "demographic_parity_difference": peer.demographic_parity_difference(**rows),
        "demographic_parity_ratio": peer.demographic_parity_ratio(**rows),
        "equal_opportunity_difference": peer.equal_opportunity_difference(**rows),
        "equalised_odds_difference": peer.equalized_odds_difference(**rows),
    }


def chunks(rows: pd.DataFrame, columns: list[str], threshold: float) -> Iterator[tuple]:
    """Each chunk's rows of large groups, their groups' numbers, and how many groups were small."""
    for start in range(0, len(rows) // CHUNK * CHUNK, CHUNK):
        chunk = rows.iloc[start : start + CHUNK]
        group = chunk.groupby(columns).ngroup().to_numpy()
        large = np.all([r.rows > 0 for r in counted(chunk, group, threshold).values()], axis=0)
        kept = large[group]
        yield chunk[kept], np.unique(group[kept], return_inverse=True)[1], int((~large).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", required=True)
    rows = rows_of(parser.parse_args().wheel)
    worst, compared, left_out = defaultdict(float), defaultdict(int), defaultdict(int)
    for name, columns in GROUPINGS.items():
        for threshold in THRESHOLDS:
            for chunk, group, small in chunks(rows, columns, threshold):
                left_out[name] += small
                told = ours(counted(chunk, group, threshold))
                for figure, expected in fairlearns(chunk, group, threshold).items():
                    difference = np.abs(told[figure] - expected)
                    # A figure that only one side can give must show: NaN stays NaN here.
                    worst[name, figure] = float(np.maximum(worst[name, figure], difference.max()))
                    compared[name, figure] += int(np.size(difference))
    report(
        "fairness_values",
        [
            {
                "groups": name,
                "figure": figure,
                "figures": compared[name, figure],
                "left_out": left_out[name],
                "worst": difference,
            }
            for (name, figure), difference in worst.items()
        ],
        chunk_rows=CHUNK,
        thresholds=THRESHOLDS,
        source="nannyml 0.13.1 wheel",
        fairlearn=version("fairlearn"),
        scikit_learn=version("scikit-learn"),
    )


if __name__ == "__main__":
    main()
