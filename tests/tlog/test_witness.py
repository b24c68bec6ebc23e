"""A witness signs growth and nothing else, also after a restart, and whatever is posted."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countersign.tlog import mark, note, tree, witness
from countersign.tlog.witness import STATUS_OF, Witness, WitnessRefused, encode_submission

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "log.json").read_text("utf-8"))
LOG = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
EVE = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
LOG_KEY = note.parse_vkey(VECTORS["log"]["vkey"])
NAME, SECONDS = VECTORS["witness"]["name"], VECTORS["witness"]["seconds"]
KNOWN = [tree.leaf_hash(text.encode()) for text in VECTORS["leaves"]]
LEAVES = [*KNOWN, *(tree.leaf_hash(b"%d" % number) for number in range(40))]
FORKED = [LEAVES[0], LEAVES[2], LEAVES[1], *LEAVES[3:]]


def a_witness(directory: Path) -> Witness:
    return Witness(directory, NAME, WITNESS, [LOG_KEY], lambda: SECONDS + 0.9)


def checkpoint(leaves: list[bytes], private=LOG, origin: str = LOG_KEY.name) -> str:
    return signed(note.Checkpoint(origin, len(leaves), tree.root(leaves)), private)


def signed(promise: note.Checkpoint, private=LOG) -> str:
    return note.sign(promise.text, promise.origin, private)


def growth(old: int, new: int, leaves: list[bytes] = LEAVES) -> bytes:
    proof = tree.consistency_proof(old, new, tree.over(leaves)) if old else []
    return encode_submission(old, proof, checkpoint(leaves[:new]))


def seen(directory: Path) -> note.Checkpoint:
    known = mark.read(directory, LOG_KEY.name)
    assert known is not None
    return known


def refused(asked: Witness, body: bytes) -> tuple[str, int | None]:
    with pytest.raises(WitnessRefused) as refusal:
        asked.add_checkpoint(body)
    return refusal.value.rule, refusal.value.size


def test_the_known_answer(tmp_path: Path):
    asked = a_witness(tmp_path)
    assert asked.add_checkpoint(growth(0, 3)) == VECTORS["witness"]["line"]
    key = note.Key.of(NAME, WITNESS.public_key(), note.WITNESSED)
    assert asked.key == key
    text = note.parse_note(checkpoint(LEAVES[:3]).encode())[0]
    assert note.witnessed_at(text, VECTORS["witness"]["line"], key) == SECONDS
    assert note.witnessed_at(text, VECTORS["witness"]["line"], LOG_KEY) is None


def test_it_signs_every_growth_and_the_same_checkpoint_again(tmp_path: Path):
    for old in range(1, 20):
        asked = a_witness(tmp_path / str(old))
        asked.add_checkpoint(growth(0, old))
        for new in (old, old + 1, 30):
            asked.add_checkpoint(growth(seen(tmp_path / str(old)).size, new))


def test_a_restarted_witness_has_forgotten_nothing(tmp_path: Path):
    a_witness(tmp_path).add_checkpoint(growth(0, 5))
    assert refused(a_witness(tmp_path), growth(0, 8)) == ("witness.conflict", 5)
    assert refused(a_witness(tmp_path), growth(0, 3)) == ("witness.conflict", 5)
    assert refused(a_witness(tmp_path), growth(7, 9)) == ("witness.conflict", 5)
    a_witness(tmp_path).add_checkpoint(growth(5, 8))


def test_it_signs_no_second_history_and_keeps_the_evidence(tmp_path: Path):
    asked = a_witness(tmp_path)
    asked.add_checkpoint(growth(0, 5))
    fork = growth(5, 5, FORKED)
    assert refused(asked, fork) == ("witness.fork", None)
    assert refused(asked, growth(5, 9, FORKED)) == ("witness.proof", None)
    (evidence,) = (tmp_path / "evidence").iterdir()
    found = note.open_checkpoint(evidence.read_bytes(), [LOG_KEY])
    assert (found.size, found.root) == (5, tree.root(FORKED[:5]))
    asked.add_checkpoint(growth(5, 9))
    assert seen(tmp_path).root == tree.root(LEAVES[:9])


def test_every_altered_byte_of_a_submission_is_refused(tmp_path: Path):
    a_witness(tmp_path).add_checkpoint(growth(0, 3))
    body = growth(3, 7)
    before = (tmp_path / "appliance.example%2Faudit").read_bytes()
    for at in range(len(body)):
        wrong = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        rule, _ = refused(a_witness(tmp_path), wrong)
        assert rule in STATUS_OF
    assert (tmp_path / "appliance.example%2Faudit").read_bytes() == before


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("witness.malformed", b""),
        ("witness.malformed", b"old 03\n\n" + checkpoint(LEAVES[:3]).encode()),
        ("witness.malformed", b"old -1\n\n" + checkpoint(LEAVES[:3]).encode()),
        ("witness.malformed", b"old 0\nAAAA\n\n" + checkpoint(LEAVES[:3]).encode()),
        ("witness.malformed", b"old 0\n\n" + b"no checkpoint"),
        ("witness.malformed", encode_submission(0, [bytes(32)] * 64, checkpoint(LEAVES[:3]))),
        ("witness.malformed", growth(0, 3) + "— a AAAAAAA=\n".encode() * 6_000),
        ("witness.old_size", encode_submission(4, [], checkpoint(LEAVES[:3]))),
        ("witness.unsigned", encode_submission(0, [], checkpoint(LEAVES[:3], EVE))),
        (
            "witness.unknown_log",
            encode_submission(0, [], checkpoint(LEAVES[:3], EVE, "eve.example/log")),
        ),
        ("witness.proof", encode_submission(0, [bytes(32)], checkpoint(LEAVES[:3]))),
        (
            "witness.fork",
            encode_submission(0, [], signed(note.Checkpoint(LOG_KEY.name, 0, bytes(32)))),
        ),
    ],
)
def test_what_it_does_not_sign(tmp_path: Path, rule: str, body: bytes):
    assert refused(a_witness(tmp_path), body)[0] == rule
    assert mark.read(tmp_path, LOG_KEY.name) is None


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(data: bytes):
    with pytest.raises(WitnessRefused, match="malformed"):
        witness.parse_submission(b"new " + data)


def test_of_two_growths_at_once_one_is_signed(tmp_path: Path):
    a_witness(tmp_path).add_checkpoint(growth(0, 5))
    start = threading.Barrier(2)

    def submit(new: int) -> str:
        start.wait()
        try:
            return a_witness(tmp_path).add_checkpoint(growth(5, new))
        except WitnessRefused as refusal:
            return refusal.rule

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(submit, (9, 12)))
    assert sorted(answer.startswith("—") for answer in answers) == [False, True]
    assert "witness.conflict" in answers
