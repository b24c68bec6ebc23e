"""What the real collector tells under noise: every figure, each with noise of its own."""

import math
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from countersign.batch import on_grid, step_of
from countersign.collector import Collector
from countersign.statement import Outcomes, Refused, Window, decode, encode
from countersign.statements import OpenPlan
from countersign.tables import Privacy
from detectors.statistics.counts import Noise
from tests.collector.cast import END, KEY, START, rich_rows

from .test_charges import WORLDS, counted, figures, plan_for

ROWS = 2_000
LAWS = [Noise("discrete_laplace", 30.0), Noise("discrete_gaussian", 30.0)]


def noised(name: str, noise: Noise = LAWS[0]) -> OpenPlan:
    """The world's plan after a change of policy."""
    opened = plan_for(name)
    privacy = msgspec.convert({"mechanism": noise.mechanism, "scale": noise.scale}, Privacy)
    plan = msgspec.structs.replace(opened.plan, privacy=privacy, maps=[])
    return OpenPlan.read(encode(plan, opened.version_digest))


def told(opened: OpenPlan, rows: Any, later: bool) -> dict[str, float]:
    """All figures of a noised statement, sums in units of the most that one row can add."""
    collector = Collector(opened, key=KEY)
    if later:
        payload = collector.outcomes(rows, START, END)
        return dict(figures(decode(payload, Outcomes)[1].labels, opened.plan))
    collector.add(rows)
    assert collector.failures == 0
    payload = collector.close_window(START, END)
    return dict(figures(decode(payload, Window)[1].tally, opened.plan))


@pytest.mark.parametrize("later", [False, True], ids=["window", "outcomes"])
@pytest.mark.parametrize("name", WORLDS)
def test_every_figure_has_noise_of_the_plans_scale_and_its_own(name: str, later: bool) -> None:
    for noise in LAWS:
        opened = noised(name, noise)
        rows = WORLDS[name][1](ROWS, 1)
        exact = counted(opened, rows, later)
        added = {k: v - exact[k] for k, v in told(opened, rows, later).items()}
        assert added.keys() == exact.keys()
        sums = {k: v for k, v in added.items() if "sum" in k or "squares" in k or "absolute" in k}
        for part in (sums, {k: v for k, v in added.items() if k not in sums}):
            drawn = np.array(list(part.values()))
            if len(drawn):
                room = 6 / math.sqrt(len(drawn))  # far beyond chance, also for a Laplace law's
                assert drawn.std() == pytest.approx(math.sqrt(noise.variance), rel=room)
                assert abs(drawn.mean()) < room * math.sqrt(noise.variance)
                assert len(drawn) < 50 or len(set(drawn.round())) > 25


@pytest.mark.parametrize("later", [False, True], ids=["window", "outcomes"])
@pytest.mark.parametrize("name", WORLDS)
def test_which_figures_are_told_does_not_depend_on_the_rows(name: str, later: bool) -> None:
    opened, rows = noised(name), WORLDS[name][1](ROWS, 1)
    asked = told(opened, rows, later).keys()
    assert told(opened, rows.iloc[:0], later).keys() == asked
    assert told(opened, rows.iloc[:1], later).keys() == asked
    unlabelled = rows.assign(repaid=None, was=None, paid=np.nan)
    assert told(opened, unlabelled, later).keys() == asked


def test_a_row_changes_a_sum_by_itself_and_not_by_how_others_are_rounded() -> None:
    values = np.random.default_rng(3).uniform(-1e7, 1e7, 100_000)
    steps = on_grid(values, 1e7)
    assert steps.sum() == steps[::-1].sum() == math.fsum(steps)
    assert steps.sum() - steps[:-1].sum() == steps[-1]
    assert np.abs(steps / step_of(1e7)).max() <= round(1e7 / step_of(1e7)) <= 2**17
    assert np.cumsum(values)[-1] != np.cumsum(values[::-1])[-1]  # without steps it depends


def test_replicas_are_added_up_before_one_draw() -> None:
    opened = noised("loans", Noise("discrete_gaussian", 0.1))  # all but exact
    parts = [Collector(opened, key=KEY) for _ in range(4)]
    for i, part in enumerate(parts):
        part.add(rich_rows(500, i))
        if i:
            parts[0].merge(part)
    tally = decode(parts[0].close_window(START, END), Window)[1].tally
    assert tally.rows == pytest.approx(2_000, abs=1)


def test_means_are_refused_instead_of_being_sent_exact() -> None:
    collector = Collector(noised("loans"), key=KEY)
    collector.add_attributions(pd.DataFrame({"income": np.ones(50)}))
    assert collector.failures == 1
    window = decode(collector.close_window(START, END), Window)[1]
    assert (window.tally.maps, window.tally.attributions) == ({}, None)


def test_each_revision_of_labels_draws_anew_whatever_came_before(tmp_path: Any) -> None:
    opened = noised("loans")
    collector, rows = Collector(opened, key=KEY, memory=tmp_path), rich_rows(500)
    drawn = [collector.outcomes(rows, START, END, revision=i) for i in (1, 2)]
    first, second = (decode(payload, Outcomes)[1] for payload in drawn)
    assert first.labels != second.labels
    with pytest.raises(Refused, match=r"window\.empty_period"):
        collector.outcomes(rows, END, START)
