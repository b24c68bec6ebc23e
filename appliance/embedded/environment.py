"""What the environment leaves unsaid about where things are.

`manage.py` calls `complete` before Django reads its settings, so that every command and
every process started by `manage.py up` finds the same database, queue and secrets.
"""

import argparse
import os
from pathlib import Path

from appliance.embedded.postgres import APP, OWNER, Cluster
from appliance.embedded.secrets import data_directory, secret


def complete(arguments: list[str]) -> None:
    """Set what `arguments` (`manage.py`'s, without the program's name) and defaults imply.

    Only `up` makes anything on disk. Other commands use the embedded database if there is one.
    """
    starting = arguments[:1] == ["up"]
    if starting and (chosen := _chosen_directory(arguments)):
        os.environ["COUNTERSIGN_DATA"] = chosen
    data = data_directory()
    os.environ["COUNTERSIGN_DATA"] = str(data)
    if starting:
        secret("django", data)
    if "DATABASE_URL" not in os.environ and (data / "secrets").exists():
        os.environ["DATABASE_URL"] = Cluster(data).url(APP)
        os.environ["DATABASE_OWNER_URL"] = Cluster(data).url(OWNER)
    os.environ.setdefault("BROKER_URL", "pgmq://localhost")


def embedded_cluster() -> Cluster | None:
    """The PostgreSQL that is ours to start; None when DATABASE_URL names somebody else's."""
    cluster = Cluster(data_directory())
    return cluster if os.environ["DATABASE_URL"] == cluster.url(APP) else None


def owner_url() -> str:
    """The database as its owner; a site with one role for everything names it once."""
    return os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])


def queue_is_in_database() -> bool:
    return os.environ["BROKER_URL"].startswith("pgmq://")


def _chosen_directory(arguments: list[str]) -> str | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data")
    chosen: str | None = parser.parse_known_args(arguments)[0].data
    return str(Path(chosen).resolve()) if chosen else None
