"""The appliance starts, stops, is killed and comes back, and loses nothing by it."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.platform.running import (
    CHECKOUT,
    MARKS,
    Appliance,
    alive,
    below,
    command_line,
    wait_until,
)

OPEN = f"open({psycopg.__file__!r})"


def test_ctrl_c_and_kill_leave_no_process_and_lose_no_row(tmp_path):
    appliance = Appliance(tmp_path / "data")
    appliance.start()
    with psycopg.connect(appliance.owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (what text)")
    appliance.stop(signal.SIGINT)

    appliance.start()
    with psycopg.connect(appliance.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO kept VALUES ('acknowledged')")
        appliance.stop(signal.SIGKILL)

    appliance.start()
    with psycopg.connect(appliance.database_url) as connection:
        assert connection.execute("SELECT what FROM kept").fetchall() == [("acknowledged",)]
    appliance.stop(signal.SIGTERM)


def test_a_second_copy_on_the_same_data_is_refused_in_one_line(running_appliance):
    second = subprocess.run(
        [sys.executable, "manage.py", "up", "--data", running_appliance.data, "--port", "1"],
        env=running_appliance.env,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert "another Countersign already runs on" in second.stderr
    assert len((second.stdout + second.stderr).splitlines()) == 1
    assert running_appliance.answers()


@pytest.mark.parametrize("program", MARKS)
def test_a_killed_program_takes_its_workers_along_and_is_started_again(running_appliance, program):
    before = running_appliance.pid_of(program)
    workers = below(before)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in workers), 5)
    assert running_appliance.pid_of(program) != before
    wait_until(running_appliance.answers, 30)
    wait_until(running_appliance.database_answers, 30)


def test_secrets_are_private_and_in_no_log_or_command_line(running_appliance):
    secrets = list((running_appliance.data / "secrets").iterdir())
    assert {"django", "countersign_app", "countersign_owner"} <= {path.name for path in secrets}
    logs = b"".join(path.read_bytes() for path in (running_appliance.data / "logs").iterdir())
    commands = "".join(command_line(pid) for pid in running_appliance.pids())
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        value = path.read_text().strip()
        assert value.encode() not in logs
        assert value not in commands
    for directory in (running_appliance.data, running_appliance.data / "secrets"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_application_role_cannot_change_a_table(running_appliance):
    with (
        psycopg.connect(running_appliance.database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("ALTER TABLE django_session ADD COLUMN sly text")


def test_postgres_listens_on_no_port(running_appliance):
    with psycopg.connect(running_appliance.database_url) as connection:
        shown = connection.execute("SHOW listen_addresses").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    assert (shown, fsync) == (("",), ("on",))


@pytest.fixture
def nobodys_directory() -> Iterator[Path]:
    """A directory that an ordinary user owns and can reach."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    account = pwd.getpwnam("nobody")
    os.chown(directory, account.pw_uid, account.pw_gid)
    yield directory
    shutil.rmtree(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here runs as an ordinary user")
def test_it_runs_as_an_ordinary_user(nobodys_directory):
    account = pwd.getpwnam("nobody")
    become = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    python = _reachable_python(become)
    packages = f"{Path(psycopg.__file__).parents[1]}:{CHECKOUT / 'collector' / 'src'}"
    appliance = Appliance(
        nobodys_directory / "data",
        prefix=become,
        python=python,
        env={"PYTHONPATH": packages, "HOME": str(nobodys_directory)},
    )
    appliance.start()
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in appliance.pids()} == {account.pw_uid}
    appliance.stop(signal.SIGKILL)


def _reachable_python(become: list[str]) -> str:
    """An interpreter that the ordinary user can run: this one, or Debian's with our packages.

    It has to start itself once more: setpriv still has root's reach when it starts a program.
    """
    again = f"import subprocess as s, sys; s.run([sys.executable, '-c', {OPEN!r}], check=True)"
    for python in (sys.executable, "/usr/bin/python3.11"):
        if subprocess.run([*become, python, "-c", again], capture_output=True).returncode == 0:
            return python
    pytest.skip("an ordinary user can reach no Python here with these packages")
