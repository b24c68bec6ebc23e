"""Group tables in, fairness figures out: exact where the tables are, silent where they are not."""

import base64
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from countersign import dsse
from countersign.collector import Collector
from countersign.statements import OpenPlan
from countersign.tables import Cells, Column, Counts, Labels, LabelTable, Tally
from detectors import intake
from detectors.counted import Counted
from detectors.figures import Figures
from detectors.intake import Upload
from detectors.learning.known import Known, learn
from detectors.looks import groups
from detectors.models import Measurement, Monitor
from detectors.monitors import monitors_for
from detectors.recording import examine_and_record, overdue
from detectors.statistics.counts import NO_NOISE, Noise
from governance.models import Incident
from tests.builders import COLUMNS, NORTH, SOUTH, a_baseline, a_tally
from tests.collector.cast import KEY, RECIPE, some_rows
from tests.detectors.world import BEGIN, WEEK, World

# The score's cells: missing, invalid, below, four bins, above; the decision starts at cell 5.
NORTHERN: Cells = [0, 0, 20, 30, 50, 40, 50, 10]  # 100 of 200 selected
SOUTHERN: Cells = [15, 0, 0, 40, 35, 25, 0, 0]  # 25 of 100 selected, 15 without a score
SPLIT: Cells = [0, 0, 20, 80, None, 90, None, 10]  # merged, but not across the decision
STRADDLING: Cells = [0, 0, 20, 30, 90, None, 50, 10]
UNSURE_IF_SCORED: Cells = [20, None, None, 25, 35, 25, 0, 0]
EMPTY: Cells = [0, 0, 0, 0, 0, 0, 0, 0]
NAMES_HOLD: Any = Measurement._meta.get_field("names").base_field.max_length
NOISY = Noise("discrete_laplace", 5.0)


@pytest.fixture(scope="module")
def known() -> Known:
    """The reference: the same share of north and south is selected."""
    return learn(a_baseline(windows=[]), tolerance=0.01)


def seen(tallies: Sequence[Tally], noise: Noise = NO_NOISE) -> Counted:
    """A window of some shards, as far as groups go."""
    return Counted(0, False, [], noise, season=0, tallies=list(tallies), floor=11, seed=0)


def tally(**tables: Cells) -> Tally:
    """A window whose score is counted so in each group; a token left out is withheld."""
    tokens = {"north": NORTH, "south": SOUTH}
    plain = a_tally()
    counts = plain.columns["risk"]
    zeros: list[float | None] = [0.0] * len(counts.cells)
    groups = {
        tokens[name]: Counts(cells=cells, sum=zeros, sum_squares=zeros)
        for name, cells in tables.items()
    }
    return Tally(rows=1_000, columns=plain.columns, groups={"origin": groups})


def selected(known: Known, *tallies: Tally, noise: Noise = NO_NOISE) -> dict[str, float]:
    [figures] = groups.selection(known, seen(tallies, noise))
    return by_name(figures)


def by_name(figures: Figures) -> dict[str, float]:
    """Figures by name, a group's token replaced by the group."""
    calls = {NORTH[:8]: "north", SOUTH[:8]: "south"}
    names = [":".join(calls.get(part, part) for part in n.split(":")) for n in figures.names]
    assert len(set(names)) == len(names) == len(figures.value) == len(figures.limit)
    return dict(zip(names, figures.value.tolist(), strict=True))


def test_rates_count_below_as_rejected_above_as_selected_and_no_missing_score(known: Known):
    found = selected(known, tally(north=NORTHERN, south=SOUTHERN))
    assert found == {
        "origin:north:selection_rate": 0.5,
        "origin:south:selection_rate": 0.25,
        "origin:north:impact_ratio": 1.0,
        "origin:south:impact_ratio": 0.5,
        "origin:north:rows": 200,
        "origin:south:rows": 115,
        "origin:difference": 0.25,
        "origin:ratio": 0.5,
    }


def test_each_figure_stands_beside_the_references(known: Known):
    [figures] = groups.selection(known, seen([tally(north=NORTHERN, south=SOUTHERN)]))
    reference = selected(known, known.statement.total)
    assert figures.limit.tolist() == list(reference.values())
    assert reference["origin:ratio"] == 1


def test_a_run_on_one_side_of_the_threshold_changes_nothing(known: Known):
    found = selected(known, tally(north=SPLIT, south=SOUTHERN))
    assert found["origin:north:selection_rate"] == 0.5


@pytest.mark.parametrize("cells", [STRADDLING, UNSURE_IF_SCORED], ids=["decision", "scored"])
def test_a_run_that_hides_its_split_makes_the_rate_unknown_and_is_never_guessed(known, cells):
    found = selected(known, tally(north=cells, south=SOUTHERN))
    assert math.isnan(found["origin:north:selection_rate"])
    assert found["origin:north:rows"] == sum(c or 0 for c in cells)
    assert found["origin:south:selection_rate"] == 0.25
    assert math.isnan(found["origin:ratio"])


def test_an_empty_run_across_the_threshold_hides_nothing_unless_there_is_noise(known: Known):
    hollow: Cells = [0, 0, 20, 30, 0, None, 50, 0]
    window = tally(north=hollow, south=SOUTHERN)
    assert selected(known, window)["origin:north:selection_rate"] == 0.5
    assert math.isnan(selected(known, window, noise=NOISY)["origin:north:selection_rate"])


def test_a_withheld_group_is_named_and_has_no_figure(known: Known):
    found = selected(known, tally(north=NORTHERN))
    assert found["origin:north:selection_rate"] == 0.5
    for name in ("south:selection_rate", "south:impact_ratio", "south:rows", "difference", "ratio"):
        assert math.isnan(found[f"origin:{name}"])


def test_a_group_that_vanished_has_no_rows_and_one_group_is_not_compared(known: Known):
    found = selected(known, tally(north=NORTHERN, south=EMPTY))
    assert found["origin:south:rows"] == 0
    for name in ("south:selection_rate", "difference", "ratio"):
        assert math.isnan(found[f"origin:{name}"])


def test_a_noisy_group_below_the_floor_is_not_told(known: Known):
    few: Cells = [0, 0, 0, -2, 4, 3, 5, 0]
    found = selected(known, tally(north=NORTHERN, south=few), noise=NOISY)
    assert math.isnan(found["origin:south:selection_rate"])
    assert found["origin:north:selection_rate"] == 0.5


def test_shards_add_up_and_one_that_withholds_a_group_withholds_it_from_the_sum(known: Known):
    both = tally(north=NORTHERN, south=SOUTHERN)
    found = selected(known, both, both, Tally(rows=None, columns={}), Tally(rows=0, columns={}))
    assert found["origin:north:rows"] == 400
    assert found["origin:difference"] == 0.25
    assert math.isnan(selected(known, both, tally(north=NORTHERN))["origin:south:rows"])


def test_without_rows_every_figure_is_null(known: Known):
    found = selected(known, Tally(rows=None, columns={}))
    assert found.pop("origin:north:rows") == found.pop("origin:south:rows") == 0
    assert all(math.isnan(value) for value in found.values())


def test_a_group_column_without_a_vocabulary_has_nothing_to_compare():
    columns = [replace(c, tokens=[]) if c.role == "group" else c for c in COLUMNS]
    plain = a_tally(20_000)
    total = replace(
        plain, groups={}, columns=plain.columns | {"origin": Counts(cells=[0, 0, 20_000])}
    )
    baseline = a_baseline(windows=[], columns=columns, total=total)
    [figures] = groups.selection(learn(baseline, 0.01), seen([tally(north=NORTHERN)]))
    assert figures.as_fields()["value"] == [None, None]
    assert figures.names == ["origin:difference", "origin:ratio"]


@pytest.mark.parametrize(
    "threshold, north, south", [(0.0, 180 / 200, 1.0), (1.0, 10 / 200, 0.0)], ids=["first", "last"]
)
def test_a_threshold_at_the_first_or_last_edge_leaves_what_lies_outside(threshold, north, south):
    known = learn(a_baseline(windows=[], labels=None, threshold=threshold), tolerance=0.01)
    found = selected(known, tally(north=NORTHERN, south=SOUTHERN))
    assert found["origin:north:selection_rate"] == pytest.approx(north)
    assert found["origin:south:selection_rate"] == pytest.approx(south)


def test_without_a_threshold_or_a_group_column_there_is_nothing_to_say():
    for changes in (
        {"threshold": None},
        {"columns": [c for c in COLUMNS if c.role != "group"]},
        {"columns": [c for c in COLUMNS if c.role != "score"], "threshold": None, "labels": None},
    ):
        columns: Any = changes.get("columns", COLUMNS)
        baseline = a_baseline(**{"windows": [], "total": a_tally(columns=columns)} | changes)
        assert not {m for m in monitors_for(baseline) if m.startswith("fairness")}
        assert groups.selection(learn(baseline, 0.01), seen([a_tally()])) == []


def labels(north: LabelTable | None, south: LabelTable | None) -> Labels:
    return Labels(overall=None, groups={"origin": {NORTH: north, SOUTH: south}})


def outcomes(known: Known, found: Labels) -> dict[str, float]:
    [figures] = groups.outcome(known, seen([]), [found])
    return by_name(figures)


NORTHERN_LABELS = LabelTable(positives=NORTHERN, negatives=SOUTHERN)
SOUTHERN_LABELS = LabelTable(positives=SOUTHERN, negatives=NORTHERN)


def test_labels_bring_the_rates_of_right_and_wrong_decisions(known: Known):
    found = outcomes(known, labels(NORTHERN_LABELS, SOUTHERN_LABELS))
    assert found["origin:north:tpr"] == found["origin:south:fpr"] == 0.5
    assert found["origin:north:fpr"] == found["origin:south:tpr"] == 0.25
    assert found["origin:north:ppv"] == 100 / 125
    assert found["origin:south:ppv"] == 25 / 125
    assert found["origin:north:accuracy"] == (100 + 75) / 300
    assert found["origin:north:rows"] == 315
    assert found["origin:equal_opportunity"] == found["origin:equalised_odds"] == 0.25


def test_what_a_run_hides_among_the_positives_is_still_told_of_the_negatives(known: Known):
    hidden = LabelTable(
        positives=STRADDLING, negatives=[15, 0, 0, 40, 0, None, 25, 0]
    )  # the run holds no negatives
    found = outcomes(known, labels(hidden, SOUTHERN_LABELS))
    assert math.isnan(found["origin:north:tpr"])
    assert math.isnan(found["origin:equal_opportunity"])
    assert math.isnan(found["origin:equalised_odds"])
    assert found["origin:north:fpr"] == pytest.approx(25 / 65)


def test_withheld_label_tables_are_named_and_have_no_figures(known: Known):
    for found in (
        outcomes(known, labels(NORTHERN_LABELS, None)),
        outcomes(known, labels(None, None)),
    ):
        for name in ("south:tpr", "south:rows", "equal_opportunity", "equalised_odds"):
            assert math.isnan(found[f"origin:{name}"])
    assert all(math.isnan(x) for x in outcomes(known, Labels(overall=None)).values())


def test_every_name_fits_its_column_however_long_the_columns_name():
    name = "household " * 6 + "size"
    column = Column(name=name, role="group", kind="categorical", tokens=[NORTH, SOUTH])
    columns = [column if c.role == "group" else c for c in COLUMNS]
    baseline = a_baseline(columns=columns, total=a_tally(20_000, columns), windows=[])
    known = learn(baseline, tolerance=0.01)
    figures = groups.selection(known, seen([baseline.total]))
    figures += groups.outcome(known, seen([]), [Labels(overall=None)])
    assert max(len(name) for one in figures for name in one.names) <= NAMES_HOLD
    assert len(name) == 64


# From here on with the collector's own statements.


def direct(frame: pd.DataFrame, column: str) -> dict[str, pd.Series]:
    """The rates from the rows themselves, by the group's name."""
    said = frame.risk >= RECIPE["threshold"]
    group = frame[column].astype(str)
    return {
        "selection_rate": said.groupby(group).mean(),
        "tpr": said[frame.repaid].groupby(group[frame.repaid]).mean(),
        "fpr": said[~frame.repaid].groupby(group[~frame.repaid]).mean(),
        "ppv": frame.repaid[said].groupby(group[said]).mean(),
        "accuracy": (said == frame.repaid).groupby(group).mean(),
    }


def test_figures_from_a_collectors_tables_are_those_of_the_rows(world: World):
    """From 4,000 rows through collector, intake and examination; nobody is disturbed by them."""
    frame = some_rows(4_000, seed=1).drop(columns="when")
    version = world.version
    _accept(intake.accept_baseline, Collector.baseline(frame, **RECIPE, revision=2), world, version)
    baseline = version.baselines.latest("revision")
    monitors = dict(Monitor.objects.filter(baseline=baseline).values_list("detector", "columns"))
    assert monitors["fairness_selection"] == monitors["fairness_outcome"] == ["origin", "sex"]

    collector = Collector(OpenPlan.read(_plan_of(baseline)), key=KEY)
    collector.add(frame)
    period = BEGIN, BEGIN + WEEK
    _accept(intake.accept_window, collector.close_window(*period, replay=True), world)
    _accept(intake.accept_outcomes, collector.outcomes(frame, *period), world)
    assert sum(examine_and_record(pk) for pk in overdue()) == 1
    assert not Incident.objects.exists()

    measured = {m.detector: m for m in Measurement.objects.all()}
    for figure, expected in direct(frame, "sex").items():
        kind = "selection" if figure == "selection_rate" else "outcome"
        row = measured[f"fairness_{kind}"]
        places = [i for i, n in enumerate(row.names) if n.startswith("sex:") and n.endswith(figure)]
        value, low, high = (np.array(x, float)[places] for x in (row.value, row.low, row.high))
        np.testing.assert_allclose(np.sort(value), np.sort(expected), atol=1e-9)
        assert ((low < value) & (value < high)).all()
    row = measured["fairness_selection"]
    rates = direct(frame, "sex")["selection_rate"]
    gap = row.value[row.names.index("sex:difference")]
    assert gap == pytest.approx(rates.max() - rates.min(), abs=1e-9)
    assert row.limit[row.names.index("sex:difference")] == pytest.approx(gap)


def _accept(accept, payload: bytes, world: World, *more):
    return accept(Upload(payload, [], world.caller, datetime.now(UTC)), *more)


def _plan_of(baseline) -> bytes:
    return base64.b64decode(dsse.parse(bytes(baseline.plans.latest("pk").envelope)).payload)
