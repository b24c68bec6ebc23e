"""What is metered, held against the reference: as sure as both sides' rows, however many meters."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from countersign.tables import Column, Counts, Labels, Tally
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.learning.known import Known, learn
from detectors.looks.meters import meters, quality
from detectors.statistics.counts import NO_NOISE, Noise
from tests.builders import COLUMNS, a_baseline, a_tally, some_labels

EDGES = [0.0, 0.25, 0.5, 0.75, 1.0]
MIDDLES = np.array([0.0, 0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0])
USUAL = [0.4, 0.3, 0.2, 0.1]
GRADES = [Column(name=f"grade {i}", role="judge", kind="numeric", edges=EDGES) for i in range(8)]
FLAGS = [Column(name=f"flag {i}", role="operational", kind="boolean") for i in range(2)]
USEFUL = Column(name="useful", role="quality", kind="numeric", edges=EDGES)
REFERENCE = 1_000  # rows: few enough for the reference's own chance to matter


def graded(rng: np.random.Generator, rows: int, chances: Sequence[float] = USUAL) -> Counts:
    cells = np.array([0, 0, 0, *rng.multinomial(rows, chances), 0])
    sums, squares = ((cells * MIDDLES**power).tolist() for power in (1, 2))
    return Counts(cells=cells.tolist(), sum=[*sums], sum_squares=[*squares])


def flagged(rng: np.random.Generator, rows: int) -> Counts:
    hits = int(rng.binomial(rows, 0.05))
    return Counts(cells=[0, 0, rows - hits, hits])


def tally(rng: np.random.Generator, rows: int, **changed: Sequence[float]) -> Tally:
    columns = {c.name: graded(rng, rows, changed.get(c.name[-1:], USUAL)) for c in GRADES}
    columns |= {c.name: flagged(rng, rows) for c in FLAGS}
    return Tally(rows=rows, columns=columns)


@pytest.fixture(scope="module")
def learned() -> Known:
    total = a_tally(REFERENCE)
    total.columns.update(tally(np.random.default_rng(1), REFERENCE).columns)
    labels = some_labels(REFERENCE)
    labels.quality["useful"] = graded(np.random.default_rng(2), REFERENCE)
    columns = [*COLUMNS, *GRADES, *FLAGS, USEFUL]
    return learn(a_baseline(columns=columns, total=total, labels=labels, windows=[]), 0.01)


def redrawn(learned: Known, rng: np.random.Generator) -> Known:
    """The same with another reference."""
    columns = learned.statement.total.columns | tally(rng, REFERENCE).columns
    total = msgspec.structs.replace(learned.statement.total, columns=columns)
    return replace(learned, statement=msgspec.structs.replace(learned.statement, total=total))


def seen(now: Tally, noise: Noise = NO_NOISE) -> Counted:
    return Counted(now.rows or 0, False, [], noise, 0, [now], floor=11, seed=0)


def p_values(found: Sequence[Figures]) -> dict[str, float]:
    return {n: float(p) for f in found for n, p in zip(f.names, f.p_value, strict=True)}


def test_meters_that_did_not_change_are_rarely_called_changed(learned: Known):
    """Reference and window both drawn anew: a change is seen in about one of twenty, not in half
    of them, as when every meter's own interval is held against the reference's figure."""
    rng = np.random.default_rng(3)
    called = alone = 0
    worlds = 200
    for _ in range(worlds):
        found = meters(redrawn(learned, rng), seen(tally(rng, REFERENCE)))
        called += min(p_values(found).values()) <= 0.05
        alone += any(np.any((f.low > f.limit) | (f.high < f.limit)) for f in found)
    assert alone > worlds / 2
    assert called <= 20  # of 200 at 5 %, more in 1 of 1,000 repetitions


def test_a_meter_that_changed_is_told_from_those_that_did_not(learned: Known):
    rng = np.random.default_rng(4)
    found = p_values(meters(learned, seen(tally(rng, 2_000, **{"3": [0.3, 0.3, 0.2, 0.2]}))))
    assert max(found[f"grade 3{part}"] for part in ("", ":p50", ":p95")) < 0.01
    assert min(p for name, p in found.items() if not name.startswith("grade 3")) > 0.05
    assert {"flag 0", "flag 1"} < set(found)


def test_qualities_are_held_against_the_references_as_meters_are(learned: Known):
    rng = np.random.default_rng(5)
    worse = Labels(quality={"useful": graded(rng, 500, [0.6, 0.2, 0.1, 0.1])})
    alike = Labels(quality={"useful": graded(rng, 500)})
    window = seen(tally(rng, 500))
    assert p_values(quality(learned, window, [worse]))["useful"] < 1e-4
    assert p_values(quality(learned, window, [alike]))["useful"] > 0.05


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_to_compare_have_no_p_value(learned: Known, rows: int):
    rng = np.random.default_rng(6)
    found = meters(learned, seen(tally(rng, rows)))
    assert np.isnan(p_values(found)["grade 0"])


def test_few_rows_that_happen_to_be_equal_are_no_proof(learned: Known):
    rng = np.random.default_rng(7)
    now = tally(rng, 3, **{str(i): [0, 0, 0, 1.0] for i in range(8)})
    assert p_values(meters(learned, seen(now)))["grade 0"] > 0.001


def test_noise_makes_every_comparison_less_sure(learned: Known):
    rng = np.random.default_rng(8)
    now = tally(rng, 2_000, **{"3": [0.3, 0.3, 0.2, 0.2]})
    plain = p_values(meters(learned, seen(now)))
    noisy = p_values(meters(learned, seen(now, Noise("discrete_laplace", 50.0))))
    for name in ("grade 3", "grade 3:p50", "flag 0"):
        assert noisy[name] >= plain[name], name
    assert plain["grade 3"] < 0.01 < noisy["grade 3"]
