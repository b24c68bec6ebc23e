"""The rules of slices, errors, classes, qualities, maps and attributions, one by one."""

from typing import Any

import msgspec
import pytest

from countersign import checks
from countersign.statement import Baseline, Outcomes, Plan, Refused, Window
from countersign.tables import Cell, Labels, LabelTable
from tests.builders import SCORE, a_baseline, some_cells, some_counts
from tests.wire.test_checks import (
    NORTH,
    PLAN,
    PRIVACY,
    SOUTH,
    T0,
    T1,
    changed,
)

AGE = {"name": "age", "role": "feature", "kind": "numeric", "edges": [0, 30, 60]}
REGION = {"name": "region", "role": "feature", "kind": "categorical", "tokens": [NORTH, SOUTH]}
PRICE = {"name": "price", "role": "score", "kind": "numeric", "edges": [0, 10, 20]}
ERROR = {"name": "paid", "role": "outcome", "kind": "numeric", "edges": [-5, 0, 5]}
SLICES = [
    {"columns": ["region"], "starts": [[0, 3, 4]]},
    {"columns": ["age", "region"], "starts": [[0, 4], [0, 4]]},
]
MOMENTS = {
    "name": "second moments",
    "kind": "second_moments",
    "columns": ["age"],
    "centre": [40.0],
    "scale": [12.0],
    "clip": 3.0,
}
FEATURES = {
    "name": "text",
    "kind": "random_features",
    "columns": ["text"],
    "bandwidth": 2.0,
    "dimension": 3,
    "size": 4,
}
MEAN = {"rows": 80, "mean": [0.1, 0.9]}
TALLY = {
    "rows": 100,
    "columns": {
        "age": {"cells": [0, 0, 20, 40, 40, 0]},
        "region": {"cells": [0, 0, 0, 60, 40]},
        "price": {
            "cells": [0, 0, 0, 70, 30, 0],
            "sum": [0, 0, 0, 350.0, 450.0, 0],
            "sum_squares": [0, 0, 0, 2000.0, 7000.0, 0],
        },
    },
    "slices": [{"rows": [0, 60, 40]}, {"rows": [40, 20, 20, 20]}],
    "maps": {"second moments": MEAN, "text": {"rows": 80, "mean": [0.5, 0.5, 0.5, 0.5]}},
    "attributions": {"rows": 50, "mean_absolute": {"age": 0.3, "region": 0.1}},
}
ERRORS = {
    "rows": [0, 0, 0, 50, 20, 0],
    "sum": [0, 0, 0, -10.0, 4.0, 0],
    "sum_absolute": [0, 0, 0, 30.0, 20.0, 0],
    "sum_squares": [0, 0, 0, 40.0, 30.0, 0],
    "errors": [0, 0, 0, 30, 40, 0],
}
LABELS: dict[str, Any] = {
    "errors": ERRORS,
    "quality": {
        "ndcg": {
            "cells": [0, 0, 0, 20, 30, 0],
            "sum": [0, 0, 0, 5.0, 20.0, 0],
            "sum_squares": [0, 0, 0, 2.0, 16.0, 0],
        }
    },
    "slices": [{"rows": [0, 40, 30], "loss": [0, 30.0, 20.0]}, None],
}
SCHEME = {
    "threshold": None,
    "columns": [
        AGE,
        REGION,
        PRICE,
        ERROR,
        {"name": "ndcg", "role": "quality", "kind": "numeric", "edges": [0, 0.5, 1]},
    ],
    "slices": SLICES,
    "maps": [MOMENTS, FEATURES],
}
REGRESSION = PLAN | SCHEME
P_CAT = {"name": "p cat", "role": "class_score", "kind": "numeric", "edges": [0, 0.5, 1]}
CLASSES = PLAN | {
    "threshold": None,
    "columns": [
        {"name": "animal", "role": "prediction", "kind": "categorical", "tokens": [NORTH, SOUTH]},
        P_CAT | {"token": NORTH},
        P_CAT | {"name": "p dog", "token": SOUTH},
        {"name": "truth", "role": "outcome", "kind": "categorical"},
    ],
}
CAT = {"cells": [0, 0, 0, 60, 40, 0], "sum": [0, 0, 0, 9, 30, 0], "sum_squares": [0] * 6}
DOG = {"cells": [0, 0, 0, 40, 60, 0], "sum": [0, 0, 0, 9, 50, 0], "sum_squares": [0] * 6}
FEW = {"cells": [0, 0, 0, 20, 20, 0], "sum": [0, 0, 0, 4, 15, 0], "sum_squares": [0] * 6}
CLASS_TALLY = {
    "rows": 100,
    "columns": {"animal": {"cells": [0, 0, 0, 40, 60]}, "p cat": CAT, "p dog": DOG},
    "chosen": {"p cat": FEW, "p dog": FEW | {"cells": [0, 0, 0, 20, 40, 0]}},
}
TABLE = {"positives": [0, 0, 0, 15, 30, 0], "negatives": [0, 0, 0, 30, 15, 0]}
PART = {"positives": [0, 0, 0, 15, 15, 0], "negatives": [0, 0, 0, 15, 0, 0]}
CLASS_TABLE = {"overall": TABLE, "chosen": PART}
CLASS_LABELS = {"classes": {"p cat": CLASS_TABLE, "p dog": CLASS_TABLE}}
ABOUT = {
    "model": "loans",
    "version": "1",
    "deployment": "production",
    "plan": "0" * 64,
    "start": T0,
    "end": T1,
    "privacy": PRIVACY,
}


def check_window(tally: Any, plan: Any) -> None:
    checks.check_window(msgspec.convert(ABOUT | {"tally": tally}, Window), plan_of(plan))


def check_labels(labels: Any, plan: Any) -> None:
    checks.check_outcomes(msgspec.convert(ABOUT | {"labels": labels}, Outcomes), plan_of(plan))


def check_scheme(scheme: Any) -> None:
    """As part of a baseline that counts nothing of it: rules of the scheme come first."""
    body = {k: v for k, v in scheme.items() if k in {"columns", "slices", "maps", "threshold"}}
    about = {"model": "loans", "version": "1", "window_seconds": 3600, "privacy": PRIVACY}
    checks.check_baseline(
        msgspec.convert(about | body | {"total": {"rows": None, "columns": {}}}, Baseline)
    )


def plan_of(source: Any) -> Plan:
    return msgspec.convert(source, Plan)


def test_sound_tables_pass():
    check_window(TALLY, REGRESSION)
    check_labels(LABELS, REGRESSION)
    check_window(CLASS_TALLY, CLASSES)
    check_labels(CLASS_LABELS, CLASSES)
    for scheme in (REGRESSION, CLASSES):
        with pytest.raises(Refused, match=r"baseline\.too_few_rows"):
            check_scheme(scheme)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("slices", [{"rows": [0, 60, 40]}], "slices.number"),
        ("slices/0/rows", [0, 60, 40, 0], "slices.cells"),
        ("slices/0/rows", [None, 60, 40], "slices.cells"),
        ("slices/1/rows", [40, 20, 40, None], "slices.cells"),
        ("slices/0/rows", [0, 60, 50], "tally.partition"),
        ("slices/0/rows", [0, 95, 5], "privacy.cell_below_floor"),
        ("slices/0/hits", [0, 30, 20], "slices.measure"),
        ("slices/0/loss", [0, 30, 20], "slices.measure"),
        ("columns/region/cells", [0, 0, 0, 100, None], "privacy.differencing"),
        ("maps/second moments", MEAN | {"rows": 19}, "privacy.means_of_few_rows"),
        ("maps/second moments", MEAN | {"rows": 97}, "privacy.means_of_exact_rows"),
        ("maps/second moments", MEAN | {"rows": 110}, "privacy.means_of_exact_rows"),
        ("attributions/rows", 99, "privacy.means_of_exact_rows"),
        ("attributions/rows", 10**9, "privacy.means_of_exact_rows"),
        ("maps/second moments", MEAN | {"mean": [0.1]}, "tally.maps"),
        ("maps/other", MEAN, "tally.maps"),
        ("attributions/rows", 10, "privacy.means_of_few_rows"),
        ("attributions/mean_absolute", {"salary": 1.0}, "tally.attributions"),
        ("columns/price/sum", [0, 0, 0, 1401.0, 450.0, 0], "tally.sums"),
        ("columns/price/sum", [0, 0, 1e-9, 350.0, 450.0, 0], "tally.sums"),
        ("rows", None, "tally.withheld_rows"),
    ],
)
def test_each_broken_table_of_a_window_is_named(path, value, rule):
    with pytest.raises(Refused) as refusal:
        check_window(changed(TALLY, path, value), REGRESSION)
    assert refusal.value.rule == rule


@pytest.mark.parametrize("line", ["sum", "sum_squares"])
def test_rows_outside_the_bins_have_no_sum(line):
    told = changed(TALLY, "columns/price/cells", [20, 0, 0, 50, 30, 0])
    check_window(told, REGRESSION)
    for sums in ([0.5, 0, 0, 350.0, 450.0, 0], [0, 0, 0, 350.0, 450.0, -1e-7]):
        with pytest.raises(Refused, match=r"tally\.sums"):
            check_window(changed(told, f"columns/price/{line}", sums), REGRESSION)


@pytest.mark.parametrize("means", ["maps", "attributions"])
def test_means_are_told_once(means):
    tally = {name: TALLY[name] for name in ("rows", "columns", means)}
    check_window(tally, REGRESSION)
    later = msgspec.convert(ABOUT | {"tally": tally, "revision": 2}, Window)
    with pytest.raises(Refused, match=r"privacy\.means_once"):
        checks.check_window(later, plan_of(REGRESSION))


@pytest.mark.parametrize(
    ("rows", "of", "passes"),
    [
        (100, 100, True),
        (100, 105, True),  # nobody need be missing
        (89, 100, True),
        (90, 100, False),
        (90, 99, False),
        (97, 97, True),
        (990, 1_000, False),
        (980, 1_000, True),
        (985, 1_000, False),
        (9_900, 9_950, True),
        (9_950, 9_950, False),
    ],
)
def test_the_rows_of_means_never_tell_that_few_are_left_out(rows, of, passes):
    region = {"cells": [0, 0, 0, of, 0]}
    plan = PLAN | {"threshold": None, "columns": [REGION]}
    told = {
        "rows": of,
        "columns": {"region": region},
        "attributions": {"rows": rows, "mean_absolute": {"region": 0.1}},
    }
    if passes:
        check_window(told, plan)
        return
    with pytest.raises(Refused, match=r"privacy\.means_of_exact_rows"):
        check_window(told, plan)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("errors/rows", [0, 0, 0, 65, 5, 0], "privacy.cell_below_floor"),
        ("errors/errors", [0, 0, 0, 30, 41, 0], "labels.errors"),
        ("errors/sum", [0, 0, 0, -251.0, 4.0, 0], "tally.sums"),
        ("errors/sum_absolute", [0, 0, 0, -1.0, 4.0, 0], "tally.sums"),
        ("overall", TABLE, "labels.other_outcome"),
        ("classes", CLASS_LABELS["classes"], "labels.other_outcome"),
        ("quality/price", LABELS["quality"]["ndcg"], "labels.quality"),
        ("slices/0/loss", None, "slices.measure"),
        ("slices/0/loss", [0, -30.0, 20.0], "tally.sums"),
        ("slices/0/loss", [0, 1e308, 20.0], "tally.sums"),
        ("slices/0/loss", [1e-9, 30.0, 20.0], "tally.sums"),
        ("slices/0/rows", [0, 44, 30], "tally.partition"),
        ("slices/0/rows", [0, 4_970, 30], "tally.partition"),
    ],
)
def test_each_broken_table_of_labels_is_named(path, value, rule):
    with pytest.raises(Refused) as refusal:
        check_labels(changed(LABELS, path, value), REGRESSION)
    assert refusal.value.rule == rule


def test_tables_by_class_belong_to_class_scores_and_are_no_finer():
    with pytest.raises(Refused, match=r"tally\.chosen"):
        check_window(changed(CLASS_TALLY, "chosen/animal", CAT), CLASSES)
    with pytest.raises(Refused, match=r"labels\.classes"):
        check_labels(changed(CLASS_LABELS, "classes/animal", CLASS_TABLE), CLASSES)
    merged = changed(CLASS_TALLY, "columns/p cat/cells", [0, 0, 0, 100, None, 0])
    merged = changed(merged, "columns/p cat/sum", [0, 0, 0, 39, None, 0])
    merged = changed(merged, "columns/p cat/sum_squares", [0, 0, 0, 0, None, 0])
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check_window(merged, CLASSES)


def test_slices_of_decisions_tell_hits_and_misses_or_neither():
    plan = changed(REGRESSION, "threshold", 10)
    plan = changed(plan, "columns/3", ERROR | {"kind": "boolean", "edges": []})
    told = changed(TALLY, "columns/price/cells", [0, 0, 0, 60, 40, 0])
    told = changed(told, "slices/0/hits", [0, 20, 20])
    told = changed(told, "slices/1/hits", [20, 0, 0, 20])
    check_window(told, plan)
    for hits in ([0, 35, 5], [0, 55, 20]):
        with pytest.raises(Refused, match=r"privacy\.cell_below_floor"):
            check_window(changed(told, "slices/0/hits", hits), plan)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("columns/0", AGE | {"role": "group"}, "baseline.role_kind"),
        ("columns/1", REGION | {"role": "outlier"}, "baseline.role_kind"),
        ("columns/1", REGION | {"of": ["age", "sex"]}, "privacy.differencing"),
        ("columns/1", REGION | {"of": ["sex"]}, "baseline.joined_column"),
        ("columns/0", AGE | {"of": ["sex", "race"]}, "baseline.joined_column"),
        ("columns/2", PRICE | {"role": "feature"}, "baseline.regression"),
        ("columns/3", ERROR | {"kind": "categorical", "edges": []}, "baseline.classes"),
        ("columns/4", P_CAT | {"token": NORTH}, "baseline.classes"),
        ("slices/0/columns", ["paid"], "baseline.slices"),
        ("slices/0/columns", ["price"], "baseline.slices"),
        ("slices/0/columns", ["salary"], "baseline.slices"),
        ("slices/0/starts", [[0, 3, 5]], "baseline.slices"),
        ("slices/0/starts", [[1, 3]], "baseline.slices"),
        ("slices/0/starts", [[0, 3], [0]], "baseline.slices"),
        ("slices/1", SLICES[0], "baseline.slices"),
        ("slices/1/columns", ["age", "age"], "baseline.slices"),
        ("maps/0/clip", None, "baseline.maps"),
        ("maps/0/scale", [0.0], "baseline.maps"),
        ("maps/1/size", 5, "baseline.maps"),
        ("maps/1/bandwidth", None, "baseline.maps"),
        ("maps/1/name", "second moments", "baseline.maps"),
    ],
)
def test_each_broken_scheme_is_named(path, value, rule):
    with pytest.raises(Refused) as refusal:
        check_scheme(changed(REGRESSION, path, value))
    assert refusal.value.rule == rule


def test_slices_are_bounded():
    wide = AGE | {"edges": list(range(70))}
    plan = changed(REGRESSION, "columns/0", wide)
    plan = changed(plan, "columns/1", wide | {"name": "income"})
    grid = [list(range(70)), list(range(70))]
    slices = [{"columns": ["age", "income"], "starts": grid}]
    with pytest.raises(Refused, match=r"baseline\.slices: A slice has at most 400"):
        check_scheme(changed(plan, "slices", slices))


def test_a_part_is_nowhere_larger_than_the_whole():
    baseline = a_baseline(windows=[])
    whole = some_counts(SCORE, 500).cells
    cases: list[tuple[list[Cell], str | None]] = [
        (list(some_cells(SCORE, 500)), None),
        ([0, 0, 0, 125, 126, 124, 125, 0], "tally.parts"),
        ([0, 0, 0, 125, 375, None, None, 0], None),
        ([0, 0, 0, 125, 376, None, None, 0], "tally.parts"),
        ([500, None, None, None, None, None, None, None], None),
    ]
    for part, rule in cases:
        assert len(part) == len(whole)
        table = LabelTable(positives=part, negatives=[c and 0 for c in part])
        overall = LabelTable(positives=whole, negatives=whole)
        labels = Labels(overall=overall, groups={"origin": {NORTH: table}})
        statement = msgspec.structs.replace(baseline, labels=labels)
        assert rule_of(statement) == rule


def rule_of(statement: Baseline) -> str | None:
    try:
        checks.check_baseline(statement)
    except Refused as refusal:
        return refusal.rule
    return None
