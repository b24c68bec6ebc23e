"""The formats: their docstrings run, and they give the bytes that other implementations give."""

import base64
import doctest
import json
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign import dsse
from countersign.tlog import note, tiles, tree, verify
from governance.audit import entries

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "log.json").read_text("utf-8"))


@pytest.mark.parametrize("module", [tree, tiles, note, verify, entries, dsse])
def test_the_worked_examples_of_a_format_hold(module: ModuleType):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_roots_and_proofs_are_the_known_answers():
    leaves = [tree.leaf_hash(text.encode()) for text in VECTORS["leaves"]]
    over = tree.over(leaves)
    assert [tree.root(leaves[: n + 1]).hex() for n in range(3)] == VECTORS["roots"]
    assert [h.hex() for h in tree.inclusion_proof(1, 3, over)] == VECTORS["inclusion_of_1_in_3"]
    consistency = tree.consistency_proof(2, 3, over)
    assert [h.hex() for h in consistency] == VECTORS["consistency_of_2_with_3"]


def test_the_signed_checkpoint_is_the_known_answer():
    vector = VECTORS["log"]
    private = Ed25519PrivateKey.from_private_bytes(bytes([vector["seed_byte"]]) * 32)
    checkpoint = note.Checkpoint(vector["name"], 3, bytes.fromhex(VECTORS["roots"][2]))
    assert note.Key.of(vector["name"], private.public_key()).vkey == vector["vkey"]
    assert note.sign(checkpoint.text, vector["name"], private) == vector["checkpoint"]


def test_the_witness_line_is_the_known_answer_and_verifies_beside_the_logs_own():
    vector = VECTORS["witness"]
    private = Ed25519PrivateKey.from_private_bytes(bytes([vector["seed_byte"]]) * 32)
    text, _ = note.parse_note(VECTORS["log"]["checkpoint"].encode())
    line = note.witness_line(text, vector["name"], private, vector["seconds"])
    assert line == vector["line"]

    witness = note.Key.of(vector["name"], private.public_key(), note.WITNESSED)
    log = note.parse_vkey(VECTORS["log"]["vkey"])
    both = (VECTORS["log"]["checkpoint"] + line).encode()
    assert note.open_note(both, [note.parse_vkey(witness.vkey), log])[1] == [log, witness]
    later = note.witness_line(text, vector["name"], private, vector["seconds"] + 1)
    # The time of one line with the signature of the other.
    mixed = base64.b64decode(later.split(" ")[2])[:12] + base64.b64decode(line.split(" ")[2])[12:]
    forged = f"— {vector['name']} {base64.b64encode(mixed).decode()}\n"
    with pytest.raises(note.NoteError, match=r"note\.signature"):
        note.open_note((VECTORS["log"]["checkpoint"] + forged).encode(), [witness, log])
