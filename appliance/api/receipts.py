"""Receipts: what the appliance keeps and can prove of an upload."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from countersign.tlog import note
from detectors import intake
from governance.audit import log
from governance.models import Entry

from .credentials import Bearer

router = Router(tags=["Statements"], auth=Bearer("upload", "read"))


class SealedReceipt(Schema):
    """`index`: the entry's place in the log; `proof`: that it is there, as a C2SP tlog-proof file.

    Both are null until the log is sealed, a moment after the upload.
    """

    digest: str
    kind: str
    entry: int
    received: datetime
    index: int | None
    proof: str | None


@router.get("/receipts/{digest}", response=SealedReceipt)
def get_receipt(request: HttpRequest, digest: str) -> SealedReceipt:
    """The receipt of an accepted statement, by its SHA-256."""
    receipt = intake.find_receipt(digest)
    proof = log.inclusion_proof(Entry(pk=receipt.entry))
    return SealedReceipt(
        digest=receipt.digest,
        kind=receipt.kind,
        entry=receipt.entry,
        received=receipt.received,
        index=note.parse_proof(proof.encode()).index if proof else None,
        proof=proof,
    )
