"""The same code on a PostgreSQL that somebody else runs."""

import signal

import psycopg
from psycopg import sql

from appliance.embedded.postgres import APP, OWNER, Cluster
from tests.platform.running import MARKS, Appliance, command_line


def test_with_a_database_url_no_postgres_is_started(cluster: Cluster, tmp_path):
    with cluster.connect_as_superuser() as connection:
        create = sql.SQL("CREATE DATABASE outside OWNER {}").format(sql.Identifier(OWNER))
        connection.execute(create)
    urls = {
        "DATABASE_URL": cluster.url(APP, "outside"),
        "DATABASE_OWNER_URL": cluster.url(OWNER, "outside"),
    }
    appliance = Appliance(tmp_path / "data", env=urls)
    appliance.start()
    assert appliance.pid_of("worker")
    commands = [command_line(pid) for pid in appliance.pids()]
    assert not any(MARKS["postgres"] in command for command in commands)
    assert not (appliance.data / "postgres").exists()
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        connection.execute("SELECT FROM django_session")
    appliance.stop(signal.SIGKILL)
