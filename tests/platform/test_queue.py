"""The queue in PostgreSQL: no extension, few rights, and no message lost with its worker."""

import os
import subprocess
import sys

import psycopg
import pytest

from appliance.embedded import process, queue
from appliance.embedded.postgres import APP, OWNER, Cluster
from tests.platform.running import CHECKOUT, wait_until

WORKER = (
    *("-m", "celery", "-A", "tests.platform.queue_app", "worker", "--concurrency", "2"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
SEND = """
import sys
from tests.platform.queue_app import kill_the_worker_once, note
directory = sys.argv[1]
for number in range(20):
    note.delay(directory, number)
kill_the_worker_once.delay(directory)
for number in range(20, 40):
    note.delay(directory, number)
"""


@pytest.fixture(scope="module")
def queue_url(cluster: Cluster) -> str:
    """A database with a queue in it, as the application's role."""
    queue.install(cluster.url(OWNER))
    queue.install(cluster.url(OWNER))  # a second start finds it there
    return cluster.url(APP)


def test_a_worker_killed_in_the_middle_of_a_task_loses_nothing(queue_url, tmp_path):
    env = os.environ | {"DATABASE_URL": queue_url}
    subprocess.run([sys.executable, "-c", SEND, tmp_path], cwd=CHECKOUT, env=env, check=True)
    first = process.start([sys.executable, *WORKER], cwd=CHECKOUT, env=env)
    assert first.wait(60) == -9
    second = process.start([sys.executable, *WORKER], cwd=CHECKOUT, env=env)
    try:
        expected = {"struck", "survived", *map(str, range(40))}
        wait_until(lambda: {path.name for path in tmp_path.iterdir()} == expected, 60)
        wait_until(lambda: waiting(queue_url) == 0, 10)
    finally:
        second.terminate()
        second.wait(60)


def test_the_application_role_may_use_the_queue_and_change_nothing_about_it(queue_url):
    with psycopg.connect(queue_url, autocommit=True) as connection:
        for statement in ("SELECT pgmq.create('mine')", "SELECT pgmq.drop_queue('celery')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def waiting(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM pgmq.q_{queue.NAME}").fetchone()
    assert found is not None
    return int(found[0])
