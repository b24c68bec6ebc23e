"""What every test may ask for: a database, and no way out to the network.

The database is an embedded PostgreSQL of the test run's own, started when the first test
needs it; TEST_DATABASE_URL names another one instead (a role that may create databases).
Tests connect as the owner of the tables. `SET ROLE countersign_app` shows what the
running site may do.
"""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management.color import Style
from django.db import connections
from django.db.backends.postgresql.operations import DatabaseOperations

from appliance.celery import app
from appliance.embedded.postgres import OWNER, Cluster
from appliance.settings import database_settings
from tests.platform.running import Appliance

LOOPBACK = ("127.0.0.1", "::1", "localhost")
GUARDED = (
    *("governance_entry", "governance_leaf", "governance_tilehash", "governance_checkpoint"),
    *("governance_cosignature", "governance_signoffdecision", "governance_signoffsummary"),
)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An embedded PostgreSQL for this test run, whose owner may create databases."""
    cluster = Cluster(tmp_path_factory.mktemp("data"))
    cluster.prepare()
    server = cluster.start()
    try:
        cluster.wait_until_ready(server)
        cluster.ensure_roles(owner_may_create_databases=True)
        yield cluster
    finally:
        cluster.stop(server)


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest) -> str:
    """The database of this test run, as the tables' owner."""
    named = os.environ.get("TEST_DATABASE_URL")
    return named or request.getfixturevalue("cluster").url(OWNER)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_url: str) -> None:
    """pytest-django's hook: point Django at this run's PostgreSQL before it first connects."""
    connections["default"].settings_dict.update(database_settings(database_url))


@pytest.fixture(scope="session")
def running_appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """The whole appliance as `bin/up` starts it, with a data directory of its own."""
    appliance = Appliance(tmp_path_factory.mktemp("appliance") / "data")
    appliance.start()
    yield appliance
    appliance.stop()


@pytest.fixture(autouse=True, scope="session")
def messages_go_nowhere() -> None:
    """Inside a test process nobody listens: tests run the jobs by hand, as the sweep would.

    The real broker and the real worker run in `running_appliance`, in processes of their own.
    """
    app.conf.update(broker_url="memory://", broker_transport_options={}, task_queues=None)


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Only this machine may be reached from a test."""
    connect = socket.socket.connect

    def connect_on_this_machine(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:  # type: ignore[index]
            raise PermissionError("a test tried to reach another machine")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_on_this_machine)
        yield


@pytest.fixture(autouse=True, scope="session")
def log_tables_emptied_between_tests() -> Iterator[None]:
    """Tests with `transaction=True` end by emptying every table, which the log's tables refuse.

    Only here, and only for that moment, their owner switches the trigger off.
    """
    sql_flush = DatabaseOperations.sql_flush

    def switch_off_and_flush(
        self: DatabaseOperations, style: Style, tables: list[str], **options: Any
    ) -> list[str]:
        guarded = [connections["default"].ops.quote_name(t) for t in GUARDED if t in tables]
        return [
            *(f"ALTER TABLE {table} DISABLE TRIGGER log_only_grows" for table in guarded),
            *sql_flush(self, style, tables, **options),
            *(f"ALTER TABLE {table} ENABLE TRIGGER log_only_grows" for table in guarded),
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", switch_off_and_flush)
        yield
