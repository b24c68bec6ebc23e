"""Bearer tokens: who asks, and whether they may."""

from django.http import HttpRequest
from ninja.security.http import HttpAuthBase

from countersign.statement import Refused
from governance import senders
from governance.senders import Caller


class Bearer(HttpAuthBase):
    """Lets a token with any one of the scopes in, if it is for the model that the address names.

    The view finds out whose it is with `caller_of`.
    """

    openapi_scheme = "bearer"

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> Caller:
        caller = bearer(request)
        caller.demand(*self.scopes)
        named = request.resolver_match.kwargs.get("model") if request.resolver_match else None
        if named is not None:
            caller.demand_model(named)
        return caller


def caller_of(request: HttpRequest) -> Caller:
    """Who got past `Bearer`."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def bearer(request: HttpRequest) -> Caller:
    """Whose token the request carries. Raises `Refused`."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refused("credential.missing", "The request carries neither signature nor token.")
    return senders.authenticate_bearer(secret.strip())
