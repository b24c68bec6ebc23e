"""For those who trust nobody: check the log from outside, one entry's proof, and its witnesses."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from countersign.statement import Refused
from governance import retention
from governance.audit import keys, log, recent, witnesses
from governance.audit.kept import compare
from governance.models import Checkpoint, Witness

from .doors import open_to
from .people import actor_of, names_of
from .words import sentence

PROBLEMS = {
    "witness.unreachable": "gave no answer",
    "witness.refused": "refused",
    "witness.answer": "gave an answer that makes no sense",
    "witness.unsigned": "signed with another key than its own",
    "witness.signature": "gave a signature that doesn’t verify",
    "witness.clock": "signed at a time that is not now",
    "witness.ahead": "has seen more entries than this log has: entries were lost",
    "witness.fork": "has seen another history than this one",
}
GRAVE = {"witness.ahead", "witness.fork"}


@dataclass(frozen=True)
class Watching:
    """A witness: the newest checkpoint that it signed, and what is wrong with it, in words."""

    witness: Witness
    newest: Checkpoint | None
    behind: int
    problem: str
    grave: bool


@require_http_methods(["GET", "HEAD", "POST"])
@open_to("log.see")
def show(request: HttpRequest) -> HttpResponse:
    """Five steps with public tools; and a kept checkpoint held against the log of today."""
    context: dict[str, Any] = {
        "vkey": keys.verifier_key().vkey,
        "address": request.build_absolute_uri("/").rstrip("/"),
        "watching": watching(),
        "published": log.published_checkpoint(),
    }
    if request.method == "POST":
        context["pasted"] = request.POST.get("checkpoint", "")
        try:
            context["compared"] = compare(context["pasted"])
        except Refused as refusal:
            context["refused"] = refusal
    return render(request, "outside.html", context, status=422 if "refused" in context else 200)


@require_safe
@open_to("log.see")
def entry(request: HttpRequest, number: int) -> HttpResponse:
    """One entry as it was hashed, and its proof."""
    found = recent.at(number)
    if found is None:
        raise Http404("the log has no such entry")
    context = {
        "entry": found,
        "title": sentence(found.kind),
        "who": names_of([found.facts["actor"]])[found.facts["actor"]],
        "proof": log.proof_of(number),
    }
    return render(request, "entry.html", context)


@require_POST
@open_to("witness.manage")
def add_witness(request: HttpRequest) -> HttpResponse:
    """Ask another witness."""
    url, vkey = (request.POST.get(name, "").strip() for name in ("url", "vkey"))
    try:
        witness = witnesses.add(url, vkey, actor=actor_of(request))
        messages.success(request, f"{witness.name} is asked from now on.")
    except Refused as refusal:
        messages.error(request, refusal.detail)
    return redirect("audit")


@require_POST
@open_to("witness.manage")
def remove_witness(request: HttpRequest, number: int) -> HttpResponse:
    """Ask a witness no more."""
    witness = get_object_or_404(witnesses.asked(), pk=number)
    witnesses.remove(witness, actor=actor_of(request))
    messages.success(request, f"{witness.name} is asked no more.")
    return redirect("audit")


@require_safe
@open_to("log.see")
def texts(request: HttpRequest) -> HttpResponse:
    """How long names and texts stay, and how many are older."""
    days = retention.days()
    return render(request, "texts.html", {"days": days, "expired": retention.expired(days)})


@require_POST
@open_to("log.erase")
def erase(request: HttpRequest) -> HttpResponse:
    """Erase the texts whose time is over."""
    gone = retention.erase_expired(retention.days(), actor=actor_of(request))
    messages.success(request, f"{gone.texts} texts were erased.")
    return redirect("texts")


def watching() -> list[Watching]:
    """The witnesses of today and how far each has signed."""
    published = log.published_checkpoint()
    lines = []
    for witness in witnesses.asked():
        signed = witness.cosignatures.select_related("checkpoint").order_by("checkpoint_id").last()
        newest = signed.checkpoint if signed else None
        behind = (published.size if published else 0) - (newest.size if newest else 0)
        problem = PROBLEMS.get(witness.problem, witness.problem)
        lines.append(Watching(witness, newest, behind, problem, witness.problem in GRAVE))
    return lines
