"""The process tree of an appliance on one machine.

    manage.py up
    ├── postgres            unless DATABASE_URL names another one
    ├── site                gunicorn and its workers, on 127.0.0.1
    ├── worker              Celery and its pool
    └── beat                Celery's clock

Everything below dies with this process, however it ends: each child is bound to its parent
by the kernel (`process.py`). Nothing is lost by that, because what was acknowledged is in
PostgreSQL, which recovers from its log at the next start.
"""

import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from appliance.embedded import environment, process, queue, supervision
from appliance.embedded.logs import open_log
from appliance.embedded.secrets import CHECKOUT, data_directory
from appliance.embedded.supervision import Child, say

TICK = 0.1  # seconds between two looks at the children
PATIENCE = 90  # seconds for the site's first answer
FAREWELL = 15  # seconds for the requests and tasks under way when we stop
PORT_RELEASE = 5  # seconds in which a predecessor that was killed gives up its port

MIGRATE = ("manage.py", "migrate", "--no-input", "--skip-checks")
CELERY = ("-m", "celery", "-A", "appliance")


class CannotStart(Exception):
    """The appliance cannot start; the message says why and what to do."""


def serve(port: int, announce: Callable[[], None], *, demo: bool) -> None:
    """Run the appliance in the foreground until Ctrl-C, SIGTERM or a closed terminal.

    `announce` is called once, as soon as the site answers; then, with `demo`, the demo runs.
    """
    os.umask(0o077)
    _on_signals(signal.default_int_handler)  # also when a shell started us with SIGINT ignored
    try:
        with _alone_in(data_directory()), _database() as database:
            _require_free(port)
            _migrate()
            with _programs(port) as programs:
                _await_site(port, [*database, programs[0]])  # alone, to be there sooner
                announce()
                _watch([*database, *programs], _start_demo(port) if demo else None)
    except KeyboardInterrupt:
        say("Stopped.")


@contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    """Hold the lock on the data directory; the kernel gives it back however we end."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another Countersign already runs on {data}; stop it, or choose another --data"
            ) from None
        yield


@contextmanager
def _database() -> Iterator[list[Child]]:
    """The embedded PostgreSQL, ready and with its roles; nothing when it is somebody else's."""
    cluster = environment.embedded_cluster()
    if cluster is None:
        yield []
        return
    cluster.prepare()
    server = cluster.start()
    database = Child("postgres", cluster.start, server)
    try:
        cluster.wait_until_ready(server)
        cluster.ensure_roles()
        yield [database]
    finally:
        _on_signals(signal.SIG_IGN)
        if database.process is not None:
            cluster.stop(database.process)


@contextmanager
def _programs(port: int) -> Iterator[list[Child]]:
    """The site, the worker and the clock; at the end they finish what they are doing."""
    commands = {
        "site": (
            *("-m", "gunicorn", "--config", "python:appliance.embedded.gunicorn_settings"),
            *("--bind", f"127.0.0.1:{port}"),
        ),
        "worker": (
            *(*CELERY, "worker", "--pool", "prefork", "--concurrency", "2"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        "beat": (*CELERY, "beat"),
    }
    programs = [Child(name, partial(_program, name, *rest)) for name, rest in commands.items()]
    try:
        yield programs
    finally:
        _on_signals(signal.SIG_IGN)
        supervision.stop(programs, FAREWELL)


def _program(name: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start a Python program in the checkout, with a log of its own."""
    with open_log(data_directory() / "logs" / f"{name}.log") as log:
        return process.start([sys.executable, *arguments], cwd=CHECKOUT, stdout=log, stderr=log)


def _migrate() -> None:
    """Bring the tables, and the queue if it is in the database, up to date, as their owner.

    Looking first, in this process, spares a warm start the second and a half of another one.
    """
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.close()
    if waiting and _program("migrate", *MIGRATE).wait() != 0:
        log = data_directory() / "logs" / "migrate.log"
        raise CannotStart(f"the database could not be migrated; see {log}")
    if environment.queue_is_in_database():
        queue.install(environment.owner_url())


def _require_free(port: int) -> None:
    deadline = time.monotonic() + PORT_RELEASE
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); "
                        "choose another --port"
                    ) from None
        time.sleep(TICK)


def _await_site(port: int, children: list[Child]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _answers(port):
        if time.monotonic() > deadline:
            raise CannotStart(f"the site does not answer; see {data_directory()}/logs/site.log")
        _tick(children)


def _answers(port: int) -> bool:
    request = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        request.request("GET", "/")
        request.getresponse()
    except OSError:
        return False
    finally:
        request.close()
    return True


def _start_demo(port: int) -> subprocess.Popen[bytes]:
    url = f"http://127.0.0.1:{port}"
    return process.start([sys.executable, "-m", "appliance.demo", "--url", url], cwd=CHECKOUT)


def _watch(children: list[Child], demo: subprocess.Popen[bytes] | None) -> None:
    """Keep everything running, for ever. The demo runs once."""
    while True:
        _tick(children)
        if demo is not None and (code := demo.poll()) is not None:
            if code != 0:
                say(f"The demo ended early (exit code {code}); the appliance goes on.")
            demo = None


def _tick(children: list[Child]) -> None:
    for child in children:
        child.keep_alive()
    time.sleep(TICK)


def _on_signals(handler: Any) -> None:
    """What to do on Ctrl-C, SIGTERM and a closed terminal.

    At first all three mean KeyboardInterrupt. While we are stopping they mean nothing: a
    second Ctrl-C must not cut short what is being written.
    """
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, handler)
