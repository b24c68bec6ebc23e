"""A log with everything in it, on disk, as an outsider gets it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client

from countersign.tlog import note
from governance.audit import entries, keys, log, witnesses
from governance.audit.export import export_log
from governance.models import Entry
from tests.tlog.witnesses import KEY, witnessing

EARLIER, ENTRIES = 300, 600


@dataclass(frozen=True)
class Outside:
    """What an auditor holds: the export, the key, an earlier checkpoint, proofs from the site."""

    directory: Path
    key: note.Key
    earlier: Path
    hashes: Path
    proof: Path
    entry: Path


@pytest.fixture
def outside(db: None, tmp_path: Path, settings: LazySettings) -> Outside:
    """600 entries, sealed twice, witnessed and exported; proofs of consistency and inclusion."""
    settings.COUNTERSIGN_DATA = tmp_path / "data"
    settings.COUNTERSIGN_ORIGIN = "appliance.example/audit"
    earlier, hashes, proof, entry = (
        tmp_path / name for name in ("old", "hashes", "proof", "entry")
    )
    _record(EARLIER)
    earlier.write_bytes(_get("/log/checkpoint"))
    _record(ENTRIES - EARLIER - 1)
    with witnessing(tmp_path / "w", keys.verifier_key()) as url:
        witness = witnesses.add(url, KEY.vkey, actor="user:1")
        log.seal()
        witnesses.ask_witness(witness.pk)
    checkpoint = export_log(tmp_path / "export", actor="user:1")
    told = json.loads(_get(f"/api/v1/log/consistency/{EARLIER}/{checkpoint.size}"))
    hashes.write_text("\n".join(told["proof"]))
    proof.write_bytes(_get("/api/v1/log/proofs/299"))
    entry.write_bytes(bytes(Entry.objects.get(leaf__index=299).body))
    return Outside(tmp_path / "export", keys.verifier_key(), earlier, hashes, proof, entry)


def _record(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            entries.record("window.accepted", actor="key:ada0", version=7, shard=number)
    log.seal()


def _get(address: str) -> bytes:
    answer = Client().get(address)
    assert answer.status_code == 200, answer.content
    content: bytes = answer.content
    return content
