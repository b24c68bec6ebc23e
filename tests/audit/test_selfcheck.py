"""manage.py verify_audit finds whatever somebody with every right has done to the tables."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from governance.audit import entries, log, selfcheck
from governance.models import Entry, Leaf, Pending

from .conftest import Record


@pytest.fixture
def some_log(record: Record) -> None:
    record(300)
    entries.record("key.enrolled", actor="user:1", content={"name": "Ada"})
    log.seal()
    record(3)
    log.seal()
    record(2)


def by_force(statement: str) -> None:
    """What a superuser can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("entry", "leaf", "tilehash", "checkpoint"):
            cursor.execute(f"ALTER TABLE governance_{table} DISABLE TRIGGER log_only_grows")
        cursor.execute(statement)
        assert cursor.rowcount > 0
        for table in ("entry", "leaf", "tilehash", "checkpoint"):
            cursor.execute(f"ALTER TABLE governance_{table} ENABLE TRIGGER log_only_grows")


@pytest.mark.django_db
def test_a_log_that_nobody_touched_verifies(some_log):
    output = StringIO()
    call_command("verify_audit", stdout=output)
    assert "304 sealed, 2 waiting" in output.getvalue()
    assert "verified" in output.getvalue()
    assert "WRONG" not in output.getvalue()
    assert "role countersign_owner has the right" in output.getvalue()


@pytest.mark.django_db
def test_an_empty_log_verifies():
    assert selfcheck.check().problems == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE governance_entry SET body = overlay(body placing 'x' from 9 for 1) "
            "WHERE id = (SELECT entry_id FROM governance_leaf WHERE index = 4)",
            "leaf 4 is not the hash of entry",
        ),
        (
            "UPDATE governance_entry SET kind = 'window.late' "
            "WHERE id = (SELECT entry_id FROM governance_leaf WHERE index = 4)",
            "has another kind or time",
        ),
        (
            "UPDATE governance_entry SET created_at = created_at - interval '1 day' "
            "WHERE id = (SELECT entry_id FROM governance_leaf WHERE index = 4)",
            "has another kind or time",
        ),
        ("DELETE FROM governance_leaf WHERE index = 4", "leaf 4 is missing"),
        ("DELETE FROM governance_leaf WHERE index = 303", "leaf 303 is missing"),
        (
            "UPDATE governance_leaf SET hash = sha256('x') WHERE index = 300",
            "leaf 300 is not the hash of entry",
        ),
        ("DELETE FROM governance_tilehash", "hash 0 of level 1 is missing or wrong"),
        (
            "UPDATE governance_tilehash SET hash = sha256('x')",
            "hash 0 of level 1 is missing or wrong",
        ),
        (
            "UPDATE governance_checkpoint SET root = sha256('x') WHERE size = 301",
            "checkpoint 301 has another root",
        ),
        (
            "UPDATE governance_checkpoint SET note = replace(note, '301', '300') WHERE size = 301",
            "checkpoint 301 says something else",
        ),
        (
            "UPDATE governance_checkpoint SET note = (SELECT split_part(note, E'\\n\\n', 1) || "
            "E'\\n\\n' || (SELECT split_part(o.note, E'\\n\\n', 2) FROM governance_checkpoint o "
            "WHERE size = 304)) WHERE size = 301",
            "checkpoint 301: note.signature",
        ),
        ("DELETE FROM governance_checkpoint WHERE size = 304", "leaf 301 is beyond everything"),
        ("DELETE FROM governance_checkpoint WHERE size = 304", "log.below_high_water"),
        ("DELETE FROM governance_pending", "is neither in the log nor waiting"),
        (
            "INSERT INTO governance_pending SELECT entry_id FROM governance_leaf WHERE index = 1",
            "is in the log and still waiting",
        ),
        (
            "INSERT INTO governance_tilehash VALUES (1, 1, sha256('x'))",
            "hash 1 of level 1 is beyond everything",
        ),
        ("UPDATE governance_content SET text = 'Eve'", "the name of entry"),
    ],
)
def test_whatever_was_done_to_the_tables_is_found(some_log, statement: str, problem: str):
    by_force(statement)
    output = StringIO()
    with pytest.raises(CommandError, match="does not verify"):
        call_command("verify_audit", stdout=output)
    assert problem in output.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"kind":"window.late","time":null}'])
def test_an_entry_that_was_never_recorded_is_found(record: Record, body: bytes):
    entry = Entry.objects.create(kind="window.late", body=body, created_at=timezone.now())
    Pending.objects.create(entry=entry)
    log.seal()
    [problem] = selfcheck.check().problems
    assert "has another kind or time" in problem


@pytest.mark.django_db
def test_a_guard_that_was_switched_off_is_found(some_log):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE governance_leaf DISABLE TRIGGER log_only_grows")
    [problem] = selfcheck.check().problems
    assert "governance_leaf is missing or switched off" in problem


@pytest.mark.django_db
def test_a_lost_mark_is_found(some_log, data: Path):
    for path in (data / "log").iterdir():
        path.unlink()
    [problem] = selfcheck.check().problems
    assert problem.startswith("log.mark_missing")


@pytest.mark.django_db
def test_checking_changes_nothing(some_log):
    before = (Entry.objects.count(), Leaf.objects.count(), Pending.objects.count())
    selfcheck.check()
    assert (Entry.objects.count(), Leaf.objects.count(), Pending.objects.count()) == before
