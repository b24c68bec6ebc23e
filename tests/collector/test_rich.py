"""All that a recipe can ask for, counted together: complete, exact, the same in any pieces."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.checks import check_baseline, check_outcomes, check_window
from countersign.collector import Collector
from countersign.hashing import token_of
from countersign.statement import Baseline, Outcomes, Refused, Window, decode
from countersign.statements import OpenPlan, Period, outcomes_statement
from countersign.tables import Counts

from .cast import END, KEY, RICH, START, plan_of, rich_rows, shap_values, some_rows

ROWS = rich_rows(6_000)
BASELINE = Collector.baseline(ROWS, attributions=shap_values(500), **RICH)
PLAN = plan_of(BASELINE)


def a_window(rows: Any, plan: OpenPlan = PLAN, **options: Any) -> Window:
    collector = Collector(plan, key=KEY, **options)
    collector.add(rows)
    assert collector.failures == 0
    window = decode(collector.close_window(START, END), Window)[1]
    check_window(window, plan.plan)
    return window


def total(line: Sequence[float | None] | None) -> float:
    assert line is not None
    return sum(value or 0 for value in line)


def mean(counts: Counts, column: str) -> float:
    """The mean of a metered column's rows inside the bins."""
    size = next(c.size for c in PLAN.plan.columns if c.name == column)
    return total(counts.sum) / total(counts.cells[3 : size - 1])


def test_a_baseline_says_what_the_recipe_asked_for():
    told = decode(BASELINE, Baseline)[1]
    check_baseline(told)
    roles = {c.name: (c.role, c.kind) for c in told.columns}
    assert roles["milliseconds"] == ("operational", "numeric")
    assert roles["failed"] == ("operational", "boolean")
    assert roles["usefulness"] == ("quality", "numeric")
    assert roles["sex and origin"] == ("group", "categorical")
    assert not {"sex", "origin", "picture"} & set(roles)
    joined = next(c for c in told.columns if c.name == "sex and origin")
    assert joined.of == ["sex", "origin"]
    assert joined.tokens[0] in {
        token_of(KEY, "loans", "sex and origin", f"{sex}\x1fhere") for sex in "fm"
    }
    assert [m.kind for m in told.maps] == ["second_moments", "random_features"]
    assert set(told.total.maps) == {"second moments", "picture"}
    assert told.template == "credit"
    assert told.worth is not None
    assert told.worth.false_positive == -900.0
    assert told.total.attributions is not None
    assert told.total.attributions.rows == 500
    assert told.labels is not None
    assert set(told.labels.quality) == {"usefulness"}
    assert all(s is not None for s in (*told.total.slices, *told.labels.slices))


def test_a_series_tells_what_the_total_tells_and_no_finer():
    rows = rich_rows(26_000, seed=2)
    rows["when"] = some_rows(26_000, seed=2)["when"]
    told = decode(Collector.baseline(rows, **RICH, time="when"), Baseline)[1]
    assert len(told.windows) == 13
    for part in told.windows:
        assert part.labels is not None
        assert set(part.tally.maps) == {"second moments", "picture"}
        assert total(part.labels.quality["usefulness"].cells) == part.tally.rows
        for own, whole in zip(part.tally.slices, told.total.slices, strict=True):
            assert own is not None
            assert whole is not None
            assert all(w is not None for o, w in zip(own.rows, whole.rows, strict=True) if o)
    for name, counts in told.total.columns.items():
        if counts.sum is not None:
            parts = [total(part.tally.columns[name].sum) for part in told.windows]
            assert sum(parts) == pytest.approx(total(counts.sum), rel=1e-6)


def test_meters_tell_means_and_the_latency_its_99th_percentile():
    rows = rich_rows(4_000, seed=3)
    rows["milliseconds"] *= 3
    window = a_window(rows)
    for name in ("milliseconds", "politeness", "oddness"):
        assert mean(window.tally.columns[name], name) == pytest.approx(rows[name].mean(), rel=0.01)
    latency = next(c for c in PLAN.plan.columns if c.name == "milliseconds")
    cells = np.nan_to_num(np.array(window.tally.columns["milliseconds"].cells, float))
    above = np.cumsum(cells[::-1])[::-1] / 4_000  # share of rows in this cell or a later one
    edges = np.array([0, 0, 0, *latency.edges])
    low, high = edges[above >= 0.01][-1], edges[above < 0.01][0]
    assert low <= np.quantile(rows["milliseconds"], 0.99) <= high < 3 * low


def test_quality_comes_with_the_labels_and_not_before():
    rows = rich_rows(3_000, seed=4)
    assert "usefulness" not in a_window(rows).tally.columns
    labels = decode(Collector(PLAN, key=KEY).outcomes(rows, START, END), Outcomes)[1].labels
    told = labels.quality["usefulness"]
    assert mean(told, "usefulness") == pytest.approx(rows["usefulness"].mean(), rel=1e-6)
    assert total(told.cells) == 3_000


def test_a_version_without_a_score_sends_the_quality_of_its_queries():
    frame = pd.DataFrame({"length": np.arange(2_000) % 40, "ndcg": np.linspace(0, 1, 2_000)})
    recipe = {"roles": {"ndcg": "quality"}, "threshold": None}
    names = ("model", "version", "digest", "key")
    payload = Collector.baseline(frame, **{n: RICH[n] for n in names}, **recipe)
    plan = plan_of(payload)
    queries = pd.DataFrame({"ndcg": np.linspace(0.2, 0.4, 300)})
    outcomes = decode(Collector(plan, key=KEY).outcomes(queries, START, END), Outcomes)[1]
    check_outcomes(outcomes, plan.plan)
    assert total(outcomes.labels.quality["ndcg"].cells) == 300


def test_without_anything_that_comes_later_there_are_no_outcomes():
    plan = plan_of(Collector.baseline(ROWS[["age", "risk"]], **{**RICH, **PLAIN}))
    with pytest.raises(Refused, match=r"labels\.no_score"):
        Collector(plan, key=KEY).outcomes(ROWS, START, END)


PLAIN: dict[str, Any] = {
    "roles": {"risk": "score"},
    "joined": {},
    "slices": [],
    "multivariate": [],
}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1_500), max_size=6), st.permutations(range(3)), st.booleans())
def test_rows_in_any_pieces_and_order_give_the_same_statements(cuts, order, shuffled):
    rows = rich_rows(1_500, seed=5)
    pieces = np.split(np.arange(1_500), sorted(cuts))
    collectors = [Collector(PLAN, key=KEY) for _ in range(3)]
    for i, piece in enumerate(reversed(pieces) if shuffled else pieces):
        collectors[order[i % 3]].add(rows.iloc[piece])
        collectors[i % 3].add_attributions({"age": np.arange(len(piece)) - 7.0})
    first, *others = (collectors[i] for i in order)
    for other in others:
        first.merge(other)
    told = decode(first.close_window(START, END), Window)[1].tally
    assert told.attributions is not None
    assert a_window(rows).tally == msgspec.structs.replace(told, attributions=None)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1_500), max_size=6))
def test_labels_in_any_pieces_give_the_same_tables(cuts):
    rows = rich_rows(1_500, seed=6)
    counter = PLAN.outcome_counter(KEY)
    total_of = counter.nothing()
    for piece in np.split(np.arange(1_500), sorted(cuts)):
        total_of += counter.count(rows.iloc[piece])
    period = Period(deployment="default", start=START, end=END)
    whole = Collector(PLAN, key=KEY).outcomes(rows, START, END)
    assert outcomes_statement(PLAN, total_of, period) == whole


def test_rows_one_by_one_count_as_rows_in_a_frame():
    rows = rich_rows(700, seed=7)
    single = Collector(PLAN, key=KEY)
    for row in rows.to_dict("records"):
        single.add_row(row)
    assert decode(single.close_window(START, END), Window)[1].tally == a_window(rows).tally


def test_a_joined_group_is_missing_where_a_part_is():
    rows = rich_rows(3_000, seed=8).astype({"sex": object})
    rows.loc[:499, "sex"] = None
    window = a_window(rows)
    assert window.tally.columns["sex and origin"].cells[0] == 500
    assert set(window.tally.groups) == {"sex and origin"}
    without = a_window(rows.drop(columns="origin"))
    assert without.tally.columns["sex and origin"].cells[0] == 3_000


def test_joined_groups_are_the_same_from_every_kind_of_frame():
    rows = rich_rows(2_000, seed=9)
    cells = a_window(rows).tally.columns["sex and origin"].cells
    plain = rows.drop(columns="picture").astype({"sex": str})
    for frame in (pl.from_pandas(plain), pl.from_pandas(plain).to_arrow(), plain.to_dict("list")):
        assert a_window(frame).tally.columns["sex and origin"].cells == cells


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"joined": {"sexes": ("sex",)}}, "baseline.joined_column"),
        ({"joined": {"sexes": ("sex", "sex")}}, "privacy.differencing"),
        ({"joined": {"a": ("sex", "origin"), "b": ("sex", "region")}}, "privacy.differencing"),
        ({"joined": {"sexes": ("sex", "gender")}}, "baseline.joined_column"),
        ({"joined": {"age": ("sex", "origin")}}, "baseline.joined_column"),
        ({"joined": {"sex & origin": ("sex", "origin")}}, "baseline.column_name"),
        ({"roles": {**RICH["roles"], "sex": "group"}}, "baseline.joined_column"),
        ({"slices": ["shoe size"]}, "baseline.slices"),
        ({"slices": ["sex"]}, "baseline.slices"),
        ({"slices": ["sex and origin"]}, "baseline.slices"),
        ({"slices": ["risk"]}, "baseline.slices"),
        ({"slices": ["usefulness"]}, "baseline.slices"),
        ({"slices": ["age", "age"]}, "baseline.slices"),
        ({"slices": [("age", "income"), ("income", "age")]}, "baseline.slices"),
        ({"slices": [("age", "age")]}, "baseline.slices"),
        ({"slices": [("age", "income", "region")]}, "baseline.slices"),
        ({"slices": [()]}, "baseline.slices"),
        ({"multivariate": ["age", "region"]}, "baseline.maps"),
        ({"multivariate": ["age", "age"]}, "baseline.maps"),
        ({"multivariate": ["shoe size"]}, "baseline.maps"),
        ({"template": "no spaces"}, "baseline.template"),
        ({"worth": {"currency": "euros"}}, "baseline.worth"),
        ({"worth": {"true_positive": 1.0}}, "baseline.worth"),
        ({"worth": 12}, "baseline.worth"),
        ({"roles": {**RICH["roles"], "video": "embedding"}}, "baseline.role"),
        ({"roles": {**RICH["roles"], "balance": "embedding"}}, "baseline.embedding"),
        ({"roles": {**RICH["roles"], "region": "operational"}}, "baseline.role_kind"),
        ({"roles": {**RICH["roles"], "age": "embeddings"}}, "baseline.role"),
        ({"attributions": {"shoe size": [1.0] * 20}}, "batch.attributions"),
        ({"attributions": {"risk": [1.0] * 20}}, "batch.attributions"),
    ],
)
def test_what_no_baseline_can_tell_is_refused_by_name(changes, rule):
    with pytest.raises(Refused) as refusal:
        Collector.baseline(ROWS, **{**RICH, **changes})
    assert refusal.value.rule == rule


def test_embeddings_of_different_lengths_are_refused_by_name():
    rows = rich_rows(200)
    rows["picture"] = [[0.0] * (5 + i % 2) for i in range(200)]
    with pytest.raises(Refused) as refusal:
        Collector.baseline(rows, **RICH)
    assert (refusal.value.rule, refusal.value.path) == ("baseline.embedding", "picture")


def test_attributions_are_means_of_sizes_and_never_of_a_few():
    collector = Collector(PLAN, key=KEY)
    collector.add(rich_rows(500))
    values = np.array([-1.0, 3.0] * 50 + [np.nan, np.inf])
    sparse = np.where(np.arange(102) < 5, 1.0, np.nan)
    collector.add_attributions({"income": values, "age": sparse})
    told = decode(collector.close_window(START, END), Window)[1].tally.attributions
    assert told is not None
    assert told.mean_absolute == {"income": 2.0}
    assert told.rows == 100
    collector.add_attributions({"income": values[:10]})
    assert decode(collector.close_window(START, END), Window)[1].tally.attributions is None


@pytest.mark.parametrize(
    "frame", [None, 5, {}, {"shoe size": [1.0]}, {"age": [1.0], "income": [1.0, 2.0]}, {"age": 3}]
)
def test_attributions_that_cannot_be_read_never_reach_the_model(frame):
    collector = Collector(PLAN, key=KEY)
    collector.add_attributions(frame)
    assert collector.failures == 1


def test_a_template_adds_roles_and_slices_by_name_and_overrules_nothing():
    rows = rich_rows(3_000, seed=10)
    rows = rows.assign(latency_ms=rows["milliseconds"], product="loan", channel="branch")
    rows = rows.assign(default=rows["repaid"], gender=rows["sex"], race=rows["origin"])
    recipe = {**RICH, "slices": ["product"], "joined": {"sex and race": ("sex", "race")}}
    recipe["roles"] = {**RICH["roles"], "gender": "ignore", "channel": "group"}
    told = decode(Collector.baseline(rows, **recipe), Baseline)[1]
    roles = {c.name: c.role for c in told.columns}
    assert roles["latency_ms"] == "operational"
    assert (roles["repaid"], roles["default"]) == ("outcome", "feature")
    assert roles["channel"] == "group"
    assert not {"gender", "sex", "race"} & set(roles)
    assert [s.columns for s in told.slices] == [["product"], ["region"]]
