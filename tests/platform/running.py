"""The real thing for tests: `manage.py up` as a child, and a view of its process tree."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from appliance.embedded import process
from appliance.embedded.postgres import APP, OWNER, Cluster

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "BROKER_URL", "COUNTERSIGN_DATA")

# How each program of the tree is told from the others in its command line.
MARKS = {
    "postgres": "bin/postgres -D",
    "site": "gunicorn",
    "worker": "appliance worker",
    "beat": "appliance beat",
}


class Appliance:
    """One appliance on one data directory, on a port of its own.

    `prefix` goes before the interpreter (to become another user), `env` into the environment.
    """

    def __init__(
        self,
        data: Path,
        *,
        prefix: Sequence[str] = (),
        python: str = sys.executable,
        env: dict[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        self.env = inherited | (env or {}) | {"COUNTERSIGN_DATA": str(data)}
        self._python = [*prefix, python]
        self._printed = data.parent / "up.log"

    @property
    def database_url(self) -> str:
        """The database as the site's own role."""
        return Cluster(self.data).url(APP)

    @property
    def owner_url(self) -> str:
        """The database as the role that owns the tables."""
        return Cluster(self.data).url(OWNER)

    @property
    def output(self) -> str:
        """All that the launcher has printed."""
        return self._printed.read_text()

    def start(self, *options: str, seconds: float = 90) -> float:
        """Start it, wait until it answers, and say how many seconds that took."""
        begun = time.monotonic()
        where = ("--data", str(self.data), "--port", str(self.port))
        with self._printed.open("ab") as printed:
            self.launcher = process.start(
                [*self._python, "manage.py", "up", *where, *options],
                cwd=CHECKOUT,
                env=self.env,
                stdout=printed,
                stderr=printed,
            )
        wait_until(lambda: self.launcher.poll() is not None or self.answers(), seconds)
        assert self.launcher.poll() is None, self.output
        return time.monotonic() - begun

    def manage(self, *arguments: str) -> str:
        """Run a management command beside the appliance and return what it prints."""
        command = [*self._python, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.env, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def stop(self, signum: int = signal.SIGINT) -> None:
        """End the launcher and see to it that nothing of its tree is left."""
        tree = self.pids()
        self.launcher.send_signal(signum)
        self.launcher.wait(60)
        wait_until(lambda: not any(alive(pid) for pid in tree), 10)

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url, timeout=10).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def database_answers(self) -> bool:
        """False while PostgreSQL is away or recovering."""
        try:
            psycopg.connect(self.database_url).close()
        except psycopg.OperationalError:
            return False
        return True

    def pids(self) -> list[int]:
        """The launcher and everything below it."""
        return [self.launcher.pid, *below(self.launcher.pid)]

    def pid_of(self, program: str, seconds: float = 60) -> int:
        """The process that is `program` (a key of MARKS), waiting for it while it restarts."""

        def found() -> list[int]:
            children = _children(self.launcher.pid)
            return [pid for pid in children if MARKS[program] in command_line(pid)]

        wait_until(found, seconds)
        return found()[0]


def wait_until(true: Callable[[], object], seconds: float) -> None:
    """Return as soon as `true()` is; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether a process still runs; one that ended and was not yet reaped does not."""
    return _status(pid)[:1] not in ([], ["Z"])


def below(pid: int) -> list[int]:
    return [each for child in _children(pid) for each in (child, *below(child))]


def _children(pid: int) -> list[int]:
    everyone = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [other for other in everyone if _status(other)[1:2] == [str(pid)]]


def _status(pid: int) -> list[str]:
    """State and parent, as /proc/PID/stat gives them after the program's name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
