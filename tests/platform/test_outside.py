"""The same code on a PostgreSQL that somebody else runs."""

import signal
from urllib.parse import quote

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


def test_one_role_for_everything_is_enough(tmp_path):
    """Somebody who only has one role can start; `verify_audit` says what that costs."""
    cluster = Cluster(tmp_path / "elsewhere")
    cluster.prepare()
    server = cluster.start()
    try:
        cluster.wait_until_ready(server)
        with cluster.connect_as_superuser() as connection:
            connection.execute("CREATE ROLE acme LOGIN PASSWORD 'only-for-this-test'")
            connection.execute("CREATE DATABASE acme OWNER acme")
        host = quote(str(cluster.socket_directory), safe="")
        url = f"postgresql://acme:only-for-this-test@/acme?host={host}"
        appliance = Appliance(tmp_path / "data", env={"DATABASE_URL": url})
        appliance.start()
        assert "note" in appliance.manage("verify_audit")
        appliance.stop(signal.SIGKILL)
    finally:
        cluster.stop(server)
