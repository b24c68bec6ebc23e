"""Receipts: what the appliance keeps and can prove of an upload."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from countersign.tlog import note
from detectors import intake
from governance.audit import log
from governance.models import Entry

from .credentials import Bearer, models_of

router = Router(tags=["Statements"], auth=Bearer("upload", "read"))


class SealedReceipt(Schema):
    """`recorded` is the log's entry as it was hashed: JSON that names the statement's digest.

    `index`: its place in the log; `proof`: that it is there, as a C2SP tlog-proof file under the
    newest checkpoint that a witness has signed, or under the newest. Both are null until the log is
    sealed, a moment after the upload. Keep the answer: it verifies offline.
    """

    digest: str
    kind: str
    entry: int
    recorded: str
    received: datetime
    index: int | None
    proof: str | None


@router.get("/receipts/{digest}", response=SealedReceipt)
def get_receipt(request: HttpRequest, digest: str) -> SealedReceipt:
    """The receipt of an accepted statement, by its SHA-256."""
    receipt = intake.find_receipt(digest, models_of(request))
    entry = Entry.objects.get(pk=receipt.entry)
    proof = log.inclusion_proof(entry)
    return SealedReceipt(
        digest=receipt.digest,
        kind=receipt.kind,
        entry=receipt.entry,
        recorded=bytes(entry.body).decode(),
        received=receipt.received,
        index=note.parse_proof(proof.encode()).index if proof else None,
        proof=proof,
    )
