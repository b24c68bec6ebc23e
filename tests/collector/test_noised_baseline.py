"""A baseline under noise: nothing in it follows exactly from the rows, the bins included."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersign.collector import Collector
from countersign.hashing import token_of
from countersign.noised_layout import OCTAVES, _categories, _histograms
from countersign.recipe import Recipe
from countersign.recipe_file import read_recipe
from countersign.statement import Baseline, Refused, decode
from countersign.tables import Column

from .cast import DIGEST, KEY, RECIPE, RICH, rich_rows, some_rows

NOISE = {"mechanism": "discrete_gaussian", "scale": 4.0}


def described(frame: pd.DataFrame, **changes: Any) -> Baseline:
    recipe = {**RECIPE, "noise": NOISE, **changes}
    return decode(Collector.baseline(frame, **recipe), Baseline)[1]


def simple(frame: pd.DataFrame, **changes: Any) -> dict[str, Column]:
    """The columns of a frame of features alone."""
    told = described(frame, roles={}, threshold=None, **changes)
    return {column.name: column for column in told.columns}


@pytest.fixture(scope="module")
def told() -> Baseline:
    return described(some_rows(8_000).drop(columns="when"))


def test_every_edge_and_token_was_found_in_noised_counts(told: Baseline):
    assert told.privacy.mechanism == "discrete_gaussian"
    laid_out = [c for c in told.columns if c.edges or c.tokens]
    assert len(laid_out) == 7
    assert {c.layout for c in laid_out} == {"noised"}
    assert 0.37 in next(c.edges for c in told.columns if c.role == "score")


def test_the_bins_hold_about_as_many_rows_as_bins_of_exact_quantiles(told: Baseline):
    incomes = some_rows(8_000)["income"].dropna()
    edges = next(c.edges for c in told.columns if c.name == "income")
    shares = np.histogram(incomes, edges)[0] / len(incomes)
    assert len(edges) > 15
    assert shares.max() < 0.12
    assert shares.sum() > 0.97


def test_what_is_declared_is_taken_as_it_is():
    frame = pd.DataFrame({"year": [1990, 2001] * 500, "town": ["Ulm", "Bonn"] * 500})
    columns = simple(
        frame, edges={"year": [1980, 2000, 2020]}, categories={"town": ["Bonn", "Köln"]}
    )
    assert (columns["year"].edges, columns["year"].layout) == ([1980.0, 2000.0, 2020.0], "declared")
    tokens = [token_of(KEY, "loans", "town", text) for text in ("Bonn", "Köln")]
    assert (columns["town"].tokens, columns["town"].layout) == (tokens, "declared")


def test_a_declared_number_may_be_a_category_and_a_joined_one_is_a_list_of_parts():
    frame = pd.DataFrame({"code": [1, 2] * 500, "sex": ["f", "m"] * 500, "age": ["old"] * 1_000})
    told = described(
        frame,
        threshold=None,
        roles={},
        joined={"both": ["sex", "age"]},
        categories={"code": [1, 2], "both": [["f", "old"], ["m", "old"]]},
    )
    columns = {column.name: column for column in told.columns}
    assert columns["code"].kind == "categorical"
    assert columns["both"].tokens[0] == token_of(KEY, "loans", "both", "f\x1fold")


def test_who_alone_has_a_category_gives_it_no_token():
    alone = [f"town {i}" for i in range(300)]
    frame = pd.DataFrame({"town": ["Ulm"] * 1_000 + alone})
    for mechanism in ("discrete_gaussian", "discrete_laplace"):
        column = simple(frame, noise={"mechanism": mechanism, "scale": 4.0})["town"]
        assert column.tokens == [token_of(KEY, "loans", "town", "Ulm")]


def test_one_row_changes_one_figure_of_each_histogram_by_one():
    frame = some_rows(2_000)
    recipe = Recipe(**{**RECIPE, "noise": NOISE})
    grids = dict.fromkeys(["income", "age", "balance", "risk"], OCTAVES)
    every, without = (_histograms(partial(batches, f), grids, recipe) for f in (frame, frame[:-1]))
    for name in grids:
        assert np.abs(every[name] - without[name]).sum() <= 1
    one, other = (
        _categories(partial(batches, f), ["region"], recipe)["region"] for f in (frame, frame[:-1])
    )
    assert sum((one - other).values()) == 1


def batches(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [frame[:700], frame[700:]]


def test_too_few_rows_for_the_noise_are_said_with_the_column():
    frame = pd.DataFrame({"x": np.arange(60.0)})
    with pytest.raises(Refused, match=r"noise\.edges") as refusal:
        simple(frame, noise={"mechanism": "discrete_laplace", "scale": 50.0})
    assert refusal.value.path == "x"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"multivariate": ["income"]}, "noise.means"),
        ({"roles": {"picture": "embedding"}}, "noise.means"),
        ({"noise": {"mechanism": "white", "scale": 1.0}}, "baseline.noise"),
        ({"noise": {"mechanism": "discrete_laplace"}}, "privacy.scale"),
        ({"noise": NOISE | {"unit": "person", "contribution": 3}}, "noise.subject"),
        ({"edges": {"age": [1, 2]}, "categories": {"age": [1]}}, "baseline.edges"),
        ({"categories": {"region": [None]}}, "baseline.categories"),
    ],
)
def test_what_noise_cannot_cover_is_refused_before_anything_is_told(changes: Any, rule: str):
    with pytest.raises(Refused) as refusal:
        described(some_rows(500).drop(columns="when"), **changes)
    assert refusal.value.rule == rule


def test_attributions_are_refused_too():
    frame = some_rows(500).drop(columns="when")
    with pytest.raises(Refused, match=r"noise\.means"):
        Collector.baseline(frame, attributions={"age": np.ones(5)}, **RECIPE, noise=NOISE)


def test_an_empty_window_of_a_series_is_told_like_any_other():
    frame = some_rows(4_000)
    frame = frame[(frame["when"] < "2026-02-01") | (frame["when"] > "2026-02-20")]
    told = described(frame, time="when")
    lengths = {(span.end - span.start).days for span in told.windows[:-1]}
    assert lengths == {7}
    starts = [span.start for span in told.windows]
    assert all((b - a).days == 7 for a, b in pairwise(starts))
    assert {len(span.tally.columns) for span in told.windows} == {len(told.total.columns)}


def test_nobody_has_more_rows_in_it_than_the_noise_is_for():
    frame = (
        some_rows(4_000)
        .drop(columns="when")
        .assign(who=[f"person {i % 100}" for i in range(4_000)])
    )
    noise = {"mechanism": "discrete_gaussian", "scale": 0.3, "unit": "person", "contribution": 20}
    told = described(frame, noise=noise, subject="who")
    assert told.total.rows == pytest.approx(2_000, abs=5)
    assert "who" not in {column.name for column in told.columns}


def test_rich_recipes_have_noise_but_for_their_means():
    roles = {name: role for name, role in RICH["roles"].items() if role != "embedding"}
    recipe = {**RICH, "roles": roles, "multivariate": []}
    told = described(rich_rows(4_000).drop(columns="picture"), **recipe)
    assert all(table is not None for table in told.total.slices)
    assert told.maps == []


def test_a_recipe_file_says_it_all(tmp_path: Path):
    path = tmp_path / "recipe.toml"
    path.write_text(
        'subject = "who"\n[noise]\nmechanism = "discrete_laplace"\nscale = 8\nunit = "person"\n'
        "contribution = 2\n[edges]\nage = [18, 40, 90]\n[categories]\nregion = ['north', 'south']\n"
    )
    recipe = Recipe(model="loans", version="1", digest=DIGEST, key=KEY, **read_recipe(path))
    assert (recipe.privacy.unit, recipe.privacy.contribution, recipe.subject) == (
        "person",
        2,
        "who",
    )
    assert recipe.edges["age"] == [18, 40, 90]
