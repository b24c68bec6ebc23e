"""What one window says by itself, from counts to figures: every column in every measure."""

import msgspec
import numpy as np
import pytest

from countersign.tables import Tally
from detectors.counted import Counted, count
from detectors.figures import Figures
from detectors.learning.known import Known, learn
from detectors.looks.evidence import drift
from tests.detectors import world as w
from tests.detectors.world import World

NUMERIC = ["age", "income", "risk"]
EFFECTS = ["effect_hellinger", "effect_jensen_shannon", "effect_psi", "effect_wasserstein"]


@pytest.fixture
def known(world: World) -> Known:
    return learn(world.reference, 0.01)


def counted(known: Known, world: World, *tallies: Tally) -> Counted:
    windows = [world.window(0, tally=tally) for tally in tallies]
    return count(known, windows, w.BEGIN, 11, seed=7)


def look(known: Known, world: World, *tallies: Tally) -> dict[str, Figures]:
    return {figures.detector: figures for figures in drift(known, counted(known, world, *tallies))}


def test_a_moved_column_stands_out_in_every_measure_and_a_quiet_one_in_none(known, world):
    found = look(known, world, world.tally(w.OLDER, 4_000))
    for detector in ("ks", *EFFECTS):
        figures = found[detector]
        age, income = (list(figures.names).index(name) for name in ("age", "income"))
        assert figures.value[age] > 2 * figures.limit[age], detector
        assert figures.value[income] < 1.5 * figures.limit[income], detector
    age = list(found["ks"].names).index("age")
    assert 0 < found["ks"].low[age] < found["ks"].value[age] < found["ks"].high[age]
    q = dict(zip(found["q_value"].names, found["q_value"].value, strict=True))
    assert set(q) == {"age", "income", "risk", "region"}
    assert q["age"] < 0.001 < 0.01 < min(q["income"], q["region"])


def test_mean_and_spread_stand_beside_the_references_own(known, world):
    found = look(known, world, world.tally(w.OLDER, 4_000))["moments"]
    assert set(found.names) == {f"{name}:{moment}" for name in NUMERIC for moment in ("mean", "sd")}
    mean = list(found.names).index("age:mean")
    assert 42 < found.limit[mean] < 47 < found.value[mean] < 55
    assert found.low[mean] < found.value[mean] < found.high[mean]
    assert found.p_value[mean] < 1e-6
    quiet = list(found.names).index("income:mean")
    assert found.low[quiet] < found.limit[quiet] < found.high[quiet]


def test_wasserstein_and_the_mean_speak_the_same_units(known, world):
    """Where all rows move one way, their mean moves by what they moved."""
    found = look(known, world, world.tally(w.OLDER, 4_000))
    moved = found["effect_wasserstein"].value[list(found["effect_wasserstein"].names).index("age")]
    mean = list(found["moments"].names).index("age:mean")
    assert moved == pytest.approx(
        found["moments"].value[mean] - found["moments"].limit[mean], rel=0.1
    )


def test_a_small_window_could_have_seen_less(known, world):
    few, many = (look(known, world, world.tally(w.ORDINARY, n)) for n in (40, 4_000))
    assert set(few["smallest_shift"].names) == {"age", "income", "risk", "region"}
    assert (few["smallest_shift"].value > 5 * many["smallest_shift"].value).all()


def test_shards_say_together_what_one_statement_would(known, world):
    halves = [world.tally(w.ORDINARY, 2_000) for _ in range(2)]
    whole = {
        name: msgspec.structs.replace(
            halves[0].columns[name],
            cells=[sum(h.columns[name].cells[i] for h in halves) for i in range(len(one.cells))],
        )
        for name, one in halves[0].columns.items()
    }
    parts = look(known, world, *halves)
    joint = look(known, world, Tally(rows=4_000, columns=whole))
    for detector, figures in parts.items():
        np.testing.assert_array_equal(figures.value, joint[detector].value, err_msg=detector)
        np.testing.assert_array_equal(figures.limit, joint[detector].limit, err_msg=detector)


def test_a_column_without_a_value_has_no_size_and_is_no_evidence(known, world):
    found = look(known, world, world.tally(w.GONE, 4_000))
    fields = {detector: figures.as_fields() for detector, figures in found.items()}
    i = fields["ks"]["names"].index("income")
    assert [fields["ks"][part][i] for part in ("value", "low", "high", "limit")] == [None] * 4
    assert fields["ks"]["p_value"][i] == 1
    assert fields["smallest_shift"]["value"][i] == 1
    mean = fields["moments"]["names"].index("income:mean")
    assert fields["moments"]["value"][mean] is None
    assert fields["moments"]["p_value"][mean] == 1
