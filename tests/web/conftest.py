"""The cast in front of the pages, and models in the states that pages must tell apart."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detectors import recording
from governance.audit import log
from governance.models import Model, Version
from governance.senders import Caller
from tests import cast
from tests.detectors.world import OLDER, ORDINARY, World

Shares = dict[str, np.ndarray]

MOST_QUERIES = 40
COLLECTOR = Caller("token:1", "collector", frozenset({"upload"}), None, False)


@pytest.fixture(autouse=True)
def data_directory(settings: LazySettings, tmp_path: Path) -> Path:
    """Keys and the log's mark end with the test."""
    settings.COUNTERSIGN_DATA = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path


@pytest.fixture
def ada(db: None) -> Client:
    """Ada develops a model."""
    return cast.enter("ada")


@pytest.fixture
def ben(db: None) -> Client:
    """Ben owns and operates it."""
    return cast.enter("ben")


@pytest.fixture
def dan(db: None) -> Client:
    """Dan sets policies."""
    return cast.enter("dan")


@pytest.fixture
def cleo(db: None) -> Client:
    """Cleo audits."""
    return cast.enter("cleo")


@pytest.fixture
def rita(db: None) -> Client:
    """Rita administers."""
    return cast.enter("rita")


@pytest.fixture
def eve(db: None) -> Client:
    """Eve has no account."""
    return Client()


@pytest.fixture
def loans(db: None) -> World:
    """Ada's model `loans` with a baseline, and nothing sent yet."""
    return watched("loans")


def watched(model: str, version: str = "1", owner: str = "Ada") -> World:
    """A version with a baseline."""
    row = Model.objects.create(name=model, owner=owner)
    world = World(Version.objects.create(model=row, name=version, digest="d" * 64), COLLECTOR)
    world.baseline()
    return world


def weeks(world: World, count: int, shares: Shares = ORDINARY, *, first: int = 0) -> None:
    """Send and examine some weeks."""
    for number in range(first, first + count):
        world.send(world.window(number, shares))
        examine_all()


def drifted(world: World) -> None:
    """Two ordinary weeks, then older applicants until it can't be chance; the log is sealed."""
    weeks(world, 2)
    weeks(world, 4, OLDER, first=2)
    log.seal()


def labelled(world: World, number: int, bias: float = 0.0) -> None:
    """One more week whose labels are known."""
    window = world.window(number)
    world.send(window)
    examine_all()
    world.send(world.outcomes(window, bias))
    examine_all()


def queries_of(client: Client, address: str) -> int:
    """How many queries a page takes."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def examine_all() -> None:
    for window in recording.overdue(timezone.now() + timedelta(days=1)):
        recording.examine_and_record(window)
