"""Verifiers that nobody here wrote take what we export, and refuse it with one bit flipped."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import metamorphic_log
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import LazySettings
from django.test import Client

from countersign import dsse
from countersign.tlog import note, tree
from governance.audit import log
from governance.senders import issue_token
from governance.signoff.keys import summary_key
from tests.builders import a_baseline, a_statement
from tests.signoff.cast import Cast
from tests.signoff.conftest import cast as cast
from tests.tlog.witnesses import KEY

from . import tools
from .conftest import Outside

ADA = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)


Command = Sequence[str | Path]


def assert_verifies(command: Command) -> None:
    done = tools.run(command)
    assert (done.returncode, done.stdout) == (0, "verified\n"), done.stderr


def assert_refused(command: Command) -> None:
    assert tools.run(command).returncode == 1


def with_a_flipped_bit(path: Path) -> Iterator[None]:
    """The file with one bit of its first, of its last and of some other byte flipped, in turn."""
    content = path.read_bytes()
    for at in {0, random.Random(path.name).randrange(len(content)), len(content) - 1}:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        yield
    path.write_bytes(content)


def test_gos_checksum_database_code_takes_the_export_and_no_altered_one(outside: Outside) -> None:
    go = tools.go_verifier()
    command: Command = [go, "log", outside.directory, outside.key.vkey]
    assert_verifies(command)
    files = [outside.directory / "checkpoint", *(outside.directory / "tile").rglob("*")]
    for path in (path for path in files if path.is_file()):
        for _ in with_a_flipped_bit(path):
            assert_refused(command)
    assert_verifies(command)


def test_gos_code_takes_our_proofs_and_no_altered_ones(outside: Outside) -> None:
    go, vkey = tools.go_verifier(), outside.key.vkey
    inclusion: Command = [go, "inclusion", outside.proof, outside.entry, vkey]
    newer = outside.directory / "checkpoint"
    consistency: Command = [go, "consistency", outside.earlier, newer, outside.hashes, vkey]
    assert_verifies(inclusion)
    # Whoever doesn't know the witness passes its line over, whatever it says: so without it.
    signed, _, _ = outside.proof.read_text().partition(f"— {KEY.name}")
    outside.proof.write_text(signed)
    for command, files in (
        (inclusion, (outside.proof, outside.entry)),
        (consistency, (outside.earlier, outside.hashes)),
    ):
        assert_verifies(command)
        for path in files:
            for _ in with_a_flipped_bit(path):
                assert_refused(command)


def test_metamorphic_log_takes_checkpoints_and_proofs(outside: Outside) -> None:
    vkey = outside.key.vkey
    older, newer = outside.earlier.read_text(), (outside.directory / "checkpoint").read_text()
    hashes = [note.parse_hash(line) for line in outside.hashes.read_text().split()]
    metamorphic_log.checkpoint_verify_consistency(older, newer, [vkey], hashes)
    proof = note.parse_proof(outside.proof.read_bytes())
    leaf = tree.leaf_hash(outside.entry.read_bytes())
    included: Callable[..., None] = metamorphic_log.checkpoint_verify_inclusion
    included(proof.checkpoint.decode(), [vkey], proof.index, leaf, proof.hashes)
    for wrong in (hashes[::-1], hashes[1:], [bytes(32), *hashes[1:]]):
        with pytest.raises(metamorphic_log.VerifyError):
            metamorphic_log.checkpoint_verify_consistency(older, newer, [vkey], wrong)
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.checkpoint_verify(newer.replace("60", "61", 1), [vkey])


def test_sigstore_takes_every_envelope_that_the_gate_hands_out(
    cast: Cast, tmp_path: Path, settings: LazySettings
) -> None:
    settings.COUNTERSIGN_DATA = tmp_path / "data"
    cast.approved()
    log.seal()
    reader = {"Authorization": f"Bearer {issue_token('ci', ['read'], actor='user:1')}"}
    answer = Client().get(f"/api/v1/gate?digest={cast.version.digest}", headers=reader)
    assert answer.status_code == 200, answer.content
    told, file = answer.json(), tmp_path / "envelope.json"
    approvers = [cast.vera.key.public_key(), cast.paul.key.public_key()]
    signed = [(told["agreement"], key) for key in approvers]
    signed += zip(told["decisions"], approvers, strict=True)
    signed += [(told["summary"], summary_key().public_key())]
    for envelope, key in signed:
        hint = dsse.keyid(key)
        [own] = [each for each in envelope["signatures"] if each["keyid"] == hint]
        command: Command = [*tools.sigstore_verifier(), file, key.public_bytes_raw().hex()]
        file.write_text(json.dumps(envelope | {"signatures": [own]}))
        assert_verifies(command)
    file.write_text(json.dumps(envelope | {"signatures": [own], "payload": "e30="}))
    assert_refused(command)


def test_sigstore_takes_our_envelopes_and_no_altered_ones(tmp_path: Path) -> None:
    file = tmp_path / "envelope.json"
    file.write_bytes(dsse.sign(a_statement(a_baseline()), ADA))
    public = ADA.public_key().public_bytes_raw()
    command = [*tools.sigstore_verifier(), file, public.hex()]
    assert_verifies(command)
    assert_refused([*command[:-1], bytes(32).hex()])
    right = json.loads(file.read_bytes())
    signature = right["signatures"][0]
    for wrong in (
        right | {"payload": "e30="},
        right | {"payloadType": "text/plain"},
        right | {"signatures": [signature | {"sig": "A" + signature["sig"][1:]}]},
    ):
        file.write_text(json.dumps(wrong))
        assert_refused(command)
