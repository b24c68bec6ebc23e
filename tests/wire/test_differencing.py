"""What may not follow by subtracting one table of a statement from another."""

import json
from typing import Any

import pytest

from countersign.statement import Refused
from tests.wire.test_checks import NORTH, PLAN, SOUTH, changed
from tests.wire.test_table_checks import (
    CLASS_LABELS,
    CLASS_TALLY,
    CLASSES,
    ERRORS,
    check_labels,
    check_scheme,
    check_window,
)

AGE = {"name": "age", "role": "feature", "kind": "numeric", "edges": [0, 30, 60]}
REGION = {"name": "region", "role": "feature", "kind": "categorical", "tokens": [NORTH]}
ORIGIN = {"name": "origin", "role": "group", "kind": "categorical", "tokens": [NORTH, SOUTH]}
SCORE = {"name": "p", "role": "score", "kind": "numeric", "edges": [0, 0.5, 1]}
LABEL = {"name": "label", "role": "outcome", "kind": "boolean"}
ERROR = {"name": "paid", "role": "outcome", "kind": "numeric", "edges": [-5, 0, 5]}
BY_AGE: dict[str, Any] = {"columns": ["age"], "starts": [[0, 3, 4]]}
BY_BOTH: dict[str, Any] = {"columns": ["age", "region"], "starts": [[0, 3, 4], [0, 3]]}
DECIDING = PLAN | {
    "threshold": 0.5,
    "columns": [AGE, REGION, ORIGIN, SCORE, LABEL],
    "slices": [BY_AGE, BY_BOTH],
}
COSTING = DECIDING | {"threshold": None, "columns": [AGE, REGION, ORIGIN, SCORE, ERROR]}


def scores(low: int | None, high: int | None) -> dict[str, Any]:
    """The score's counts in its two bins."""
    cells = [0, 0, 0, low, high, 0]
    return {
        "cells": cells,
        "sum": [None if c is None else 0.5 * c for c in cells],
        "sum_squares": [None if c is None else 0.25 * c for c in cells],
    }


TALLY: dict[str, Any] = {
    "rows": 200,
    "columns": {
        "age": {"cells": [0, 0, 0, 70, 130, 0]},
        "region": {"cells": [60, 0, 0, 140]},
        "origin": {"cells": [20, 0, 0, 120, 60]},
        "p": scores(115, 85),
    },
    "groups": {"origin": {NORTH: scores(70, 50), SOUTH: scores(25, 35)}},
    "slices": [
        {"rows": [0, 70, 130], "hits": [0, 35, 50]},
        {"rows": [0, 0, 30, 40, 30, 100], "hits": [0, 0, 15, 20, 15, 35]},
    ],
}


def labels_in(positives: list[int | None], negatives: list[int | None]) -> dict[str, Any]:
    """Labels in the score's two bins."""
    return {"positives": [0, 0, 0, *positives, 0], "negatives": [0, 0, 0, *negatives, 0]}


LABELS: dict[str, Any] = {
    "overall": labels_in([20, 50], [60, 24]),
    "groups": {
        "origin": {NORTH: labels_in([20, 35], [35, 12]), SOUTH: labels_in([15, None], [24, None])}
    },
    "slices": [
        {"rows": [0, 100, 54], "hits": [0, 24, 20]},
        {"rows": [50, 50, None, None, 23, 31], "hits": [12, 12, None, None, 0, 20]},
    ],
}
ERROR_LABELS: dict[str, Any] = {
    "errors": ERRORS,
    "error_groups": {
        "origin": {
            NORTH: ERRORS
            | {"rows": [0, 0, 0, 30, None, 0], "errors": [0, 0, 0, 15, 15, 0]}
            | {name: [0, 0, 0, 0, None, 0] for name in ("sum", "sum_absolute", "sum_squares")}
        }
    },
}


def test_sound_parts_pass():
    check_window(TALLY, DECIDING)
    check_labels(LABELS, DECIDING)
    check_labels(ERROR_LABELS, COSTING)


NORTHERN = f"groups/origin/{NORTH}"


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (NORTHERN, scores(110, 10), "privacy.cell_below_floor"),
        (NORTHERN, scores(40, 80), "privacy.differencing"),  # 5 others in the upper bin
        (NORTHERN, scores(120, 0), "tally.parts"),  # more than there are
        ("groups/origin", {NORTH: scores(80, 40), SOUTH: scores(30, 30)}, "privacy.differencing"),
        (NORTHERN, scores(2_500, 2_500), "tally.partition"),
        (NORTHERN, scores(12, 0), "tally.partition"),
        ("columns/origin/cells", [140, None, None, None, 60], "privacy.differencing"),
        ("columns/origin/cells", [20, 0, 0, 180, None], "privacy.differencing"),
        (f"groups/origin/{SOUTH}", scores(60, None), None),
    ],
)
def test_what_groups_leave_of_a_window_is_not_small(path, value, rule):
    told = changed(TALLY, path, value)
    if rule is None:
        check_window(told, DECIDING)
        return
    with pytest.raises(Refused) as refusal:
        check_window(told, DECIDING)
    assert refusal.value.rule == rule


def test_groups_that_are_cut_into_each_other_are_refused():
    edges = [0, 0.25, 0.5, 1]
    plan = changed(DECIDING, "columns/3/edges", edges) | {"slices": [], "threshold": None}

    def told(*cells: int | None) -> dict[str, Any]:
        sums = [None if c is None else 0.0 for c in cells]
        return {"cells": [0, 0, 0, *cells, 0], "sum": [0, 0, 0, *sums, 0]} | {
            "sum_squares": [0, 0, 0, *sums, 0]
        }

    tally = changed(TALLY, "columns/p", told(70, 70, 60)) | {"slices": []}
    north, south = told(40, 40, 40), told(30, 30, None)
    check_window(changed(tally, "groups/origin", {NORTH: north, SOUTH: south}), plan)
    apart = {NORTH: told(80, None, 40), SOUTH: told(40, 20, None)}
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check_window(changed(tally, "groups/origin", apart), plan)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"groups/origin/{NORTH}", labels_in([20, 48], [35, 12])),  # 2 other positives
        (f"groups/origin/{NORTH}", labels_in([20, 35], [35, 20])),  # 4 other negatives
        (f"groups/origin/{SOUTH}", labels_in([13, None], [24, None])),  # 2 positives of nobody
    ],
)
def test_what_groups_leave_of_the_labels_is_not_small(path, value):
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check_labels(changed(LABELS, path, value), DECIDING)


@pytest.mark.parametrize("line", ["rows", "errors"])
def test_what_groups_leave_of_the_errors_is_not_small(line):
    told = changed(ERROR_LABELS, f"error_groups/origin/{NORTH}/rows", [0, 0, 0, 40, None, 0])
    told = changed(told, f"error_groups/origin/{NORTH}/errors", [0, 0, 0, 18, 22, 0])
    check_labels(told, COSTING)
    few = {"rows": [0, 0, 0, 25, 15, 0], "errors": [0, 0, 0, 28, 12, 0]}
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check_labels(changed(told, f"error_groups/origin/{NORTH}/{line}", few[line]), COSTING)


CHOSEN = {"cells": [0, 0, 0, 0, 40, 0], "sum": [0, 0, 0, 0, 20, 0], "sum_squares": [0] * 6}


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("chosen/p cat", CHOSEN, None),
        ("columns/p cat/cells", [0, 0, 0, 57, 43, 0], "privacy.differencing"),
        ("columns/animal/cells", [0, 0, 0, 60, 40], "tally.partition"),
        ("columns/animal/cells", [0, 0, 0, 100, None], "privacy.differencing"),
    ],
)
def test_what_the_chosen_leave_of_a_class_is_not_small(path, value, rule):
    told = changed(changed(CLASS_TALLY, "chosen/p cat", CHOSEN), path, value)
    if rule is None:
        check_window(told, CLASSES)
        return
    with pytest.raises(Refused) as refusal:
        check_window(told, CLASSES)
    assert refusal.value.rule == rule


@pytest.mark.parametrize(
    ("path", "positives", "negatives", "rule"),
    [
        ("p cat/chosen", [12, 15], [18, 0], "privacy.differencing"),  # 3 cats weren't chosen
        ("p cat/chosen", [0, 18], [27, 0], "privacy.differencing"),  # 3 others weren't
        ("p cat/chosen", [15, 15], [19, 0], "tally.parts"),  # 94 chosen of 90
        ("p cat/chosen", [15, 15], [12, 0], "privacy.differencing"),  # 3 of no class chosen
        ("p cat/overall", [15, 26], [34, 15], "privacy.differencing"),  # 4 of no class
        ("p cat/overall", [15, 30], [30, 26], "tally.partition"),  # 101 rows, and 90
    ],
)
def test_classes_leave_no_small_count_of_each_other(path, positives, negatives, rule):
    fresh = json.loads(json.dumps(CLASS_LABELS))
    told = changed(fresh, f"classes/{path}", labels_in(positives, negatives))
    with pytest.raises(Refused) as refusal:
        check_labels(told, CLASSES)
    assert refusal.value.rule == rule


def test_class_scores_go_with_one_prediction():
    columns: Any = CLASSES["columns"]
    with pytest.raises(Refused, match=r"baseline\.classes"):
        check_scheme(CLASSES | {"columns": [*columns, columns[0] | {"name": "guess"}]})


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("slices", [{"rows": [0, 100, 54], "hits": [0, 26, 20]}, None], "tally.partition"),
        ("slices/0/hits", [0, 12, 32], "tally.partition"),  # not the other table's
        ("slices/0/rows", [0, 110, 44], "tally.partition"),  # not the other table's
        ("slices/1/rows", [50, 50, None, None, 23, 41], "tally.partition"),  # 164 of 154
        ("slices", [{"rows": [0, 4_946, 54], "hits": [0, 24, 20]}, None], "tally.partition"),
        ("overall", labels_in([20, 50], [70, 24]), "tally.partition"),  # 164, and 154
        ("overall", labels_in([70, None], [84, None]), "privacy.differencing"),
    ],
)
def test_labels_by_slice_agree_with_each_other_and_the_labels(path, value, rule):
    told = {name: LABELS[name] for name in ("overall", "slices")}
    with pytest.raises(Refused) as refusal:
        check_labels(changed(told, path, value), DECIDING)
    assert refusal.value.rule == rule


@pytest.mark.parametrize(("more", "hits"), [(4, 0), (20, 4), (24, 20), (20, 0)])
def test_labels_by_slice_are_not_cut_into_each_other(more, hits):
    """The second slice's first band of ages has so many more rows and hits than the first's."""
    told = {
        "overall": LABELS["overall"],
        "slices": [
            {"rows": [100, 54, None], "hits": [24, 20, None]},
            {
                "rows": [50, 50 + more, None, None, 0, 54 - more],
                "hits": [12, 12 + hits, None, None, 0, 20 - hits],
            },
        ],
    }
    if (more, hits) == (20, 0):
        check_labels(told, DECIDING)
        return
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check_labels(told, DECIDING)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("slices/1/hits", [0, 0, 15, 20, 15, 36], "tally.partition"),  # 86 of 85 decisions
        ("slices/0/hits", [0, 30, 55], "tally.partition"),  # not the other table's
        ("slices/0/rows", [0, 81, 119], "tally.partition"),  # not the column's
        ("slices/1/rows", [0, 0, 30, 40, 41, 89], "tally.partition"),  # not the region's
        ("columns/p", scores(200, None), "privacy.differencing"),
    ],
)
def test_a_windows_slices_agree_with_each_other_and_its_columns(path, value, rule):
    told = changed(TALLY, "groups", {})
    with pytest.raises(Refused) as refusal:
        check_window(changed(told, path, value), DECIDING)
    assert refusal.value.rule == rule


def cut_apart(hits: list[int | None]) -> dict[str, Any]:
    """A window whose ages are cut after the first bin in one slice, before it in the other."""
    told = changed(TALLY, "columns/age/cells", [30, 0, 0, 40, 130, 0])
    told = changed(told, "groups", {})
    told = changed(told, "slices/0", {"rows": [70, None, 130], "hits": [35, None, 50]})
    return changed(told, "slices/1", {"rows": [30, 0, 170, 0, None, None], "hits": hits})


def test_slices_may_be_cut_apart_where_no_few_rows_or_hits_lie_between():
    age_only = {"columns": ["age", "region"], "starts": [[0, 3, 4], [0, 3]]}
    plan = changed(DECIDING, "slices/1", age_only)
    plan = changed(plan, "columns/1/tokens", [NORTH])
    everywhere = {"cells": [200, 0, 0, 0]}
    safe = changed(cut_apart([15, 0, 70, 0, None, None]), "columns/region", everywhere)
    check_window(safe, plan)  # 20 of 40 in between are hits
    for hits in ([30, 0, 55, 0, None, None], [0, 0, 85, 0, None, None]):
        few = changed(cut_apart(hits), "columns/region", everywhere)
        with pytest.raises(Refused, match=r"privacy\.differencing"):
            check_window(few, plan)


@pytest.mark.parametrize("columns", [[AGE, REGION, SCORE], CLASSES["columns"]])
def test_labels_by_slice_need_an_outcome_of_one_of_two_or_a_number(columns):
    plan = PLAN | {
        "threshold": None,
        "columns": columns,
        "slices": [{"columns": [columns[0]["name"]], "starts": [[0, 3]]}],
    }
    with pytest.raises(Refused, match=r"labels\.other_outcome"):
        check_labels({"slices": [{"rows": [20, 20]}]}, plan)
