"""Proofs of the public log, for whoever won't compute them from its tiles. Nobody has to log in.

The log itself is served under /log/ as C2SP tlog-tiles, see `appliance.log_site`.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from countersign.statement import Refused
from countersign.tlog.note import base64_of
from governance.audit import log

router = Router(tags=["Log"])


class Consistency(Schema):
    """That the log of `new` entries begins with all `old` ones. Roots and hashes are in base64."""

    origin: str
    old: int
    new: int
    old_root: str
    new_root: str
    proof: list[str]


@router.get("/log/proofs/{index}", auth=None, response={200: str})
def get_proof(request: HttpRequest, index: int) -> HttpResponse:
    """That an entry is in the log: a C2SP tlog-proof file, as text."""
    proof = log.proof_of(index)
    if proof is None:
        raise Refused("proof.index", f"The signed log has {_size()} entries, counted from 0.")
    return HttpResponse(proof, content_type="text/plain; charset=utf-8")


@router.get("/log/consistency/{old}/{new}", auth=None, response=Consistency)
def get_consistency(request: HttpRequest, old: int, new: int) -> Consistency:
    """That nothing was changed or taken out between two sizes of the log."""
    size = _size()
    if not 1 <= old <= new <= size:
        raise Refused(
            "proof.size",
            f"Sizes are 1 to {size}, the entries of the signed log, the smaller first.",
        )
    return Consistency(
        origin=settings.COUNTERSIGN_ORIGIN,
        old=old,
        new=new,
        old_root=base64_of(log.root_at(old)),
        new_root=base64_of(log.root_at(new)),
        proof=[base64_of(hash) for hash in log.consistency_proof(old, new)],
    )


def _size() -> int:
    published = log.published_checkpoint()
    return published.size if published else 0
