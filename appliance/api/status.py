"""Who the appliance takes the caller for."""

from django.http import HttpRequest
from ninja import Router, Schema

from governance.senders import SCOPES

from .credentials import Bearer, caller_of

router = Router(tags=["Senders"], auth=Bearer(*sorted(SCOPES)))


class CallerStatus(Schema):
    """`keyid` is null for a token that belongs to no key."""

    name: str
    keyid: str | None
    scopes: list[str]


@router.get("/status", response=CallerStatus)
def get_status(request: HttpRequest) -> CallerStatus:
    """Whose token this is, and what it may do."""
    caller = caller_of(request)
    return CallerStatus(
        name=caller.name,
        keyid=caller.sender.keyid if caller.sender else None,
        scopes=sorted(caller.scopes),
    )
