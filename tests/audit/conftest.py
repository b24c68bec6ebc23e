"""A log of its own for every test: its name, its key and its high-water mark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction

from countersign.tlog import note
from governance.audit import entries, keys, log
from governance.models import Checkpoint, Entry

ORIGIN = "appliance.example/audit"

Record = Callable[..., list[Entry]]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings) -> Path:
    """The data directory of this test's log."""
    settings.COUNTERSIGN_DATA = tmp_path / "data"
    settings.COUNTERSIGN_ORIGIN = ORIGIN
    return tmp_path / "data"


@pytest.fixture
def record() -> Record:
    """Ada's statements arrive: so many entries, each in a transaction of its own."""

    def accept(count: int = 1) -> list[Entry]:
        recorded = []
        for number in range(count):
            with transaction.atomic():
                recorded.append(
                    entries.record("window.accepted", actor="key:ada0", version=7, shard=number)
                )
        return recorded

    return accept


def published() -> note.Checkpoint:
    """What the log promises in public, verified as anybody would."""
    checkpoint = log.published_checkpoint()
    assert checkpoint is not None
    return note.open_checkpoint(checkpoint.note.encode(), [keys.verifier_key()])


def signed_size() -> int:
    """How many entries were signed, published or not; 0 for none."""
    checkpoint = Checkpoint.objects.order_by("size").last()
    return checkpoint.size if checkpoint else 0
