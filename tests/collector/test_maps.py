"""Second moments and random features: the documented formula, of enough whole rows, or nothing."""

import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.batch import Counted
from countersign.counting import Counter
from countersign.design import Design
from countersign.maps import features
from countersign.release import Release
from countersign.tables import Column, Map, MapMeans

MOMENTS = Map(
    name="second moments",
    kind="second_moments",
    columns=["a", "b"],
    centre=[1.0, -2.0],
    scale=[2.0, 0.5],
    clip=3.0,
)
VECTORS = Map(
    name="v",
    kind="random_features",
    columns=["v"],
    bandwidth=2.0,
    dimension=3,
    size=8,
    seed=7,
)
COLUMNS = [
    Column(name=name, role="feature", kind="numeric", edges=[-10.0, 0.0, 10.0]) for name in "ab"
]
DESIGN = Design(COLUMNS, maps=[MOMENTS, VECTORS])


def counted(data: Any) -> Counted:
    return Counter(DESIGN, "loans", b"k").count(data)


def told(*parts: Any) -> list[dict[str, MapMeans]]:
    release = Release([counted(part) for part in parts], DESIGN, 11)
    return [tally.maps for tally in release.tallies()]


def some_rows(rows: int, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {
        "a": random.normal(1, 2, rows),
        "b": random.normal(-2, 2, rows),
        "v": random.normal(0, 1, (rows, 3)),
    }


def test_second_moments_are_those_of_the_cut_standardised_rows():
    rows = some_rows(500)
    z = np.stack([(rows["a"] - 1) / 2, (rows["b"] + 2) / 0.5], axis=1)
    length = np.sqrt((z**2).sum(axis=1))
    assert (length > 3).any()
    z[length > 3] *= (3 / length[length > 3])[:, None]
    expected = [*z.mean(axis=0), *((z[:, i] * z[:, j]).mean() for i, j in ((0, 0), (0, 1), (1, 1)))]
    [means] = told(rows)
    assert means["second moments"].rows == 500
    assert means["second moments"].mean == pytest.approx(expected, abs=0.0006)


def test_random_features_are_cosines_then_sines_of_projections():
    rows = some_rows(500)
    directions = np.random.Generator(np.random.PCG64(7)).standard_normal((4, 3))
    angles = rows["v"] / 2.0 @ directions.T
    vectors = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / 2
    assert np.allclose(np.linalg.norm(features(rows["v"], VECTORS), axis=1), 1)
    [means] = told(rows)
    assert means["v"].mean == pytest.approx(vectors.mean(axis=0), abs=0.0006)


def test_another_process_draws_the_same_directions():
    script = (
        "import numpy as np\n"
        "from countersign.maps import features\n"
        "from countersign.tables import Map\n"
        "one = Map(name='v', kind='random_features', columns=['v'], bandwidth=2.0,"
        " dimension=3, size=8, seed=7)\n"
        "print(features(np.ones((1, 3)), one).tobytes().hex())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == features(np.ones((1, 3)), VECTORS).tobytes().hex()


def test_vectors_are_read_from_whatever_holds_them():
    rows = some_rows(64)
    lists = rows["v"].tolist()
    expected = counted(rows).tables
    frame = pl.DataFrame({"a": rows["a"], "b": rows["b"], "v": lists})
    array = frame.with_columns(pl.col("v").cast(pl.Array(pl.Float64, 3)))
    for data in (
        {**rows, "v": lists},
        {**rows, "v": [*rows["v"]]},
        frame,
        array,
        frame.to_arrow(),
        array.to_arrow(),
        frame.to_pandas(),
        {**rows, "v": rows["v"].astype(np.float32).astype(np.float64)},
    ):
        found = counted(data).tables
        assert found[("map rows", "v")] == 64
        assert np.allclose(found["map", "v"], expected["map", "v"], atol=1e-5)


def test_rows_without_all_numbers_are_left_out():
    rows = some_rows(300)
    rows["a"][:3], rows["a"][3], rows["b"][4] = np.nan, np.inf, 1e300
    odd = [None, [1.0, 2.0], [1.0, 2.0, None], ["a", "b", "c"], "abc", 5, [np.nan] * 3, np.eye(3)]
    vectors = np.fromiter([*odd, *rows["v"][len(odd) :]], object, 300)
    found = counted({**rows, "v": vectors}).tables
    assert found["map rows", "second moments"] == 295
    assert found["map rows", "v"] == 300 - len(odd)
    assert np.isfinite(found["map", "second moments"]).all()
    assert np.isfinite(found["map", "v"]).all()


@pytest.mark.parametrize(
    ("rows", "names"), [(39, {"v"}), (15, set()), (40, {"second moments", "v"})]
)
def test_of_few_rows_no_map_is_told(rows, names):
    assert set(told(some_rows(rows))[0]) == names


def test_a_map_that_one_window_cannot_tell_is_told_of_none():
    """Otherwise the total less the other windows would tell it."""
    first, second = told(some_rows(500), some_rows(30))
    assert set(first) == set(second) == {"v"}
    first, second = told(some_rows(500), {**some_rows(30), "a": [None] * 30})
    assert set(first) == {"second moments", "v"}
    assert set(second) == {"v"}


@settings(deadline=None)
@given(st.integers(40, 3_000))
def test_how_many_rows_were_left_out_is_not_told_exactly(rows):
    data = some_rows(rows)
    data["a"][0] = np.nan
    means = told(data)[0].get("second moments")
    if means is not None:
        assert means.rows <= rows - 1 < means.rows * 1.1 + 11
        assert len(str(means.rows).rstrip("0")) <= 2
        step = np.array(means.mean) * 10 ** np.ceil(np.log10(10 * np.sqrt(means.rows)))
        assert np.allclose(step, step.round())


def test_the_mean_of_nobody_is_not_told():
    assert told({"a": [None] * 50, "b": [1.0] * 50})[0] == {}
