"""The rules of the wire, one by one: a sound statement passes, each broken one is named."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from countersign import checks
from countersign.statement import Baseline, Outcomes, Plan, Refused, Window, decode, encode
from countersign.tables import Privacy

T0, T1, T2 = "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", "2026-01-15T00:00:00Z"
NORTH, SOUTH = "a" * 32, "b" * 32
PRIVACY = {"min_count": 11}
COLUMNS = [
    {"name": "age", "role": "feature", "kind": "numeric", "edges": [0, 30, 60]},
    {"name": "region", "role": "group", "kind": "categorical", "tokens": [NORTH, SOUTH]},
    {"name": "p", "role": "score", "kind": "numeric", "edges": [0, 0.5, 1]},
    {"name": "label", "role": "outcome", "kind": "boolean"},
]
TALLY = {
    "rows": 100,
    "columns": {
        "age": {"cells": [0, 0, 20, None, 80, 0]},
        "region": {"cells": [0, 0, 0, 60, 40]},
        "p": {
            "cells": [0, 0, 0, 70, 30, 0],
            "sum": [0, 0, 0, 14.0, 24.0, 0],
            "sum_squares": [0, 0, 0, 3.0, 19.5, 0],
        },
    },
    "groups": {
        "region": {
            NORTH: {
                "cells": [0, 0, 0, 45, 15, 0],
                "sum": [0, 0, 0, 9.0, 12.0, 0],
                "sum_squares": [0, 0, 0, 2.0, 10.0, 0],
            }
        }
    },
}
LABELS = {
    "overall": {"positives": [0, 0, 0, 14, 20, 0], "negatives": [0, 0, 0, 56, 12, 0]},
    "groups": {
        "region": {
            NORTH: {"positives": [0, 0, 0, 20, None, 0], "negatives": [0, 0, 0, 40, None, 0]}
        }
    },
}
BASELINE = {
    "model": "loans",
    "version": "1",
    "window_seconds": 604_800,
    "threshold": 0.5,
    "privacy": PRIVACY,
    "columns": COLUMNS,
    "total": TALLY,
    "labels": LABELS,
    "windows": [{"start": T0, "end": T1, "tally": TALLY}, {"start": T1, "end": T2, "tally": TALLY}],
}
PLAN = {
    "model": "loans",
    "version": "1",
    "baseline": "0" * 64,
    "revision": 1,
    "issued": T0,
    "window_seconds": 604_800,
    "season": "none",
    "threshold": 0.5,
    "privacy": PRIVACY,
    "columns": COLUMNS,
}
WINDOW = {
    "model": "loans",
    "version": "1",
    "deployment": "production",
    "plan": "0" * 64,
    "start": T0,
    "end": T1,
    "privacy": PRIVACY,
    "tally": TALLY,
}
OUTCOMES = {k: v for k, v in WINDOW.items() if k != "tally"} | {"labels": LABELS}
_DELETE = object()


def changed(source: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of `source` with one field replaced (or removed); the path's steps joined by /."""
    copy = deepcopy(source)
    *way, last = path.split("/")
    place: Any = copy
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is _DELETE:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return copy


def check(kind: type, source: dict[str, Any]) -> None:
    body: Any = msgspec.convert(source, kind)
    if kind is Baseline:
        checks.check_baseline(body)
    elif kind is Window:
        checks.check_window(body, msgspec.convert(PLAN, Plan))
    else:
        checks.check_outcomes(body, msgspec.convert(PLAN, Plan))


@pytest.mark.parametrize(
    ("kind", "source"), [(Baseline, BASELINE), (Window, WINDOW), (Outcomes, OUTCOMES)]
)
def test_a_sound_statement_passes_and_survives_the_journey(kind, source):
    check(kind, source)
    body = msgspec.convert(source, kind)
    subject, again = decode(encode(body, "0" * 64), kind)
    assert again == body
    assert subject.name == "loans/1"


AGE, SCORE = "tally/columns/age", "tally/columns/p"
BROKEN = [
    (Window, "end", T0, "window.empty_period"),
    (Window, "shard", 1, "window.shard_out_of_range"),
    (Window, "privacy", {"min_count": 5}, "privacy.min_count_below_plan"),
    (Window, "privacy", {"mechanism": "discrete_laplace", "scale": 0}, "privacy.scale"),
    (Window, "privacy", {"mechanism": "discrete_laplace", "scale": 2}, "privacy.noise_below_plan"),
    (Window, "tally/rows", 10, "privacy.cell_below_floor"),
    (Window, "tally/rows", 101, "tally.partition"),
    (Window, "tally/rows", None, "tally.withheld_rows"),
    (Window, AGE, _DELETE, "tally.columns"),
    (Window, "tally/columns/salary", {"cells": [0, 0, 100, 0, 0, 0]}, "tally.columns"),
    (Window, f"{AGE}/cells", [0, 0, 20, 80, 0], "tally.cells"),
    (Window, f"{AGE}/cells", [None, 0, 20, 80, 0, 0], "tally.first_cell"),
    (Window, f"{AGE}/cells", [0, 0, 3, 97, 0, 0], "privacy.cell_below_floor"),
    (Window, f"{AGE}/cells", [0, 0, -20, 120, 0, 0], "privacy.cell_below_floor"),
    (Window, f"{AGE}/sum", [0.0] * 6, "tally.sums"),
    (Window, f"{SCORE}/sum", [0, 0, 0, 14.0, 31.0, 0], "tally.sums"),
    (Window, f"{SCORE}/sum", [0, 0, 0, None, 24.0, 0], "tally.sums"),
    (Window, f"{SCORE}/sum_squares", [0, 0, 0, -1.0, 19.5, 0], "tally.sums"),
    (Window, f"{SCORE}/sum_squares", None, "tally.sums"),
    (Window, "tally/groups/age", {}, "tally.groups"),
    (Window, "tally/groups/region", {"c" * 32: {"cells": [0] * 6}}, "tally.groups"),
    (Window, f"{SCORE}/cells", [0, 0, 0, 100, None, 0], "tally.sums"),
    (Outcomes, "labels/overall", None, "labels.withheld"),
    (Outcomes, "labels/overall/positives", [0, 0, 0, 34, None, 0], "labels.merged_apart"),
    (Outcomes, "labels/overall/positives", [0, 0, 0, 30, 4, 0], "privacy.cell_below_floor"),
    (Baseline, "total/rows", None, "baseline.too_few_rows"),
    (Baseline, "windows/1/start", "2026-01-07T00:00:00Z", "baseline.windows_overlap"),
    (Baseline, "windows/0/end", T0, "window.empty_period"),
    (Baseline, "columns", COLUMNS[3:], "baseline.no_columns"),
    (Baseline, "threshold", 0.4, "baseline.threshold"),
    (Baseline, "columns/0/edges", [0, 60, 30], "baseline.edges"),
    (Baseline, "columns/0/edges", [0], "baseline.edges"),
    (Baseline, "columns/1/edges", [0, 1], "baseline.edges"),
    (Baseline, "columns/1/tokens", [NORTH, NORTH], "baseline.duplicate_token"),
    (Baseline, "columns/0/name", "region", "baseline.duplicate_column"),
    (Baseline, "columns/0/role", "group", "baseline.role_kind"),
    (Baseline, "columns/0/role", "outcome", "baseline.one_outcome"),
    (Baseline, "columns/1/role", "score", "baseline.role_kind"),
    (Baseline, "columns/0/role", "score", "baseline.one_score"),
]


@pytest.mark.parametrize(("kind", "path", "value", "rule"), BROKEN)
def test_each_broken_rule_is_named(kind, path, value, rule):
    source: Any = {Baseline: BASELINE, Window: WINDOW, Outcomes: OUTCOMES}[kind]
    with pytest.raises(Refused) as refusal:
        check(kind, changed(source, path, value))
    assert refusal.value.rule == rule


def test_a_table_by_group_finer_than_the_whole_would_give_small_cells_back():
    merged = changed(WINDOW, f"{SCORE}/cells", [0, 0, 0, 100, None, 0])
    merged = changed(merged, f"{SCORE}/sum", [0, 0, 0, 38.0, None, 0])
    merged = changed(merged, f"{SCORE}/sum_squares", [0, 0, 0, 22.5, None, 0])
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check(Window, merged)


def test_labels_by_group_are_merged_at_least_as_far_as_overall():
    finer = changed(OUTCOMES, "labels/overall/positives", [0, 0, 0, 34, None, 0])
    finer = changed(finer, "labels/overall/negatives", [0, 0, 0, 68, None, 0])
    finer = changed(
        finer,
        f"labels/groups/region/{NORTH}",
        {"positives": [0, 0, 0, 15, 15, 0], "negatives": [0, 0, 0, 20, 20, 0]},
    )
    with pytest.raises(Refused, match=r"privacy\.differencing"):
        check(Outcomes, finer)


NOISE = {"mechanism": "discrete_laplace", "scale": 4.0, "unit": "person", "contribution": 3}


@pytest.mark.parametrize(
    "change",
    [{"scale": 3.9}, {"scale": 4.1}, {"unit": "row"}, {"contribution": 2}, {"contribution": 4}],
)
def test_noise_is_exactly_the_plans(change):
    floor = msgspec.convert(NOISE, Privacy)
    checks.check_floor(msgspec.convert(NOISE | {"min_count": 12}, Privacy), floor)
    with pytest.raises(Refused, match=r"^privacy\.noise_below_plan"):
        checks.check_floor(msgspec.convert(NOISE | change, Privacy), floor)
