"""Windows in, figures and incidents out: the same jobs that the worker runs, run here by hand."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest
from django.utils import timezone

from countersign.statement import Refused
from countersign.tables import Labels, LabelTable, Privacy, Span, Tally
from detectors.learning.known import learn
from detectors.models import Examination, Measurement, Stream, Window
from detectors.recording import examine_and_record, overdue
from governance.handling import resolve_incident
from governance.models import Entry, Incident
from tests.detectors import world as w
from tests.detectors.world import World


def examine_all() -> int:
    return sum(examine_and_record(pk) for pk in overdue())


def test_a_quiet_half_year_raises_nothing(world: World):
    for week in range(26):
        world.send(world.window(week))
    assert examine_all() == 26
    assert not Incident.objects.exists()
    assert Examination.objects.count() == 26
    assert Entry.objects.filter(kind="window.examined").count() == 26


def test_a_shifted_column_opens_one_incident_that_names_it_and_gives_every_figure(world: World):
    for week in range(3):
        world.send(world.window(week, w.OLDER))
    examine_all()
    incident = Incident.objects.get()
    assert (incident.cause, incident.status) == ("drift", "open")
    finding = incident.findings[0]
    assert finding["name"] == "age"
    assert finding["low"] < finding["value"] < finding["high"] < finding["limit"]
    assert finding["limit"] < finding["reference"]
    assert finding["rows"] == pytest.approx(0.98 * world.rows, rel=0.02)
    assert "age has shifted" in incident.title
    assert "age" in incident.causes[0]
    assert incident.policy["false_alarms_per_year"] == 1.0


def test_a_second_window_of_the_same_drift_joins_the_incident(world: World):
    for week in range(6):
        world.send(world.window(week, w.OLDER))
    examine_all()
    incident = Incident.objects.get()
    assert incident.windows > 1
    assert incident.first_window < incident.last_window


def test_a_column_that_is_gone_and_a_window_without_rows_are_told_at_once(world: World):
    world.send(world.window(0, w.GONE))
    world.send(world.window(1, rows=0))
    examine_all()
    gone = Incident.objects.get(cause="data_quality")
    assert gone.severity == "high"
    assert gone.title.startswith("income is gone")
    assert Incident.objects.get(cause="feed").severity == "high"


def test_missing_values_are_told_as_such(world: World):
    world.send(world.window(0, w.HOLES))
    examine_all()
    finding = Incident.objects.get(cause="data_quality").findings[0]
    assert (finding["detector"], finding["name"]) == ("missing", "income")
    assert finding["value"] == pytest.approx(0.2, abs=0.03)


def test_labels_bring_realised_figures_and_a_worse_model_an_incident(world: World):
    sent = [world.window(week) for week in range(4)]
    for window in sent:
        world.send(window)
    examine_all()
    for window in sent:
        world.send(world.outcomes(window, bias=0.25))
    examine_all()
    assert Examination.objects.filter(labelled__gt=0).count() == 4
    incident = Incident.objects.get()
    assert incident.cause == "performance"
    assert incident.findings[0]["value"] < incident.findings[0]["reference"]


def test_good_labels_open_nothing_and_the_estimate_agrees_with_them(world: World):
    window = world.window(0)
    world.send(window)
    world.send(world.outcomes(window))
    examine_all()
    assert not Incident.objects.exists()
    estimated = _figure("estimated_performance", "accuracy")
    realised = _figure("realised_performance", "accuracy")
    assert estimated == pytest.approx(realised, abs=0.03)


def test_every_detector_leaves_one_row_for_all_columns(world: World):
    world.send(world.window(0))
    examine_all()
    rows = Measurement.objects.values_list("detector", "names")
    found = dict(rows)
    assert len(found) == len(rows)
    assert set(found["ks"]) == {"age", "income", "risk"}
    assert found["q"] == ["region"]
    assert set(found["missing"]) == {"age", "income", "risk", "region"}
    assert "accuracy" in found["estimated_performance"]


def test_a_correction_changes_the_figures_but_not_the_evidence(world: World):
    window = world.window(0)
    world.send(window)
    examine_all()
    before = Stream.objects.get(kind="counts")
    world.send(world.window(0, w.OLDER, revision=2))
    examine_all()
    after = Stream.objects.get(kind="counts")
    assert (after.step, bytes(after.state)) == (before.step, bytes(before.state))
    assert Examination.objects.count() == 2
    assert not Incident.objects.exists()


def test_a_window_too_small_to_tell_is_no_finding_and_its_correction_counts(world: World):
    small = world.window(0, tally=Tally(rows=None, columns={}))
    world.send(small)
    examine_all()
    assert Examination.objects.get().rows is None
    assert not Incident.objects.exists()
    world.send(world.window(0, w.GONE, revision=2))
    examine_all()
    assert Incident.objects.get(cause="data_quality").title.startswith("income is gone")
    assert Stream.objects.get(kind="counts").step == 1


def test_labels_that_come_in_pieces_all_reach_the_alarm(world: World):
    windows = [world.window(week) for week in range(4)]
    for window in windows:
        world.send(window)
        few = world.labels(world.tally(w.ORDINARY, 2_000))
        world.send(world.outcomes(window, labels=few))
    examine_all()
    assert not Incident.objects.exists()
    for window in windows:
        world.send(world.outcomes(window, bias=0.25, revision=2))
    examine_all()
    assert Incident.objects.get().cause == "performance"


def test_an_incident_that_was_resolved_does_not_come_back_with_the_labels(world: World):
    empty = world.window(0, rows=0)
    world.send(empty)
    examine_all()
    resolve_incident(Incident.objects.get(), "expected", actor="user:1", reason="A holiday.")
    world.send(world.outcomes(world.window(0)))
    examine_all()
    assert Incident.objects.get(cause="feed").status == "resolved"


def test_more_outcomes_than_rows_contradict_each_other_and_are_told(world: World):
    world.send(world.window(0, rows=1_000))
    world.send(world.outcomes(world.window(0)))
    examine_all()
    finding = Incident.objects.get(cause="data_quality").findings[0]
    assert (finding["detector"], finding["value"]) == ("contradicting_outcomes", world.rows)
    assert finding["limit"] == 1_000


def test_scores_beyond_the_reference_count_as_decisions(world: World):
    beyond = w.ORDINARY | {"risk": np.array([0, 0, 0.5, 0, 0, 0, 0, 0, 0, 0.5])}
    window = world.window(0, beyond)
    world.send(window)
    world.send(world.outcomes(window))
    examine_all()
    measured = Measurement.objects.get(detector="realised_performance")
    assert measured.examination.labelled == world.rows
    assert _figure("estimated_performance", "positive_rate") > 0.4


def test_longer_reference_windows_expect_as_many_rows_a_day(world: World):
    """The collector joins reference windows when there are too many; volume must not notice."""
    long = [
        Span(start=s.start, end=s.start + 3 * (s.end - s.start), tally=s.tally)
        for s in world.reference.windows[::3]
    ]
    known = learn(msgspec.structs.replace(world.reference, windows=long, season="weekday"), 0.01)
    assert known.season == "none"
    assert known.volumes == pytest.approx(world.rows / 3)


def test_windows_that_share_time_are_refused(world: World):
    world.send(world.window(0))
    later = world.window(0).start + w.WEEK / 2
    with pytest.raises(Refused, match=r"window\.overlap"):
        world.send(world.window(1, start=later))
    assert Window.objects.count() == 1


def test_noise_that_no_policy_asked_for_is_refused(world: World):
    """It would lift the floor under single cells."""
    noisy = Privacy(mechanism="discrete_laplace", scale=1e-9)
    with pytest.raises(Refused, match=r"privacy\.mechanism_not_in_policy"):
        world.send(msgspec.structs.replace(world.reference, privacy=noisy, revision=2))


def test_shards_wait_for_each_other_and_add_up(world: World):
    halves = [world.window(0, rows=2_000, shard=i, shards=2) for i in range(2)]
    world.send(halves[0])
    assert overdue() == []
    world.send(halves[1])
    assert examine_all() == 1
    assert Examination.objects.get().rows == 4_000


def test_the_state_of_the_streams_stays_as_large_as_it_was(world: World):
    sizes = set()
    for week in range(5):
        world.send(world.window(week))
        examine_all()
        sizes.add(len(Stream.objects.get(kind="counts").state))
    assert len(sizes) == 1


def test_the_same_counts_give_the_same_figures_again(world: World):
    world.send(world.window(0))
    examine_all()
    Window.objects.update(generation=2)
    examine_all()
    first, again = (
        Measurement.objects.filter(examination__generation=generation)
        .exclude(detector="alarm")
        .order_by("detector")
        .values_list("detector", "value", "low", "high", "p_value", "limit")
        for generation in (1, 2)
    )
    assert list(first) == list(again)
    assert len(first) > 5


def _figure(detector: str, name: str) -> float:
    row = Measurement.objects.filter(detector=detector).latest("pk")
    return float(np.array(row.value)[row.names.index(name)])


def test_labels_of_a_window_that_lacks_a_shard_contradict_nothing(world: World):
    world.send(world.window(0, shards=2, rows=2_000))
    world.send(world.outcomes(world.window(0)))
    Window.objects.update(ready_at=timezone.now() - timedelta(minutes=1))
    examine_all()
    told = [f["detector"] for i in Incident.objects.all() for f in i.findings]
    assert "contradicting_outcomes" not in told


def test_fewer_missing_values_are_no_damage(world: World):
    whole = w.ORDINARY | {"age": np.array([0, 0, 0.02, 0.18, 0.24, 0.28, 0.18, 0.08, 0.02])}
    for week in range(6):
        world.send(world.window(week, whole))
    examine_all()
    incident = Incident.objects.get(cause="data_quality")
    assert incident.severity == "low"
    assert not any("damaged" in cause for cause in incident.causes)


def test_a_correction_of_labels_is_no_alarm(world: World):
    """Told as right at first, then wrong: the same rows, told otherwise."""
    for week in range(12):
        window = world.window(week)
        world.send(window)
        labels = world.labels(window.tally)
        assert labels.overall is not None
        first = labels.overall
        yes = [6, 7, 8]  # cells at or above the threshold: there a negative is a wrong decision
        flipped = LabelTable(
            positives=[(n or 0) - 12 * (i in yes) for i, n in enumerate(first.positives)],
            negatives=[(n or 0) + 12 * (i in yes) for i, n in enumerate(first.negatives)],
        )
        world.send(world.outcomes(window, labels=Labels(overall=first)))
        examine_all()
        world.send(world.outcomes(window, labels=Labels(overall=flipped), revision=2))
        examine_all()
    assert not Incident.objects.filter(cause="performance").exists()
