"""A receipt proves a statement's place offline; each altered byte of what it says is found."""

import hashlib
import json
from pathlib import Path

import pytest

from countersign.cli import main
from countersign.tlog import note, tree
from countersign.tlog.receipt import ReceiptError, check_receipt

from .test_witness import EVE, LOG_KEY, SECONDS, checkpoint
from .witnesses import KEY, PRIVATE

STATEMENT = b'{"a statement": 1}'
DIGEST = hashlib.sha256(STATEMENT).hexdigest()
RECORDED = f'{{"kind":"window.accepted","statement":"{DIGEST}"}}'
LEAVES = [*(bytes([n]) * 32 for n in range(5)), tree.leaf_hash(RECORDED.encode()), bytes(32)]
SIGNED = checkpoint(LEAVES)
LINE = note.witness_line(note.parse_note(SIGNED.encode())[0], KEY.name, PRIVATE, SECONDS)
PROOF = note.encode_proof(5, tree.inclusion_proof(5, 7, tree.over(LEAVES)), SIGNED + LINE)
RECEIPT = {"digest": DIGEST, "kind": "window", "entry": 9, "recorded": RECORDED, "proof": PROOF}


def receipt(**changes: object) -> bytes:
    return json.dumps(RECEIPT | changes).encode()


def refused(receipt: bytes, **options) -> str:
    with pytest.raises(ReceiptError) as error:
        check_receipt(receipt, [LOG_KEY], **options)
    return error.value.rule


def test_what_a_receipt_proves():
    checked = check_receipt(receipt(), [LOG_KEY], [KEY], STATEMENT)
    assert (checked.digest, checked.index, checked.checkpoint.size) == (DIGEST, 5, 7)
    assert checked.signers == [LOG_KEY, KEY]


@pytest.mark.parametrize("field", ["digest", "recorded", "proof"])
def test_every_altered_character_is_found(field: str):
    whole = str(RECEIPT[field])
    for at, character in enumerate(whole):
        wrong = whole[:at] + chr(ord(character) ^ 1) + whole[at + 1 :]
        refused(receipt(**{field: wrong}), witnesses=[KEY], statement=STATEMENT)
        refused(receipt(**{field: whole[:at] + whole[at + 1 :]}), witnesses=[KEY])


def test_what_proves_nothing_has_a_name():
    stranger = note.Key.of("w2.example", EVE.public_key(), note.WITNESSED)
    assert refused(receipt(), witnesses=[stranger]) == "receipt.unwitnessed"
    assert refused(receipt(), statement=b"another") == "receipt.other_statement"
    assert refused(receipt(digest="0" * 64)) == "receipt.other_entry"
    assert refused(receipt(proof=None)) == "receipt.not_sealed"
    assert refused(receipt(proof="")) == "proof.form"
    assert refused(receipt(recorded="[]")) == "receipt.other_entry"
    for wrong in (b"", b"[]", b"{}", b"\xff", b"[" * 100_000, receipt(recorded=5)):
        assert refused(wrong) == "receipt.malformed"


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, statement = tmp_path / "r.json", tmp_path / "s.json"
    file.write_bytes(receipt())
    statement.write_bytes(STATEMENT)
    keys = ["--vkey", LOG_KEY.vkey, "--witness", KEY.vkey]
    assert main(["verify-receipt", str(file), *keys, "--statement", str(statement)]) == 0
    assert capsys.readouterr().out == (
        f"verified  {DIGEST} is entry 5 of 7 in appliance.example/audit\n"
        "signed by  appliance.example/audit\nsigned by  witness.example/w1\n"
    )
    statement.write_bytes(b"another")
    assert main(["verify-receipt", str(file), *keys, "--statement", str(statement)]) == 1
    assert capsys.readouterr().err.startswith("NOT VERIFIED  receipt.other_statement")
    for wrong in (["--vkey", "x"], [*keys, "--statement", str(tmp_path / "none")]):
        assert main(["verify-receipt", str(file), *keys, *wrong]) == 1
        assert capsys.readouterr().err.startswith("NOT VERIFIED")
