"""Two workers at once, a worker killed half-way, a window that always fails."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from countersign.statement import Refused
from detectors import recording
from detectors.examination import examine
from detectors.models import Examination, Statement, Stream, Window
from detectors.recording import examine_and_record, overdue
from governance.models import Entry, Incident
from tests.detectors.world import BEGIN, GONE, World


def in_two_connections(task: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
    """Run in threads, each with a database connection of its own."""

    def run(argument: Any) -> Any:
        try:
            return task(argument)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, arguments))


def test_of_two_workers_at_one_window_one_examines_it(world: World):
    for week in range(5):
        world.send(world.window(week))
        [pk] = overdue()
        assert sorted(in_two_connections(examine_and_record, [pk, pk])) == [False, True]
    assert Examination.objects.count() == 5
    assert Entry.objects.filter(kind="window.examined").count() == 5


def test_two_windows_at_once_both_enter_the_stream(world: World):
    for week in range(8):
        world.send(world.window(week))
    assert all(in_two_connections(examine_and_record, overdue()))
    assert Stream.objects.get(kind="counts").step == 8
    assert Examination.objects.count() == 8


def test_windows_are_examined_in_order_of_time_whoever_is_called_first(world: World):
    for week in (2, 0, 1):
        world.send(world.window(week))
    for pk in overdue():
        examine_and_record(pk)
    starts = Examination.objects.order_by("pk").values_list("window__start", flat=True)
    assert list(starts) == sorted(starts)


def test_two_windows_at_once_with_one_cause_open_one_incident(world: World):
    for week in range(8):
        world.send(world.window(week, GONE))
    assert all(in_two_connections(examine_and_record, overdue()))
    assert Incident.objects.get(cause="data_quality").windows == 8


def test_a_window_whose_worker_was_killed_is_found_once_its_claim_ends(world: World):
    world.send(world.window(0))
    window = Window.objects.get()
    assert recording._claim(window.pk) is not None
    assert overdue() == []
    assert overdue(timezone.now() + recording.CLAIM + timedelta(seconds=1)) == [window.pk]


def test_a_worker_that_lost_its_claim_writes_nothing(world: World):
    world.send(world.window(0))
    window = Window.objects.get()
    slow = recording._claim(window.pk)
    assert slow is not None
    case, streams = recording._case(slow.window)
    Window.objects.update(claimed_until=None)
    assert examine_and_record(window.pk)
    with pytest.raises(recording.Overtaken):
        recording._record(slow, examine(case), streams)
    assert Examination.objects.count() == 1
    assert Stream.objects.get(kind="counts").step == 1


def test_a_window_that_always_fails_is_told_once_and_tried_again_with_growing_pauses(world: World):
    """Its statement was damaged in the database after it had been accepted."""
    world.send(world.window(0))
    world.send(world.window(1))
    damaged = Statement.objects.get(part__window__start=BEGIN)
    Statement.objects.filter(pk=damaged.pk).update(payload=b"damaged")
    pauses = []
    for _ in range(recording.ATTEMPTS):
        with pytest.raises(Refused):
            examine_and_record(damaged.part.window_id)
        window = Window.objects.get(start=BEGIN)
        assert window.claimed_until is not None
        pauses.append(window.claimed_until - timezone.now())
        assert window.pk not in overdue()
        Window.objects.update(claimed_until=None)
    assert pauses == sorted(pauses)
    assert pauses[-1] > 8 * pauses[0]
    assert [recording.tell_of_failures() for _ in range(2)] == [1, 0]
    assert Incident.objects.get().findings[0]["detector"] == "examination"
    assert Entry.objects.filter(kind="window.failed").count() == 1

    Statement.objects.filter(pk=damaged.pk).update(payload=damaged.payload)
    assert all(examine_and_record(pk) for pk in overdue())
    assert Examination.objects.count() == 2


def test_what_cannot_be_logged_does_not_happen(world: World):
    world.send(world.window(0))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger AS "
            "$$ BEGIN RAISE EXCEPTION 'no room'; END $$ LANGUAGE plpgsql"
        )
        cursor.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON governance_entry "
            "FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
    try:
        with pytest.raises(DatabaseError, match="no room"):
            examine_and_record(overdue()[0])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER full_disk ON governance_entry; DROP FUNCTION full_disk")
    assert not Examination.objects.exists()
    assert Stream.objects.get(kind="counts").step == 0
    assert Window.objects.get().examined == 0
