"""Every expected window's fate is known: it came, it came late, or it is missing. Said once.

Ada's collector sends hourly windows, each a minute after its end. Six hours later it is overdue.
"""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from countersign.statement import encode
from detectors import clock, intake
from detectors.intake import Upload
from detectors.models import Baseline, Gap, Watch, Window
from detectors.recording import examine_and_record, overdue
from governance.models import Entry, Incident, Version
from tests.builders import HOUR, hours_ago
from tests.detectors.test_recording import in_two_connections
from tests.detectors.world import World

HALF_PAST = hours_ago(0) + HOUR / 2  # what was due six and a half hours ago should be here
MINUTE = timedelta(minutes=1)


@pytest.fixture
def hourly(world: World) -> World:
    """Ada's model, version 1, with windows of one hour."""
    Baseline.objects.update(window_seconds=3_600)
    return world


def arrive(
    world: World, *ends: float, hours: float = 1.0, late: timedelta = MINUTE, replay: bool = False
) -> None:
    """Windows of so many hours that ended `ends` hours ago come in and are examined."""
    for end in ends:
        window = world.window(
            0,
            start=hours_ago(end + hours),
            end=hours_ago(end),
            replay=replay,
        )
        payload = encode(window, world.version.digest)
        intake.accept_window(Upload(payload, [], world.caller, window.end + late))
    for pk in overdue():
        examine_and_record(pk)


def tick(later: float = 0.0) -> int:
    """The clock looks, so many hours after half past."""
    return clock.notice_gaps(HALF_PAST + later * HOUR)


def missing() -> list[tuple[datetime, datetime]]:
    return list(Gap.objects.order_by("start").values_list("start", "end"))


def an_hour(ended: float) -> tuple[datetime, datetime]:
    return hours_ago(ended + 1), hours_ago(ended)


def feed_incident() -> Incident:
    return Incident.objects.get(cause="feed")


def new_version(world: World) -> World:
    """Version 2 of Ada's model; its collector counts hours too."""
    version = Version.objects.create(model=world.version.model, name="2", digest="e" * 64)
    new = World(version, world.caller)
    new.baseline()
    version.baselines.update(window_seconds=3_600)
    return new


def test_a_hole_in_a_live_feed_is_noticed_once(hourly: World):
    arrive(hourly, 12, 11, 10, 8, 7, 6, 5, 4, 3, 2, 1)
    assert [tick(), tick(), tick(later=3)] == [1, 0, 0]
    assert missing() == [an_hour(9)]
    assert Entry.objects.filter(kind="window.missing").count() == 1
    assert feed_incident().title == (
        f"1 window is missing between {hours_ago(10):%Y-%m-%d %H:%M} and "
        f"{hours_ago(9):%Y-%m-%d %H:%M} UTC; windows have arrived again since."
    )


def test_a_window_may_still_come_while_its_time_runs(hourly: World):
    arrive(hourly, 8, 7, 6, 4, 3)
    assert tick() == 0
    assert tick(later=1) == 1
    assert missing() == [an_hour(5)]


def test_the_end_of_a_feed_is_noticed_as_it_goes_on(hourly: World):
    arrive(hourly, 9)
    assert [tick(), tick(), tick(later=1)] == [3, 0, 1]
    assert missing() == [an_hour(8), an_hour(7), an_hour(6), an_hour(5)]
    assert Entry.objects.filter(kind="window.missing").count() == 4
    incident = feed_incident()
    assert incident.title == "4 expected windows have not arrived."
    assert f"ended at {hours_ago(9):%Y-%m-%d %H:%M} UTC" in incident.findings[0]["sentence"]
    assert (incident.first_window, incident.last_window) == (hours_ago(9), hours_ago(6))


def test_an_outage_that_is_over_is_told_as_one(hourly: World):
    arrive(hourly, 12)
    assert tick() == 6
    arrive(hourly, 4, 3, 2, 1)
    assert tick(later=1) == 1
    assert feed_incident().title.startswith("7 windows are missing between")
    assert feed_incident().findings[0]["value"] == 7


def test_a_feed_dead_for_5000_windows_is_told_in_full_by_several_ticks(hourly: World):
    arrive(hourly, 5_006)
    assert [tick() for _ in range(6)] == [1_000] * 5 + [0]
    assert missing() == [an_hour(end) for end in range(5_005, 5, -1)]
    assert Entry.objects.filter(kind="window.missing").count() == 5_000
    assert feed_incident().title == "5000 expected windows have not arrived."
    with CaptureQueriesContext(connection) as idle:
        assert tick() == 0
    assert len(idle) <= 11
    with CaptureQueriesContext(connection) as one_more:
        assert tick(later=1) == 1
    assert len(one_more) <= 24


def test_a_clock_that_slept_catches_up_in_small_steps(
    hourly: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clock, "MOST_AT_ONCE", 2)
    arrive(hourly, 20, 19, 18, 17, 16, 12, 11, 10, 8)
    steps = [tick() for _ in range(12)]
    assert max(steps) == 2
    assert missing() == [an_hour(end) for end in (15, 14, 13, 9, 7, 6)]


def test_clocks_that_tick_at_once_write_each_gap_once(hourly: World):
    arrive(hourly, 30, 28, 20)
    assert sum(in_two_connections(lambda _: tick(), [1, 2])) == 1 + 7 + 14
    assert Gap.objects.count() == Entry.objects.filter(kind="window.missing").count() == 22
    assert Watch.objects.count() == Incident.objects.filter(cause="feed").count() == 1


def test_replayed_history_is_never_missing(hourly: World):
    arrive(hourly, 40, 30, 20, replay=True)
    assert tick() == 0
    assert not Watch.objects.exists()


def test_replayed_history_does_not_stand_in_for_a_live_window(hourly: World):
    arrive(hourly, 9, 7, 6)
    arrive(hourly, 8, replay=True)
    assert tick() == 1
    assert missing() == [an_hour(8)]


def test_a_partial_first_window_leaves_no_gap(hourly: World):
    arrive(hourly, 10, hours=0.3)
    arrive(hourly, 9, 8, 7, 6)
    assert tick() == 0


@pytest.mark.parametrize(("pause", "gaps"), [(0.4, 0), (0.5, 1), (1.4, 1), (1.6, 2), (2.4, 2)])
def test_a_pause_counts_from_half_a_window_on(hourly: World, pause: float, gaps: int):
    """The collector is stopped in the middle of an hour and started again later."""
    arrive(hourly, 9.2, hours=0.8)
    arrive(hourly, 9.1 - pause, hours=0.1)
    arrive(hourly, *(9.1 - pause - i for i in (1, 2, 3)))
    assert tick() == gaps
    assert all(end <= hours_ago(9.2 - pause) for _, end in missing())


def test_a_version_that_was_replaced_is_not_expected(hourly: World):
    arrive(hourly, 12, 11, 10)
    new = new_version(hourly)
    arrive(new, 9, 8, 7, 6)
    assert [tick(), tick(later=5)] == [0, 5]
    assert {gap.baseline.version for gap in Gap.objects.all()} == {new.version}
    assert feed_incident().version == new.version


def test_between_two_versions_the_older_one_is_expected(hourly: World):
    arrive(hourly, 12, 11, 10)
    arrive(new_version(hourly), 7, 6)
    assert tick() == 2
    assert feed_incident().version == hourly.version


def test_a_version_that_comes_back_was_not_missing_while_another_sent(hourly: World):
    arrive(hourly, 12, 11)
    arrive(new_version(hourly), 10, 9)
    arrive(hourly, 8, 7, 6)
    assert tick() == 0


def test_a_window_after_its_time_is_late_and_stays_in_the_history_of_gaps(hourly: World):
    arrive(hourly, 9, 7, 6)
    assert tick() == 1
    arrive(hourly, 8, late=8 * HOUR)
    assert Window.objects.get(start=hours_ago(9)).late
    assert Entry.objects.filter(kind="window.late").count() == 1
    assert tick(later=1) == 1
    assert missing() == [an_hour(8), an_hour(5)]


def test_a_late_window_is_told(hourly: World):
    arrive(hourly, 30, late=30 * HOUR)
    assert "arrived" in feed_incident().title
