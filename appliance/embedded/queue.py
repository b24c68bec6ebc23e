"""Celery's queue in PostgreSQL: what the broker `pgmq://` needs, and how it is driven.

PGMQ is a set of tables and functions in the schema `pgmq`. It is installed as plain SQL,
without an extension, by the tables' owner; the application role may use the functions and
nothing more. So no process declares a queue (`no_declare`): the one queue exists already.

Found by experiment, kombu 5.7 and pgmq 1.1 on two cores:

- The broker's URL cannot name a unix socket; the transport option `conn_string` can.
- With NOTIFY (and 0.1 s between polls) an idle worker cost 2.5 % of a core, a task waited
  100 ms, and NOTIFY takes a lock that every commit shares. Letting the server look every
  50 ms within a call of one second costs 1.5 % and 30 ms.
- Whenever every worker process is busy, kombu sleeps `polling_interval` before it asks
  whether one is free again: 0.1 s means 20 tasks a second, 0.01 s means over 130.
- pgmq keeps five fields of a connection string and drops the rest. Options such as
  sslmode reach libpq through its environment (PGSSLMODE, PGSSLROOTCERT).
"""

import psycopg
from kombu.entity import Queue
from pgmq.install import install_pgmq_from_sql
from psycopg.conninfo import make_conninfo

from appliance.embedded.postgres import APP

NAME = "celery"


def transport_options(database_url: str, visibility_timeout: int) -> dict[str, object]:
    """How kombu reaches the queue in the database at `database_url`.

    A message that was taken and not acknowledged shows up again after
    `visibility_timeout` seconds, which must exceed the longest a task may run.
    """
    return {
        "conn_string": _in_words(database_url),
        "init_extension": False,
        "visibility_timeout": visibility_timeout,
        "wait_time_seconds": 1,
        "poll_interval_ms": 50,
        "polling_interval": 0.01,
        "pool_size": 4,
    }


def existing_queue() -> Queue:
    """The one queue, which `install` made."""
    return Queue(NAME, no_declare=True)  # type: ignore[no-untyped-call]


def install(owner_url: str) -> None:
    """Create the schema, the queue and the application role's rights, unless they exist."""
    with psycopg.connect(owner_url) as connection:
        found = connection.execute("SELECT to_regnamespace('pgmq') IS NOT NULL").fetchone()
        if found == (True,):
            return
        install_pgmq_from_sql(conn=connection)
        connection.execute("SELECT pgmq.create(%s)", [NAME])
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP]).fetchone():
            return  # one role for everything: it owns the queue
        connection.execute(f"GRANT USAGE ON SCHEMA pgmq TO {APP}")
        connection.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgmq TO {APP}"
        )
        connection.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA pgmq TO {APP}")


def _in_words(url: str) -> str:
    """A URI as `key=value` words: the only form in which pgmq accepts a socket's directory."""
    return make_conninfo(url, port=psycopg.conninfo.conninfo_to_dict(url).get("port", 5432))
