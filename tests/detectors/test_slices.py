"""Slice tables in, slices and causes out: in the bands that both sides tell."""

import numpy as np
import pytest

from countersign.statement import Baseline
from countersign.tables import Labels, Slice, SliceTable, Tally
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.findings.causes import worst_slice
from detectors.learning.known import Known, learn
from detectors.looks import slices
from detectors.statistics.counts import NO_NOISE
from tests.builders import NORTH, SOUTH, a_baseline, a_tally, some_labels

REGION = Slice(columns=["region"], starts=[[0, 3, 4]])
AGE_BY_REGION = Slice(columns=["age", "region"], starts=[[0, 4, 5], [0, 4]])
USUAL = [
    SliceTable(rows=[0, 1000, 1000], hits=[0, 100, 100]),
    SliceTable(rows=[500, 500, 250, 250, 250, 250], hits=[50, 50, 25, 25, 25, 25]),
]
WORSE_IN_SOUTH = SliceTable(rows=[0, 500, 500], hits=[0, 50, 150])
MORE_SOUTH = SliceTable(rows=[0, 200, 800], hits=[0, 20, 80])


def learned(tables: list[SliceTable | None]) -> Known:
    labels = some_labels()
    labels = Labels(overall=labels.overall, slices=tables)
    total = a_tally()
    whole = Tally(rows=total.rows, columns=total.columns, groups=total.groups, slices=tables)
    baseline: Baseline = a_baseline(
        windows=[], slices=[REGION, AGE_BY_REGION], labels=labels, total=whole
    )
    return learn(baseline, 0.01)


@pytest.fixture(scope="module")
def known() -> Known:
    return learned(list(USUAL))


def seen(tables: list[SliceTable | None]) -> Counted:
    tally = Tally(rows=1000, columns={}, slices=tables)
    return Counted(1000, False, [], NO_NOISE, 0, [tally], floor=11, seed=0)


def by_name(figures: list[Figures]) -> dict[str, dict[str, list[float]]]:
    """Detector -> name -> value, low, high, limit."""
    return {
        f.detector: {
            name: [float(part[i]) for part in (f.value, f.low, f.high, f.limit) if len(part)]
            for i, name in enumerate(f.names)
        }
        for f in figures
    }


def test_the_slice_that_got_worse_is_named_with_its_figures(known):
    labels = [Labels(slices=[WORSE_IN_SOUTH, None])]
    figures = slices.by_error(known, seen([]), labels)
    told = by_name(figures)
    south, north = f"region {SOUTH[:8]}", f"region {NORTH[:8]}"
    value, low, high, usual = told["slice_error"][south]
    assert (value, usual) == (0.3, 0.1)
    assert low < value < high
    assert list(told["slice_worse"]) == [south, north]
    assert told["slice_worsened"][south][0] == pytest.approx(0.2)
    assert told["slice_worsened"][north][0] == pytest.approx(0.0)
    assert worst_slice(known, figures) == [
        f"Where {south}: 20.0\u202fpoints more of the decisions are wrong than in the reference."
    ]


def test_a_change_of_mix_is_not_called_a_change_within(known):
    usual = [SliceTable(rows=[0, 1000, 1000], hits=[0, 100, 300]), None]
    known = learned(usual)
    labels = [Labels(slices=[SliceTable(rows=[0, 200, 800], hits=[0, 20, 240]), None])]
    parts = by_name(slices.by_error(known, seen([]), labels))["mix_error"]
    assert parts["region:total"][0] == pytest.approx(0.06)
    assert parts["region:mix"][0] == pytest.approx(0.06)
    assert parts["region:within"][0] == pytest.approx(0.0, abs=1e-12)
    low, high = parts["region:within"][1:3]
    assert low < 0 < high


def test_bands_that_a_window_merged_are_compared_merged(known):
    merged = SliceTable(rows=[600, None, 200, None, 200, None], hits=[60, None, 20, None, 60, None])
    told = by_name(slices.by_decision(known, seen([None, merged])))
    names = list(told["slice_decision"])
    assert len(names) == 3
    assert all("region" in name and "age" in name for name in names)
    assert [v[0] for v in told["slice_decision"].values()] == [0.1, 0.1, 0.3]
    assert [v[-1] for v in told["slice_decision"].values()] == [0.1, 0.1, 0.1]


def test_shards_add_up_however_each_was_merged(known):
    whole = SliceTable(rows=[0, 500, 500], hits=[0, 50, 150])
    half = SliceTable(rows=[0, 250, 250], hits=[0, 25, 75])
    one = Tally(rows=500, columns={}, slices=[half, None])
    shards = Counted(1000, False, [], NO_NOISE, 0, [one, one], floor=11, seed=0)
    alone = slices.by_decision(known, seen([whole, None]))
    both = slices.by_decision(known, shards)
    for a, b in zip(alone, both, strict=True):
        assert list(a.names) == list(b.names)
        np.testing.assert_allclose(a.value, b.value)


@pytest.mark.parametrize("tables", [[], [None, None], [SliceTable(rows=[0, 0, 0], hits=[0, 0, 0])]])
def test_nothing_told_is_nothing_said(known, tables):
    figures = slices.by_decision(known, seen(tables))
    assert all(len(f.names) == 0 or f.detector == "mix_decision" for f in figures)
    for f in figures:
        assert all(v is None for v in f.as_fields()["value"])


def test_a_regression_is_compared_by_its_mean_absolute_error():
    known = learned([SliceTable(rows=[0, 1000, 1000], loss=[0, 2000.0, 2000.0]), None])
    labels = [Labels(slices=[SliceTable(rows=[0, 500, 500], loss=[0, 1000.0, 2000.0]), None])]
    told = by_name(slices.by_error(known, seen([]), labels))
    value, low, high, usual = told["slice_error"][f"region {SOUTH[:8]}"]
    assert (value, usual) == (4.0, 2.0)
    assert low < 4.0 < high
    assert told["slice_worsened"][f"region {SOUTH[:8]}"][1] > 0
