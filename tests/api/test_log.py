"""Proofs for everybody: they verify by other people's code, and nothing asked breaks the door."""

import base64
import json

import metamorphic_log
import pytest

from countersign.tlog import note, tree
from governance.audit import keys, log
from governance.models import Entry, Leaf
from tests.builders import a_statement, a_window

from .conftest import Caller, refused


@pytest.fixture
def sealed(ada: Caller, loans: str) -> int:
    """A log that was sealed twice; its size."""
    log.seal()
    ada.send("/windows", a_statement(a_window(loans)))
    log.seal()
    return Leaf.objects.count()


def test_every_entry_has_a_proof_that_another_verifier_takes(sealed: int, eve: Caller) -> None:
    vkey = keys.verifier_key().vkey
    for index in range(sealed):
        answer = eve.get(f"/log/proofs/{index}")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        proof = note.parse_proof(answer.content)
        leaf = tree.leaf_hash(bytes(Entry.objects.get(leaf__index=index).body))
        checkpoint = proof.checkpoint.decode()
        verify = metamorphic_log.checkpoint_verify_inclusion
        verify(checkpoint, [vkey], proof.index, leaf, proof.hashes)
        with pytest.raises(metamorphic_log.VerifyError):
            verify(checkpoint, [vkey], proof.index, bytes(32), proof.hashes)


def test_every_pair_of_sizes_is_consistent_for_another_verifier(sealed: int, eve: Caller) -> None:
    for old in range(1, sealed + 1):
        for new in range(old, sealed + 1):
            told = eve.get(f"/log/consistency/{old}/{new}").json()
            hashes = [base64.b64decode(hash) for hash in told["proof"]]
            roots = base64.b64decode(told["old_root"]), base64.b64decode(told["new_root"])
            metamorphic_log.verify_consistency(old, new, hashes, *roots)
            if old < new:
                with pytest.raises(metamorphic_log.VerifyError):
                    metamorphic_log.verify_consistency(old, new, hashes, *roots[::-1])
    checkpoint = note.open_checkpoint(
        eve.client.get("/log/checkpoint").content, [keys.verifier_key()]
    )
    assert base64.b64decode(told["new_root"]) == checkpoint.root
    assert told["origin"] == checkpoint.origin


@pytest.mark.parametrize("index", ["-1", "SIZE", "9223372036854775808", "9" * 400])
def test_an_index_that_the_log_does_not_have(sealed: int, eve: Caller, index: str) -> None:
    refused(eve.get(f"/log/proofs/{index.replace('SIZE', str(sealed))}"), 404, "proof.index")


@pytest.mark.parametrize(
    "sizes", ["0/1", "2/1", "-1/2", "1/SIZE", "SIZE/SIZE", "1/9223372036854775808", "0/0"]
)
def test_sizes_that_no_proof_joins(sealed: int, eve: Caller, sizes: str) -> None:
    beyond = sizes.replace("SIZE", str(sealed + 1))
    refused(eve.get(f"/log/consistency/{beyond}"), 422, "proof.size")


@pytest.mark.parametrize("address", ["proofs/x", "proofs/1.5", "consistency/1/x", "proofs/٣x"])
def test_what_is_no_number(sealed: int, eve: Caller, address: str) -> None:
    refused(eve.get(f"/log/{address}"), 422, "request.malformed")


def test_before_anything_is_signed_there_is_nothing_to_prove(ada: Caller, eve: Caller) -> None:
    refused(eve.get("/log/proofs/0"), 404, "proof.index")
    refused(eve.get("/log/consistency/1/1"), 422, "proof.size")


def test_a_receipt_holds_all_that_its_proof_needs(ada: Caller, loans: str) -> None:
    statement = a_statement(a_window(loans))
    digest = ada.send("/windows", statement).json()["digest"]
    log.seal()
    receipt = ada.get(f"/receipts/{digest}").json()
    assert json.loads(receipt["recorded"])["statement"] == digest
    proof = note.parse_proof(receipt["proof"].encode())
    leaf = tree.leaf_hash(receipt["recorded"].encode())
    checkpoint = note.open_checkpoint(proof.checkpoint, [keys.verifier_key()])
    tree.check_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.hashes)
