"""Nobody rewrites the log: not the tables' owner, and not the role that the site runs as."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from governance.audit import entries, log, selfcheck

from .conftest import Record, published

TABLES = ("governance_entry", "governance_leaf", "governance_tilehash", "governance_checkpoint")
COLUMN = {"governance_entry": "kind", "governance_checkpoint": "note"}
CHANGES = (
    "UPDATE {table} SET {column} = {column}",
    "UPDATE {table} SET {column} = {column} WHERE false",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
)


def change(statement: str, table: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table, column=COLUMN.get(table, "hash")))


@pytest.fixture
def as_application():
    """From here on as the site's role; the test's transaction is rolled back as its owner."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE countersign_app")
        yield
        cursor.execute("RESET ROLE")


@pytest.fixture
def some_log(record: Record) -> None:
    record(3)
    log.seal()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_is_refused_by_the_trigger(some_log, statement: str, table: str):
    with pytest.raises(IntegrityError, match=r"log\.append_only"):
        change(statement, table)


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", CHANGES)
def test_the_application_has_no_right(some_log, as_application, statement: str, table: str):
    with pytest.raises(ProgrammingError, match="permission denied"):
        change(statement, table)


@pytest.mark.django_db
def test_the_application_can_do_its_work_with_the_rights_it_has(as_application, record: Record):
    record(2)
    entry = entries.record("key.enrolled", actor="user:1", content={"name": "Ada"})
    log.seal()
    assert entries.erase_content(entry, actor="user:1") == 1
    log.seal()
    assert published().size == 4
    report = selfcheck.check()
    assert report.problems == []
    assert report.remarks == []


@pytest.mark.django_db
def test_the_application_cannot_switch_the_guard_off(as_application):
    for statement in (
        "ALTER TABLE governance_leaf DISABLE TRIGGER log_only_grows",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NEW; END $$",
    ):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
