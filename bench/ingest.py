"""How many uploads a second are accepted, against bare inserts into the same PostgreSQL.

    .venv/bin/python bench/ingest.py

An accepted upload is a signed window of 200 columns, each of another hour: envelope verified,
statement parsed and checked, then one transaction that keeps the statement, its log entry and the
window. A bare insert puts the same bytes into a table of their own, one transaction each. All
commits go to disk. Clients, server and database share the machine.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
from fresh_site import ROOT, fresh_site, keep

from appliance.embedded import queue
from appliance.embedded.postgres import APP, OWNER, Cluster

COLUMNS, BINS = 200, 17  # 20 cells each, with missing, invalid, below and above
UPLOADS, ROUNDS = 150, 3
CLIENTS = 4
HOUR = timedelta(hours=1)
ENVELOPE = "application/vnd.dsse+json"

Post = Callable[[bytes], int]


def main() -> None:
    """Measure every way in the same run, in turns, so that the machine's moods even out."""
    with fresh_site() as cluster:
        queue.install(cluster.url(OWNER))
        uploads = enrolled_uploads()
        with bare_table(cluster) as insert, gunicorn(cluster) as port:
            payloads = [next(uploads) for _ in range(UPLOADS)]
            ways: dict[str, Callable[[], float]] = {
                "bare_inserts": lambda: per_second([insert], payloads),
                "in_process": lambda: per_second([in_process()], batch(uploads)),
                "gunicorn_1_client": lambda: per_second(over_http(port, 1), batch(uploads)),
                "gunicorn_4_clients": lambda: per_second(over_http(port, CLIENTS), batch(uploads)),
            }
            for way in ways.values():
                way()  # caches fill, code is loaded
            rounds = [{name: way() for name, way in ways.items()} for _ in range(ROUNDS)]
            cpu = cpu_milliseconds(in_process(), batch(uploads))
    median = {name: sorted(r[name] for r in rounds)[ROUNDS // 2] for name in ways}
    keep(
        "ingest",
        {
            "unit": "per second, median of 3 rounds of 150",
            "envelope_bytes": len(payloads[0]),
            "columns": COLUMNS,
            "load_average_of_the_machine": round(os.getloadavg()[0], 1),
            **{name: round(value) for name, value in median.items()},
            "share_of_bare_inserts": round(
                median["gunicorn_4_clients"] / median["bare_inserts"], 3
            ),
            "cpu_ms_per_upload_in_process": round(cpu, 1),
        },
    )


def enrolled_uploads() -> Iterator[bytes]:
    """Envelopes of valid windows, each of another hour, of a version with 200 columns."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from django.utils import timezone

    from countersign import dsse
    from countersign.tables import Column
    from detectors import intake, plans
    from governance import registry, senders
    from tests.builders import VERSION_DIGEST, a_baseline, a_statement, a_tally, a_window

    key = Ed25519PrivateKey.generate()
    token = senders.issue_one_time_token("enrol", actor="countersign")
    public = key.public_key().public_bytes_raw()
    sender, _ = senders.enrol_key(token, name="bench", public_key=public)
    registry.register_model("loans", actor="countersign")
    version, _ = registry.register_version("loans", "1", VERSION_DIGEST, actor="countersign")
    edges = [float(i) for i in range(BINS + 1)]
    columns = [
        Column(name=f"x{i}", role="feature", kind="numeric", edges=edges) for i in range(COLUMNS)
    ]
    tally = a_tally(100_000, columns)
    baseline = a_statement(
        a_baseline(columns=columns, total=tally, threshold=None, labels=None, windows=[])
    )
    upload = intake.Upload(baseline, [], senders.signer(sender), timezone.now())
    plan = plans.plan_digest_of(intake.accept_baseline(upload, version).digest)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    for i in count():
        window = a_window(
            plan, tally=tally, start=start + i * HOUR, end=start + (i + 1) * HOUR, replay=True
        )
        yield dsse.sign(a_statement(window), key)


def batch(uploads: Iterator[bytes]) -> list[bytes]:
    """The next uploads, made before the clock starts."""
    return [next(uploads) for _ in range(UPLOADS)]


def per_second(posts: Sequence[Post], bodies: Sequence[bytes]) -> float:
    """How many bodies a second the clients get through; every one must be accepted."""

    def run(i: int) -> set[int]:
        return {posts[i](body) for body in bodies[i :: len(posts)]}

    begin = time.perf_counter()
    with ThreadPoolExecutor(len(posts)) as pool:
        statuses = set.union(*pool.map(run, range(len(posts))))
    seconds = time.perf_counter() - begin
    assert statuses == {202}, statuses
    return len(bodies) / seconds


def cpu_milliseconds(post: Post, bodies: Sequence[bytes]) -> float:
    """Computing time of one upload in Python alone, whatever else the machine does."""
    begin = time.process_time()
    assert {post(body) for body in bodies} == {202}
    return 1000 * (time.process_time() - begin) / len(bodies)


@contextmanager
def bare_table(cluster: Cluster) -> Iterator[Post]:
    """Inserts into a table with nothing but a number and the bytes; each commits."""
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, body bytea NOT NULL)")

        def insert(body: bytes) -> int:
            connection.execute("INSERT INTO bare (body) VALUES (%s)", [body])
            return 202

        yield insert


def in_process() -> Post:
    """The view without a server."""
    from django.test import Client

    client = Client()

    def post(body: bytes) -> int:
        answer: Any = client.post("/api/v1/windows", data=body, content_type=ENVELOPE)
        return int(answer.status_code)

    return post


@contextmanager
def gunicorn(cluster: Cluster) -> Iterator[int]:
    """The site as `manage.py up` serves it, with its queue in the database; the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = ("--config", "python:appliance.embedded.gunicorn_settings")
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *settings, "--bind", f"127.0.0.1:{port}"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": cluster.url(APP), "BROKER_URL": "pgmq://"},
    )
    try:
        await_port(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def await_port(port: int, seconds: float = 30) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def over_http(port: int, clients: int) -> list[Post]:
    """Clients over loopback, each with a connection that it keeps."""

    def client() -> Post:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def post(body: bytes) -> int:
            connection.request("POST", "/api/v1/windows", body, {"Content-Type": ENVELOPE})
            response = connection.getresponse()
            response.read()
            return response.status

        return post

    return [client() for _ in range(clients)]


if __name__ == "__main__":
    main()
