"""Means of maps in, distances out; attributions in, their ranking out."""

import numpy as np
import pytest
from msgspec.structs import replace

from countersign.statement import Baseline
from countersign.tables import Attributions, Map, MapMeans, Span, Tally
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.findings.causes import likely_causes
from detectors.findings.rowwide import moved
from detectors.learning.known import Known, learn
from detectors.looks.attributions import attributions
from detectors.looks.rowwide import maps
from detectors.statistics.counts import NO_NOISE
from tests.builders import a_baseline, a_tally, hours_ago

TOGETHER = Map(
    name="second moments",
    kind="second_moments",
    columns=["age", "income", "debt"],
    centre=[0.0, 0.0, 0.0],
    scale=[1.0, 1.0, 1.0],
    clip=5.0,
)
TEXT = Map(
    name="text", kind="random_features", columns=["text"], bandwidth=4.0, dimension=8, size=16
)
CORRELATED = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 1.0]])
APART = np.eye(3)
ROWS = 1_000


def told(rng: np.random.Generator, covariance: np.ndarray, centre: float = 0.0) -> Tally:
    """One window's means, of rows drawn here."""
    z = rng.multivariate_normal(np.zeros(3), covariance, ROWS)
    i, j = np.triu_indices(3)
    moments = [*z.mean(axis=0), *(z[:, i] * z[:, j]).mean(axis=0)]
    x = rng.normal(centre, 1, (ROWS, 8))
    w = np.random.default_rng(0).standard_normal((8, 8))
    features = np.hstack([np.cos(x @ w / 4), np.sin(x @ w / 4)]) / np.sqrt(8)
    return replace(
        a_tally(),
        maps={
            "second moments": MapMeans(rows=ROWS, mean=moments),
            "text": MapMeans(rows=ROWS, mean=features.mean(axis=0).tolist()),
        },
    )


@pytest.fixture(scope="module")
def known() -> Known:
    rng = np.random.default_rng(5)
    spans = [
        Span(start=hours_ago(200 - i), end=hours_ago(199 - i), tally=told(rng, CORRELATED))
        for i in range(90)
    ]
    usual = Attributions(rows=ROWS, mean_absolute={"age": 0.5, "region": 0.3, "employed": 0.01})
    total = replace(a_tally(20_000), attributions=usual)
    baseline: Baseline = a_baseline(windows=spans, maps=[TOGETHER, TEXT], total=total)
    return learn(baseline, 0.01)


def seen(*tallies: Tally) -> Counted:
    return Counted(ROWS, False, [], NO_NOISE, 0, list(tallies), floor=11, seed=0)


def p_values(figures: list[Figures]) -> dict[str, float]:
    [found] = [f for f in figures if f.detector == "rowwide"]
    return dict(zip(found.names, found.p_value.tolist(), strict=True))


def test_columns_that_come_apart_are_seen_and_named(known):
    rng = np.random.default_rng(8)
    quiet = maps(known, seen(told(rng, CORRELATED)))
    assert min(p_values(quiet).values()) > 0.001
    apart = maps(known, seen(told(rng, APART)))
    assert p_values(apart)["second moments"] < 1e-4 < p_values(apart)["text"]
    [finding] = moved(known, seen(), apart, level=1e-4)
    assert "most of all age and income" in finding.sentence
    assert moved(known, seen(), quiet, level=1e-4) == []


def test_an_embedding_that_moves_is_seen(known):
    rng = np.random.default_rng(9)
    figures = maps(known, seen(told(rng, CORRELATED, centre=0.5)))
    assert p_values(figures)["text"] < 1e-4
    [finding] = moved(known, seen(), figures, level=1e-4)
    assert finding.sentence.startswith("What text stands for has moved")


def test_shards_are_weighed_by_their_rows(known):
    rng = np.random.default_rng(3)
    one, two = told(rng, CORRELATED), told(rng, CORRELATED)
    shards = maps(known, seen(one, two))
    halves = [np.array(t.maps["text"].mean) for t in (one, two)]
    whole = MapMeans(rows=2 * ROWS, mean=((halves[0] + halves[1]) / 2).tolist())
    maps_of = {"text": whole}
    alone = maps(known, seen(replace(one, maps=maps_of)))
    assert p_values(shards)["text"] == pytest.approx(p_values(alone)["text"])


def test_a_window_that_tells_no_map_says_nothing(known):
    assert maps(known, seen(a_tally())) == []
    assert attributions(known, seen(a_tally())) == []
    assert moved(known, seen(), [], level=1.0) == []


def test_attributions_tell_whether_the_ranking_holds(known):
    now = Attributions(rows=ROWS, mean_absolute={"age": 0.01, "region": 0.3, "employed": 0.5})
    [figures] = attributions(known, seen(replace(a_tally(), attributions=now)))
    assert figures.names[0] == ":ranking"
    assert figures.value[0] < 0.9 == figures.limit[0]
    assert dict(zip(figures.names[1:], figures.limit[1:], strict=True))["age"] == 0.5


def test_causes_are_ordered_by_how_much_the_model_leans_on_them(known):
    cells = [block.cells.copy() for block in known.blocks]
    for block, counts in zip(known.blocks, cells, strict=True):
        for i, name in enumerate(block.block.names):
            if name in {"age", "employed"}:
                values = counts[i, block.block.columns[i].first_value :]
                values[:] = values[::-1] * np.linspace(1, 3, len(values))
    first = likely_causes(known, cells, [])[0]
    assert first.startswith("age: ")
    assert first.endswith("and the model leans on it.")
