"""Sign: with a key that this browser holds, or by a file that was signed elsewhere.

Before each signature the person shows again who they are.
"""

import base64
import binascii
from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from appliance.api.signoffs import NewDecision
from countersign.approval import MEANINGS, Agreement, Decision
from countersign.statement import PREDICATE_TYPES, STATEMENT_TYPE, Refused, decode, digest_of
from governance.models import ApproverKey, Incident, SignOff
from governance.signoff import keys
from governance.signoff.decisions import decide

from . import sign_offs
from .doors import open_to
from .people import actor_of
from .presence import ask_again, fresh, spend
from .terms import metric

MAX_FILE = 64 * 1024
ROWS = range(3)  # of conditions in the form


class KeyFile(forms.Form):
    """The public half of a key file, as `countersign approver-key` prints it."""

    label = forms.CharField(max_length=64, label="What you call it", initial="key file")
    public_key = forms.CharField(
        max_length=64,
        label="Public key",
        help_text="What countersign approver-key printed: 32 bytes in base64.",
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@open_to("signoff.decide")
def sign(request: HttpRequest, identity: str) -> HttpResponse:
    """Decide on a request, or revoke an approval."""
    sign_off = sign_offs.find(request, identity)
    if not fresh(request):
        return ask_again(request, next=request.path)
    if request.method != "POST":
        return _form(request, sign_off)
    try:
        new = _handed_in(request)
        agreement = msgspec.json.encode(new.agreement) if new.agreement else b""
        decide(msgspec.json.encode(new.decision), agreement, person=_person(request))
    except Refused as refusal:
        return _form(request, sign_off, sign_offs.in_words(refusal))
    spend(request)
    messages.success(request, "Your decision is signed and recorded.")
    return redirect("sign-off", identity)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@open_to("signoff.decide")
def show_keys(request: HttpRequest) -> HttpResponse:
    """The person's keys; a new one is enrolled after showing again who they are."""
    if not fresh(request):
        return ask_again(request, next=request.path)
    form = KeyFile(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            keys.enrol_approver_key(
                _person(request),
                label=form.cleaned_data["label"],
                public_key=_raw(form.cleaned_data["public_key"]),
            )
        except Refused as refusal:
            form.add_error("public_key", sign_offs.in_words(refusal))
        else:
            messages.success(request, "Your key is enrolled. You can sign with it now.")
            return redirect("signing-keys")
    rows = ApproverKey.objects.filter(user=_person(request)).order_by("-pk")
    status = 422 if request.method == "POST" else 200
    return render(request, "signing_keys.html", {"keys": rows, "form": form}, status=status)


@require_POST
@open_to("signoff.decide")
def revoke_key(request: HttpRequest, number: int) -> HttpResponse:
    """The key signs nothing any more."""
    key = get_object_or_404(ApproverKey, pk=number, user=_person(request))
    keys.revoke_approver_key(key, actor=actor_of(request))
    messages.success(request, f"The key {key.label} signs nothing any more.")
    return redirect("signing-keys")


def _form(request: HttpRequest, sign_off: SignOff, problem: str = "") -> HttpResponse:
    about = sign_offs.about(request, sign_off)
    context = about | {
        "told": _told(sign_off, _person(request)),
        "figures": _figures(about["evidence"]),
        "rows": ROWS,
        "problem": problem,
    }
    return render(request, "sign.html", context, status=422 if problem else 200)


def _told(sign_off: SignOff, person: User) -> dict[str, Any]:
    """What the script needs to build and sign the statements."""
    payload = bytes(sign_off.agreement)
    subject, agreement = decode(payload, Agreement)
    predicate = {
        "model": agreement.model,
        "version": agreement.version,
        "request": agreement.request,
        "name": keys.name_of(person),
        "evidence": agreement.evidence,
        "policy": agreement.policy,
        "agreement": digest_of(payload),
    }
    enrolled = ApproverKey.objects.filter(user=person, revoked_at=None)
    return {
        "keyids": list(enrolled.values_list("keyid", flat=True)),
        "agreement": base64.b64encode(payload).decode(),
        "meanings": MEANINGS,
        "statement": {
            "_type": STATEMENT_TYPE,
            "subject": [msgspec.to_builtins(subject)],
            "predicateType": PREDICATE_TYPES[Decision],
            "predicate": predicate,
        },
    }


def _figures(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    """What a condition may bound: what the evidence tells, drift and open incidents."""
    told: dict[str, str] = {}
    for window in sign_offs.newest_windows(evidence):
        for detector, figures in window["figures"].items():
            kind = "fairness" if detector.startswith("fairness") else "performance"
            told |= {f"{kind}:{name}": metric(name).name for name in figures}
    incidents = {
        f"incidents:{s}": f"Open incidents, {s} or worse" for s in Incident.Severity.values
    }
    return list((told | {"drift:alarms": "Columns alarming at once"} | incidents).items())


def _handed_in(request: HttpRequest) -> NewDecision:
    """What the script signed, or the file that `countersign approve` wrote."""
    file = request.FILES.get("file")
    if file is not None and (file.size or 0) > MAX_FILE:
        raise Refused("envelope.too_large", "A decision has at most 65536 bytes.")
    content = file.read() if file is not None else request.POST.get("signed", "").encode()
    try:
        return msgspec.json.decode(content, type=NewDecision)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused("envelope.malformed", "This is no signed decision.") from None


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""  # refused as malformed


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # open_to let a person in
    return request.user
