"""Signed notes: what verifies, and everything that must not."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from countersign.tlog import note, tree

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "log.json").read_text("utf-8"))
NOTE = VECTORS["log"]["checkpoint"].encode()
KEY = note.parse_vkey(VECTORS["log"]["vkey"])
NAME = KEY.name
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)


def test_every_flipped_bit_of_a_checkpoint_is_noticed():
    for at in range(len(NOTE)):
        for bit in range(8):
            wrong = NOTE[:at] + bytes([NOTE[at] ^ 1 << bit]) + NOTE[at + 1 :]
            with pytest.raises(note.NoteError):
                note.open_checkpoint(wrong, [KEY])


def test_every_flipped_bit_of_a_verifier_key_is_noticed():
    vkey = VECTORS["log"]["vkey"].encode()
    for at in range(len(vkey)):
        for bit in range(7):
            wrong = vkey[:at] + bytes([vkey[at] ^ 1 << bit]) + vkey[at + 1 :]
            with pytest.raises(note.NoteError):
                note.parse_vkey(wrong.decode())


def test_lines_of_unknown_keys_are_ignored_but_must_be_lines():
    stranger = note.sign("other\n", "stranger.example", STRANGER).split("\n\n")[1].encode()
    assert note.open_checkpoint(NOTE + stranger, [KEY]).size == 3
    assert note.open_checkpoint(NOTE.replace(b"\n\n", b"\n\n" + stranger), [KEY]).size == 3
    with pytest.raises(note.NoteError, match=r"note\.form"):
        note.open_checkpoint(NOTE + b"anything else\n", [KEY])


def test_a_known_key_that_fails_rejects_a_note_that_another_key_signed():
    text, _ = note.parse_note(NOTE)
    witness = note.Key.of("w.example", STRANGER.public_key(), note.WITNESSED)
    wrong = note.witness_line(text.replace("3", "4", 1), "w.example", STRANGER, 5).encode()
    assert note.open_checkpoint(NOTE + wrong, [KEY]).size == 3
    with pytest.raises(note.NoteError, match=r"note\.signature"):
        note.open_checkpoint(NOTE + wrong, [KEY, witness])


def test_witnesses_alone_do_not_speak_for_the_log():
    text, _ = note.parse_note(NOTE)
    witness = note.Key.of("w.example", STRANGER.public_key(), note.WITNESSED)
    only = f"{text}\n{note.witness_line(text, 'w.example', STRANGER, 5)}".encode()
    assert note.open_note(only, [witness])[1] == [witness]
    with pytest.raises(note.NoteError, match=r"note\.unsigned"):
        note.open_checkpoint(only, [witness, KEY])


def test_a_log_cannot_sign_under_another_logs_name():
    text = note.Checkpoint(NAME, 3, tree.EMPTY_ROOT).text
    stranger = note.Key.of("stranger.example", STRANGER.public_key())
    with pytest.raises(note.NoteError, match=r"note\.unsigned"):
        note.open_checkpoint(note.sign(text, "stranger.example", STRANGER).encode(), [stranger])


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}\n03\n{'A' * 43}=\n",
        f"{NAME}\n+3\n{'A' * 43}=\n",
        f"{NAME}\n-3\n{'A' * 43}=\n",
        f"{NAME}\n3 \n{'A' * 43}=\n",
        f"{NAME}\n٣\n{'A' * 43}=\n",
        f"{NAME}\n\n{'A' * 43}=\n",
        f"{NAME}\n3\n{'A' * 42}B=\n",
        f"{NAME}\n3\n{'A' * 43}\n",
        f"{NAME}\n3\n{'A' * 44}\n",
        f"{NAME}\n3\nAAAA\n",
        f"{NAME}\n3\n{'_' * 43}=\n",
        f"{NAME}\n3\n{'A' * 43}=\nextension\n",
        f"{NAME}\n3\n{'A' * 43}=",
        f"\n3\n{'A' * 43}=\n",
        f"{NAME}\n3\n",
    ],
)
def test_a_checkpoint_has_one_way_of_being_written(text: str):
    with pytest.raises(note.NoteError):
        note.parse_checkpoint(text)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\n", b"\n\n", b"text\n", b"text\n\n", b"\xff\n\n\xe2\x80\x94 a AAAAAAAA\n"),
        b"tab\there\n\n" + "— a AAAAAAA=\n".encode(),
        b"text\n\n" + "— a AAAAAAA=".encode(),
        b"text\n\n" + "— a AAAA\n".encode(),
        b"text\n\n" + "— a+b AAAAAAA=\n".encode(),
        b"text\n\n" + "—  AAAAAAA=\n".encode(),
        b"text\n\n" + "—\u00a0a AAAAAAA=\n".encode(),
        b"text\n\n" + b"- a AAAAAAA=\n",
        b"text\r\n\n" + "— a AAAAAAA=\n".encode(),
        b"text\n\n" + "— a AAAAAAA=\n".encode() * 101,
        b"x" * 1_000_001 + b"\n\n" + "— a AAAAAAA=\n".encode(),
    ],
)
def test_what_is_not_a_note_is_refused(data: bytes):
    with pytest.raises(note.NoteError):
        note.parse_note(data)


@given(st.binary(max_size=400))
@example(b"c2sp.org/tlog-proof@v1\n\n")
def test_no_bytes_break_a_parser(data: bytes):
    for parse in (note.parse_note, note.parse_proof, lambda raw: note.parse_vkey(raw.hex())):
        with pytest.raises(note.NoteError):
            parse(data)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nfeed", "no\u2003break"])
def test_a_name_that_cannot_stand_in_a_note_gets_no_key(name: str):
    with pytest.raises(note.NoteError, match=r"note\.name"):
        note.Key.of(name, STRANGER.public_key())


def test_a_proof_file_carries_all_that_is_needed_besides_the_entry_and_the_key():
    leaves = [tree.leaf_hash(text.encode()) for text in VECTORS["leaves"]]
    hashes = tree.inclusion_proof(1, 3, tree.over(leaves))
    proof = note.parse_proof(note.encode_proof(1, hashes, NOTE.decode()).encode())
    checkpoint = note.open_checkpoint(proof.checkpoint, [KEY])
    tree.check_inclusion(leaves[1], proof.index, checkpoint.size, checkpoint.root, proof.hashes)


@pytest.mark.parametrize(
    "wrong",
    [
        "c2sp.org/tlog-proof@v2\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n\n",
        "c2sp.org/tlog-proof@v1\nindex\n\n",
        "c2sp.org/tlog-proof@v1\n0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
    ],
)
def test_a_malformed_proof_file_is_refused(wrong: str):
    with pytest.raises(note.NoteError):
        note.parse_proof(wrong.encode())
