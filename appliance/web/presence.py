"""Whether somebody has just shown again who they are: password and second factor.

A signature asks for both anew. A page that signs does, in this order:

    if not fresh(request):
        return ask_again(request, next=request.path)   # comes back here afterwards
    ...                                                # the verb that signs
    spend(request)                                     # the next signature asks again

A passkey that checked a fingerprint or PIN counts as both. A person without a password, who logs in
by the identity provider, shows the second factor only.
"""

import time

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

FRESH = 300.0  # seconds
SPENT = "presence_spent_at"


def fresh(request: HttpRequest) -> bool:
    """Whether everything was shown within the last five minutes and not spent since."""
    return not _missing(request)


def ask_again(request: HttpRequest, *, next: str) -> HttpResponse:
    """To the page that asks for what is missing; from there on to `next`, an address here."""
    missing = _missing(request)
    methods = {m["id"]: m["url"] for m in get_adapter().get_reauthentication_methods(request.user)}
    wanted = ["reauthenticate"] if "password" in missing else []
    wanted += ["mfa_reauthenticate", "mfa_reauthenticate:webauthn"]
    address = next_of(methods, wanted)
    return redirect(f"{address}?{urlencode({'next': next})}")


def spend(request: HttpRequest) -> None:
    """What was shown has been used for one signature."""
    request.session[SPENT] = time.time()


def next_of(methods: dict[str, str], wanted: list[str]) -> str:
    """The first wanted method that the person has; without any, the page to set one up."""
    return next((methods[m] for m in wanted if m in methods), reverse("mfa_index"))


def _missing(request: HttpRequest) -> set[str]:
    """What must be shown: `password`, `mfa`."""
    user = request.user
    if not user.is_authenticated:
        return {"password", "mfa"}
    since = max(time.time() - FRESH, request.session.get(SPENT, 0.0))
    shown = [r for r in get_authentication_records(request, user) if r["at"] > since]
    missing = {"password", "mfa"} - {record["method"] for record in shown}
    if any(record.get("passwordless") for record in shown) or not user.has_usable_password():
        missing.discard("password")
    return missing
