"""A version with its reference, and a collector that may send for it."""

import pytest

from governance.models import Model, Version
from governance.senders import Caller
from tests.detectors.world import World


@pytest.fixture
def world(transactional_db) -> World:
    """Ada's model `loans`, version 1, with 20 reference weeks; windows are sent by hand."""
    model = Model.objects.create(name="loans", owner="Ada")
    version = Version.objects.create(model=model, name="1", digest="d" * 64)
    caller = Caller("token:1", "collector", frozenset({"upload"}), None, False)
    world = World(version, caller)
    world.baseline()
    return world
