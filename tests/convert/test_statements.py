"""Profiles to statements: right where they know, merged or refused where they don't."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.aliases import alias_of
from countersign.convert.profile import Numbers, Profile, Texts, Told, from_buckets
from countersign.convert.statements import baseline_of, window_of
from countersign.recipe import Recipe
from countersign.statement import Baseline, Refused, Window, decode
from countersign.statements import OpenPlan, Period
from tests.collector.appliance import plan_payload

KEY = b"k" * 32
WEEK = Period(
    deployment="prod",
    start=dt.datetime(2026, 1, 5, tzinfo=dt.UTC),
    end=dt.datetime(2026, 1, 12, tzinfo=dt.UTC),
)


def a_recipe(**changes: Any) -> Recipe:
    facts: dict[str, Any] = {"model": "loans", "version": "1", "digest": "d" * 64, "key": KEY}
    return Recipe(**facts | changes)


def baseline(profile: Profile, **changes: Any) -> Baseline:
    return decode(baseline_of(profile, a_recipe(**changes)).payload, Baseline)[1]


def window(profile: Profile, plan: OpenPlan) -> Window:
    return decode(window_of(profile, plan, KEY, WEEK).payload, Window)[1]


def plan_for(profile: Profile, **changes: Any) -> OpenPlan:
    return OpenPlan.read(plan_payload(baseline_of(profile, a_recipe(**changes)).payload))


def exactly(values: Any, error: float = 0.0) -> Numbers:
    """Numbers that are known, or known to within an error."""
    ordered = np.sort(np.asarray(values, float))

    def below(place: float) -> tuple[float, float]:
        rank = float(np.searchsorted(ordered, place))
        return rank - error, rank + error

    return Numbers(len(ordered), ordered, below)


def quantile_buckets(values: Any, buckets: int) -> Numbers:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, buckets + 1)))
    if len(edges) == 1:
        return from_buckets([(edges[0], edges[0], len(values))])
    counts = np.histogram(values, edges)[0]
    return from_buckets(list(zip(edges, edges[1:], counts, strict=False)))


INCOMES = np.random.default_rng(0).lognormal(10, 0.7, 5_000)


def test_what_is_known_exactly_is_counted_exactly():
    texts = Texts(4_900, {"north": 3_000, "south": 1_880, "west": 20})
    words = Texts(5_000, {"True": 4_000, "False": 1_000})
    told = {"income": Told(numbers=exactly(INCOMES)), "region": Told(missing=100, texts=texts)}
    told |= {"employed": Told(texts=words)}
    statement = baseline(Profile(5_000, told))
    edges = np.array(statement.columns[0].edges)
    cells = statement.total.columns["income"].cells
    # The edges of the profile's own quantiles fall into place: nothing is merged but small ends.
    assert sum(cell is None for cell in cells) <= 2
    inside = np.histogram(INCOMES, edges)[0]
    assert [c for c in cells[3:-1] if c is not None][1:-1] == inside.tolist()[1:-1]
    assert [statement.total.columns[name].cells for name in ("region", "employed")] == [
        [100, 0, 0, 3_000, 1_880, 20],
        [0, 0, 1_000, 4_000],
    ]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.sampled_from([12, 90, 2_000]),
    buckets=st.sampled_from([3, 10, 100, 400]),
    shape=st.sampled_from(["lognormal", "integers", "mostly zero", "constant", "cauchy"]),
)
def test_every_told_run_is_right_to_within_what_is_promised(
    seed: int, rows: int, buckets: int, shape: str
):
    random = np.random.default_rng(seed)
    values = {
        "lognormal": random.lognormal(3, 1, rows),
        "integers": random.integers(0, 30, rows).astype(float),
        "mostly zero": np.where(random.random(rows) < 0.7, 0, random.normal(0, 5, rows)),
        "constant": np.full(rows, 3.25),
        "cauchy": random.standard_cauchy(rows),
    }[shape]
    profile = Profile(rows, {"x": Told(numbers=quantile_buckets(values, buckets))})
    try:
        statement = baseline(profile)
    except Refused as refusal:
        assert refusal.rule == "convert.column"
        return
    [column] = statement.columns
    cells = statement.total.columns["x"].cells
    assert sum(c or 0 for c in cells) == rows
    told = np.cumsum([c or 0 for c in cells])
    for i, edge in enumerate(column.edges[:-1]):
        if cells[3 + i] is not None:  # a run starts here: so many rows lie below
            assert abs(told[2 + i] - (values < edge).sum()) <= 0.015 * rows + 1


def test_cells_that_are_not_known_are_merged_into_the_run_before():
    plan = plan_for(Profile(5_000, {"income": Told(numbers=exactly(INCOMES))}))
    edges = plan.plan.columns[0].edges
    # Nothing is known of what lies between the 5th and the 8th edge.
    places = [0.0, *edges[:5], *edges[7:], 1e9]
    counts = np.histogram(INCOMES, places)[0]
    low = np.array([0.0, *np.nextafter(edges[:5], np.inf), *np.nextafter(edges[7:], np.inf)])
    buckets = list(zip(low, np.nextafter([*places[1:]], -np.inf), counts, strict=True))
    cells = window(Profile(5_000, {"income": Told(numbers=from_buckets(buckets))}), plan)
    told = cells.tally.columns["income"].cells
    assert told[3 + 5] is None and told[3 + 6] is None
    assert told[3 + 4] == ((edges[4] <= INCOMES) & (edges[7] > INCOMES)).sum()


def test_a_coarse_histogram_is_refused_and_says_how_coarse():
    coarse = Told(numbers=quantile_buckets(INCOMES, 10))
    with pytest.raises(Refused, match=r"`income`: its distribution is too coarse: \d of \d+ edges"):
        baseline_of(Profile(5_000, {"income": coarse}), a_recipe())
    plan = plan_for(Profile(5_000, {"income": Told(numbers=exactly(INCOMES))}))
    with pytest.raises(Refused, match="too coarse"):
        window(Profile(5_000, {"income": coarse}), plan)


def test_one_refusal_names_all_columns_that_lack_something():
    told = {
        "a": Told(lacks="it holds lists"),
        "b": Told(texts=Texts(100, {"x": 20}, error=30)),
        "c": Told(numbers=exactly(np.arange(90))),
        "d": Told(texts=Texts(100, {"yes": 100}), missing=3),
    }
    with pytest.raises(Refused) as refusal:
        baseline_of(Profile(100, {n: told[n] for n in "ac"} | {"e": Told()}), a_recipe())
    assert refusal.value.rule == "convert.column"
    assert "`a`: it holds lists" in refusal.value.detail and "`e`" in refusal.value.detail
    with pytest.raises(Refused) as refusal:
        baseline_of(Profile(100, {n: told[n] for n in "bcd"}), a_recipe())
    assert "`b`: its categories are only known to within 30 rows" in refusal.value.detail
    assert "`c`: its counts don't add up" in refusal.value.detail
    assert "`d`: its counts don't add up" in refusal.value.detail


def test_a_plans_columns_are_all_needed_and_have_their_kind():
    told = {"age": Told(numbers=exactly(np.arange(100))), "sex": Told(texts=Texts(100, {"f": 100}))}
    plan = plan_for(Profile(100, told))
    with pytest.raises(Refused, match="`sex`: the profile has no such column"):
        window(Profile(100, {"age": told["age"]}), plan)
    with pytest.raises(
        Refused, match=r"`age`: it holds no numbers\. `sex`: it holds no categories"
    ):
        window(Profile(100, {"age": told["sex"], "sex": told["age"]}), plan)


@pytest.mark.parametrize(
    "asked",
    [
        {"roles": {"age": "outcome"}},
        {"roles": {"age": "embedding"}},
        {"slices": ["age"]},
        {"multivariate": ["age"]},
        {"time": "age"},
    ],
)
def test_what_needs_whole_rows_is_refused(asked: dict[str, Any]):
    profile = Profile(100, {"age": Told(numbers=exactly(np.arange(100)))})
    with pytest.raises(Refused, match=r"convert\.rows"):
        baseline_of(profile, a_recipe(**asked))


def test_small_counts_are_merged_and_a_small_window_tells_nothing():
    texts = Texts(1_000, {"north": 991, "south": 6, "west": 3})
    statement = baseline(Profile(1_000, {"region": Told(texts=texts)}))
    assert statement.total.columns["region"].cells == [0, 0, 1_000, None]
    plan = plan_for(Profile(1_000, {"region": Told(texts=texts)}))
    few = Profile(7, {"region": Told(texts=Texts(7, {"north": 7}))})
    assert window(few, plan).tally.rows is None
    with pytest.raises(Refused, match=r"baseline\.too_few_rows"):
        baseline_of(few, a_recipe())


def test_a_scores_sums_are_withheld_and_its_threshold_is_an_edge():
    scores = np.random.default_rng(1).beta(2, 3, 4_000)
    profile = Profile(4_000, {"risk": Told(numbers=exactly(scores, error=20))})
    statement = baseline(profile, roles={"risk": "score"}, threshold=0.37)
    assert 0.37 in statement.columns[0].edges
    counts = statement.total.columns["risk"]
    assert counts.sum == counts.sum_squares == [None] * len(counts.cells)


def test_no_value_of_a_profile_is_in_the_statement():
    values = [83_412.77, 41_313.13, *INCOMES.tolist()]
    texts = Texts(5_002, {"canary@example.com": 3_000, "Canary Muster": 2_002})
    told = {"income": Told(numbers=exactly(values)), "who": Told(texts=texts)}
    payload = baseline_of(Profile(5_002, told), a_recipe()).payload
    assert b"anary" not in payload and b"83412.77" not in payload and b"41313.13" not in payload
    for value in (min(values), max(values)):
        assert repr(value).encode() not in payload


def test_a_profiles_columns_can_have_aliases():
    profile = Profile(2_000, {"age": Told(numbers=exactly(np.arange(2_000) % 60))})
    told = baseline(profile, aliases=True)
    alias = alias_of(KEY, "loans", "age")
    assert list(told.total.columns) == [alias]
    counted = window(profile, plan_for(profile, aliases=True)).tally.columns[alias]
    assert counted == told.total.columns[alias]
