"""A receipt: that a statement is in the log, checked without the appliance.

It is the JSON that `GET /api/v1/receipts/{digest}` answers. Three links make the chain:

    digest     is the SHA-256 of the statement's bytes
    recorded   is the log's entry, and names that digest
    proof      leads from the entry's hash to a root that the log, and its witnesses, have signed
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from . import note, tree


class ReceiptError(ValueError):
    """The receipt proves nothing. `rule` is stable."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


@dataclass(frozen=True)
class Checked:
    """What a receipt proved: the statement's place in the log, and who signed that."""

    digest: str
    index: int
    checkpoint: note.Checkpoint
    signers: list[note.Key]


def check_receipt(
    receipt: bytes,
    keys: Sequence[note.Key],
    witnesses: Sequence[note.Key] = (),
    statement: bytes | None = None,
) -> Checked:
    """Check a receipt with the log's keys; raises `ReceiptError`.

    Each of the `witnesses` must have signed too. `statement` are the bytes that were sent.
    """
    digest, recorded, proof = _fields(receipt)
    if statement is not None and hashlib.sha256(statement).hexdigest() != digest:
        raise ReceiptError("receipt.other_statement", "this is the receipt of another statement")
    if _named_in(recorded) != digest:
        raise ReceiptError("receipt.other_entry", "the log's entry names another statement")
    try:
        told = note.parse_proof(proof.encode())
        checkpoint = note.open_checkpoint(told.checkpoint, [*keys, *witnesses])
        _, signers = note.open_note(told.checkpoint, [*keys, *witnesses])
        leaf = tree.leaf_hash(recorded.encode())
        tree.check_inclusion(leaf, told.index, checkpoint.size, checkpoint.root, told.hashes)
    except (note.NoteError, tree.ProofError) as error:
        raise ReceiptError(error.rule, str(error).partition(": ")[2]) from None
    for missing in (key.name for key in witnesses if key not in signers):
        raise ReceiptError("receipt.unwitnessed", f"the witness {missing} has not signed it")
    return Checked(digest, told.index, checkpoint, signers)


def _fields(receipt: bytes) -> tuple[str, str, str]:
    """Digest, entry and proof file."""
    try:
        parsed = json.loads(receipt)
        fields = parsed["digest"], parsed["recorded"], parsed["proof"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ReceiptError("receipt.malformed", "this is not a receipt") from None
    if fields[2] is None:
        raise ReceiptError("receipt.not_sealed", "fetch it again: the log was not sealed yet")
    if not all(isinstance(field, str) for field in fields):
        raise ReceiptError("receipt.malformed", "this is not a receipt")
    return fields


def _named_in(recorded: str) -> object:
    try:
        entry = json.loads(recorded)
    except (ValueError, RecursionError):
        return None
    return entry.get("statement") if isinstance(entry, dict) else None
