"""Sign-offs: what waits for signatures, what one rests on, and who signed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from appliance.api.problems import Problem
from appliance.api.signoffs import WholeSignOff
from countersign.approval import Condition, Decision
from countersign.statement import Refused
from detectors.sign_offs import evidence_of
from governance import access
from governance.models import SignOff, SignOffDecision, Version
from governance.signoff import bundles, requests
from governance.signoff.decisions import decode_decision

from .doors import find_model, open_to
from .terms import metric
from .words import between, count, many, period, plain

SHOWN = 100
Status = SignOff.Status

# What is said of a sign-off in one line, first of all.
ANSWERS = {
    Status.WAITING: "It waits for signatures: {given} of {quorum} so far.",
    Status.APPROVED: "It may run: {signed}.",
    Status.REJECTED: "It may not run: it was rejected.",
    Status.WITHDRAWN: "Nothing was decided: the request was taken back.",
    Status.REVOKED: "It may no longer run: the approval was revoked.",
    Status.EXPIRED: "Its time is over; nothing is approved by that.",
    Status.BROKEN: "It may no longer run: a condition of its approval was broken.",
    Status.SUPERSEDED: "A later sign-off of this version took its place.",
}
HOW = {
    "estimated_performance": ", estimated",
    "estimated_error": ", estimated",
    "realised_performance": ", by outcomes",
    "realised_error": ", by outcomes",
}
KINDS = {"performance": "", "fairness": "", "drift": "drift ", "incidents": "open incidents, "}


class Ask(forms.Form):
    """Why the version should be signed off."""

    reason = forms.CharField(
        max_length=2_000,
        label="Why should it run?",
        help_text="What changed since the version before, and what speaks for this one.",
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Say why it should run."},
    )


@dataclass(frozen=True)
class Signed:
    """One decision, as it was signed."""

    row: SignOffDecision
    said: Decision
    conditions: list[str]


@dataclass(frozen=True)
class Measured:
    """The newest frozen figures of one deployment."""

    deployment: str
    period: str
    rows: str
    labelled: str
    figures: list[tuple[str, str, str]]


@require_safe
@open_to("model.see")
def show(request: HttpRequest) -> HttpResponse:
    """What waits first, then the newest of the others."""
    rows = _seen(request).order_by("-pk")
    context = {
        "waiting": rows.filter(status=Status.WAITING)[:SHOWN],
        "others": rows.exclude(status=Status.WAITING)[:SHOWN],
        "trust": bundles.trust(),
    }
    return render(request, "sign_offs.html", context)


@require_safe
@open_to("model.see")
def show_one(request: HttpRequest, identity: str) -> HttpResponse:
    """One request: what it rests on, and who signed."""
    sign_off = find(request, identity)
    return render(request, "sign_off.html", about(request, sign_off))


@require_safe
@open_to("model.see")
def download(request: HttpRequest, identity: str) -> HttpResponse:
    """The request as a file, for `countersign approve`."""
    told = WholeSignOff.from_orm(find(request, identity)).model_dump_json(indent=1)
    name = f"sign-off-{identity[:8]}.json"
    return HttpResponse(
        told,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@open_to("signoff.request")
def ask(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """Ask for a version's sign-off."""
    found = get_object_or_404(Version, model=find_model(request, model), name=version)
    form = Ask(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            sign_off = requests.request_sign_off(
                found,
                evidence_of(found),
                person=request.user,  # type: ignore[arg-type]  # open_to let a person in
                reason=form.cleaned_data["reason"],
            )
            return redirect("sign-off", sign_off.identity)
        except Refused as refusal:
            form.add_error(None, in_words(refusal))
    context = {"version": found, "form": form}
    return render(request, "ask_sign_off.html", context, status=422 if form.errors else 200)


@require_POST
@open_to("signoff.request")
def withdraw(request: HttpRequest, identity: str) -> HttpResponse:
    """Take a request back."""
    try:
        requests.withdraw(find(request, identity), person=request.user)  # type: ignore[arg-type]
    except Refused as refusal:
        if refusal.rule == "access.denied":
            raise
        messages.error(request, in_words(refusal))
    return redirect("sign-off", identity)


def find(request: HttpRequest, identity: str) -> SignOff:
    """A sign-off of a model that the person sees, or 404."""
    return get_object_or_404(_seen(request), identity=identity)


def in_words(refusal: Refused) -> str:
    """A refusal and what to do about it."""
    return f"{refusal.detail} {Problem.of(refusal.rule).fix}"


def of_version(request: HttpRequest, version: Version) -> dict[str, object]:
    """What a version's page tells: what waits, what was decided last, and whether one may ask."""
    rows = version.sign_offs.order_by("status", "-pk").distinct("status")
    newest = sorted(rows, key=lambda row: (row.status != Status.WAITING, -row.pk))
    waits = bool(newest) and newest[0].status == Status.WAITING
    asks = access.may(request.user, "signoff.request", version.model.business_unit)
    return {
        "sign_offs": [{"row": row, "answer": answer(row)} for row in newest[: 1 + waits]],
        "may_ask": asks and not waits,
    }


def answer(sign_off: SignOff) -> str:
    """How it stands, in one sentence."""
    people = many(sign_off.approvals, "person has", "people have")
    return ANSWERS[Status(sign_off.status)].format(
        given=sign_off.approvals, quorum=sign_off.quorum, signed=f"{people} approved it"
    )


def about(request: HttpRequest, sign_off: SignOff) -> dict[str, Any]:
    """What the pages of one sign-off tell."""
    evidence = msgspec.json.decode(bytes(sign_off.evidence))
    policy = msgspec.json.decode(bytes(sign_off.policy))
    rows = sign_off.decisions.select_related("key").order_by("pk")
    unit = sign_off.version.model.business_unit
    return {
        "sign_off": sign_off,
        "version": sign_off.version,
        "answer": answer(sign_off),
        "evidence": evidence,
        "evidence_digest": requests.digest(bytes(sign_off.evidence)),
        "policy": policy,
        "policy_digest": requests.digest(bytes(sign_off.policy)),
        "measured": [_measured(window) for window in newest_windows(evidence)],
        "signed": [_signed(row) for row in rows],
        "decides": access.may(request.user, "signoff.decide", unit),
        "asks": access.may(request.user, "signoff.request", unit),
    }


def newest_windows(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest window of each deployment."""
    newest: dict[str, dict[str, Any]] = {}
    for window in evidence.get("windows", []):
        newest.setdefault(window["deployment"], window)
    return list(newest.values())


def condition_in_words(condition: Condition) -> str:
    """
    >>> condition_in_words(Condition(kind="incidents", figure="high", at_most=0.0))
    'open incidents, high: at most 0'
    """
    least = condition.at_least
    figure = condition.figure if KINDS[condition.kind] else metric(condition.figure).name
    bound = f"at most {condition.at_most:g}" if least is None else f"at least {least:g}"
    return f"{KINDS[condition.kind]}{figure}: {bound}"


def _seen(request: HttpRequest) -> QuerySet[SignOff]:
    rows = SignOff.objects.select_related("version__model", "submitter")
    return rows.filter(version__model__in=access.models_of(request.user))


def _signed(row: SignOffDecision) -> Signed:
    said = decode_decision(row)
    return Signed(row, said, [condition_in_words(each) for each in said.conditions])


def _measured(window: dict[str, Any]) -> Measured:
    figures = [
        (metric(name).name + HOW.get(detector, ""), plain(value), between(low, high, plain))
        for detector, told in window["figures"].items()
        for name, (value, low, high) in told.items()
        if value is not None and not name.endswith(":rows")  # a size, no figure to be judged
    ]
    start, end = (datetime.fromisoformat(window[edge]) for edge in ("start", "end"))
    rows, labelled = (count(window[n]) if window[n] else "" for n in ("rows", "labelled"))
    return Measured(window["deployment"], period(start, end), rows, labelled, figures)
