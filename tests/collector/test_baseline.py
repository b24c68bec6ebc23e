"""A baseline is made from rows alone, tells of many rows and never of one, and is valid."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign import baseline as module
from countersign.baseline import make_baseline
from countersign.binning import Bins
from countersign.checks import check_baseline
from countersign.collector import Collector
from countersign.hashing import token_of
from countersign.recipe import Recipe
from countersign.statement import Baseline, Refused, Window, decode
from countersign.survey import SCORE_BINS, numeric_edges, score_edges

from .cast import DIGEST, KEY, RECIPE, a_plan, some_rows

MIN = 11


def a_baseline(frame: Any, **changes: Any) -> Baseline:
    payload = Collector.baseline(frame, **{**RECIPE, **changes})
    subject, told = decode(payload, Baseline)
    assert subject.digest == {"sha256": DIGEST}
    check_baseline(told)
    return told


def column(told: Baseline, name: str):
    return next(c for c in told.columns if c.name == name)


def test_kinds_roles_and_vocabularies_are_inferred():
    told = a_baseline(some_rows(5_000).drop(columns="when"))
    kinds = {c.name: (c.role, c.kind) for c in told.columns}
    assert kinds == {
        "income": ("feature", "numeric"),
        "age": ("feature", "numeric"),
        "balance": ("feature", "numeric"),
        "employed": ("feature", "boolean"),
        "region": ("feature", "categorical"),
        "origin": ("group", "categorical"),
        "sex": ("group", "categorical"),
        "risk": ("score", "numeric"),
        "approved": ("prediction", "boolean"),
        "repaid": ("outcome", "boolean"),
    }
    ordered = [token_of(KEY, "loans", "region", r) for r in ("north", "south", "east", "west")]
    assert column(told, "region").tokens == ordered
    assert column(told, "risk").edges[0] == 0.0
    assert column(told, "risk").edges[-1] == 1.0
    assert 0.37 in column(told, "risk").edges
    assert told.labels is not None
    assert told.labels.overall is not None
    assert set(told.total.groups) == {"origin", "sex"}


def test_a_rare_category_gets_no_token_and_is_other():
    told = a_baseline(
        {"town": ["big"] * 500 + ["small"] * 10 + ["hamlet"] * 30}, roles={}, threshold=None
    )
    tokens = column(told, "town").tokens
    assert tokens == [token_of(KEY, "loans", "town", t) for t in ("big", "hamlet")]


def test_at_most_a_hundred_categories_are_declared():
    told = a_baseline({"shop": [f"shop {i}" for i in range(300)] * 20}, roles={}, threshold=None)
    assert len(column(told, "shop").tokens) == 100
    assert told.total.columns["shop"].cells[2] == 200 * 20


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        ["normal", "lognormal", "heavy", "integers", "few", "zeros", "constant", "far"]
    ),
    st.sampled_from([30, 300, 5_000]),
)
def test_no_bin_stands_for_few_rows_and_no_edge_is_a_quantile(seed, shape, rows):
    random = np.random.default_rng(seed)
    shapes: dict[str, Callable[[], Any]] = {
        "normal": lambda: random.normal(random.normal(0, 100), 10 ** random.uniform(-6, 6), rows),
        "lognormal": lambda: random.lognormal(3, 2, rows),
        "heavy": lambda: random.standard_cauchy(rows),
        "integers": lambda: random.integers(-50, 50, rows),
        "few": lambda: random.choice([0.1, 0.29, 3.5], rows),
        "zeros": lambda: np.where(random.random(rows) < 0.9, 0, random.normal(5, 1, rows)),
        "constant": lambda: np.full(rows, random.normal()),
        "far": lambda: random.normal(1e6, 1, rows),
    }
    values = shapes[shape]()
    edges = numeric_edges(values, MIN)
    assert len(edges) >= 2
    assert (np.diff(edges) > 0).all()
    counts = Bins(edges).count(values)
    assert all(c >= MIN for c in counts[3:-1])
    if shape not in ("integers", "few", "zeros", "constant"):
        assert not set(edges) & set(values.tolist())


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
@settings(max_examples=50, deadline=None)
def test_score_bins_span_0_to_1_with_the_threshold_as_an_edge(seed, threshold):
    scores = np.random.default_rng(seed).beta(0.5, 6, 3_000)
    edges = score_edges(scores, threshold, MIN)
    assert edges[0] == 0
    assert edges[-1] == 1
    assert threshold in edges
    assert len(edges) <= SCORE_BINS + 1
    counts = Bins(edges).count(scores)[3:-1]
    fixed = {0.0, threshold, 1.0}
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        assert count >= MIN or {low, high} <= fixed


def test_half_of_a_scores_bins_lie_where_few_rows_are_and_scores_may_move_to():
    scores = np.concatenate(
        [np.random.default_rng(0).beta(1, 60, 18_000), np.linspace(0, 1, 2_000)]
    )
    edges = np.array(score_edges(scores, 0.5, MIN))
    assert 20 <= np.count_nonzero(edges > 0.1) <= 30  # a tenth of the rows
    assert np.diff(edges[edges > 0.1]).max() < 0.05


def test_scores_beyond_0_and_1_get_bins_of_their_own_scale():
    edges = score_edges(np.random.default_rng(0).normal(600, 80, 5_000), 620.0, MIN)
    assert 620.0 in edges
    assert edges[0] > 300
    assert edges[-1] < 1000


@pytest.mark.parametrize("time", [None, "when"])
def test_columns_without_a_common_category_are_counted_without_tokens(time: str | None):
    """All missing, or like identifiers: missing, invalid and other are all that they tell."""
    frame = some_rows(5_000).assign(
        empty=np.nan, nothing=None, customer=[f"C{i:06}" for i in range(5_000)]
    )
    frame["origin"] = frame["customer"]
    frame = frame if time else frame.drop(columns="when")
    told = a_baseline(frame, time=time)
    for name in ("empty", "nothing", "customer", "origin"):
        assert (column(told, name).kind, column(told, name).tokens) == ("categorical", [])
    cells = {name: told.total.columns[name].cells for name in ("empty", "nothing", "customer")}
    assert cells == {
        "empty": [5_000, 0, 0],
        "nothing": [5_000, 0, 0],
        "customer": [0, 0, 5_000],
    }
    assert set(told.total.groups) == {"sex"}
    assert told.labels is not None
    assert set(told.labels.groups) == {"sex"}
    collector = Collector(a_plan(frame, time=time), key=KEY)
    collector.add(frame)
    start = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    window = decode(collector.close_window(start, start + dt.timedelta(days=7)), Window)[1]
    assert window.tally.columns["empty"].cells == [5_000, 0, 0]
    assert set(window.tally.groups) == {"sex"}


def test_a_time_column_gives_a_series_that_adds_up_to_the_total():
    told = a_baseline(some_rows(20_000), time="when")
    assert len(told.windows) == 13
    assert told.windows[0].start == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert told.windows[-1].end == dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
    assert sum(w.tally.rows or 0 for w in told.windows) == told.total.rows == 20_000
    assert "when" not in {c.name for c in told.columns}
    assert all(w.labels is not None and w.labels.overall is not None for w in told.windows)


def test_rows_without_a_time_are_left_out_of_series_and_total_alike():
    frame = some_rows(20_000)
    frame.loc[:99, "when"] = pd.NaT
    told = a_baseline(frame, time="when")
    assert sum(w.tally.rows or 0 for w in told.windows) == told.total.rows == 19_900


def test_thin_windows_join_their_neighbours():
    frame = some_rows(20_000)
    week = dt.timedelta(days=7)
    thin = (frame["when"] > frame["when"].min() + 2 * week) & (
        frame["when"] < frame["when"].min() + 3 * week
    )
    frame = frame[~thin | (np.arange(len(frame)) % 500 == 0)]
    told = a_baseline(frame, time="when")
    assert len(told.windows) == 12
    assert min(w.tally.rows or 0 for w in told.windows) > 300


def test_a_series_too_large_for_a_statement_is_coarsened(monkeypatch):
    full = a_baseline(some_rows(20_000), time="when")
    monkeypatch.setattr(module, "MAX_BYTES", 40_000)
    coarse = a_baseline(some_rows(20_000), time="when")
    assert 1 < len(coarse.windows) < len(full.windows)
    monkeypatch.setattr(module, "MAX_BYTES", 16_000)
    assert a_baseline(some_rows(20_000), time="when").windows == []


def test_the_same_rows_in_pieces_give_the_same_statement():
    frame = some_rows(30_000)
    recipe = Recipe(**RECIPE, time="when")
    whole = make_baseline(lambda: [frame], recipe)
    pieces = make_baseline(lambda: [frame[i : i + 777] for i in range(0, 30_000, 777)], recipe)
    assert whole == pieces


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"roles": {"risk": "scores"}}, "baseline.role"),
        ({"roles": {"rsik": "score"}}, "baseline.role"),
        ({"roles": {"when": "ignore"}}, "baseline.threshold"),
        ({"time": "date"}, "window.time_column"),
        ({"min_count": 3_000}, "baseline.too_few_rows"),
        ({}, "baseline.unsupported_column"),
    ],
)
def test_what_cannot_be_a_baseline_is_refused_by_name(changes, rule):
    with pytest.raises(Refused) as refusal:
        a_baseline(some_rows(2_000), **changes)
    assert refusal.value.rule == rule


def test_a_column_name_that_the_wire_cannot_carry_is_refused_by_name():
    frame = some_rows(2_000).drop(columns="when").rename(columns={"age": "âge"})
    with pytest.raises(Refused) as refusal:
        a_baseline(frame)
    assert (refusal.value.rule, refusal.value.path) == ("baseline.column_name", "âge")
