"""Who may send: one-time tokens are made here, keys seen and revoked."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from countersign.statement import Refused
from governance.models import OneTimeToken, Sender, Token
from governance.senders import issue_one_time_token, limit_sender, revoke_sender
from governance.senders import revoke_token as revoke

from .doors import open_to
from .people import actor_of

SHOWN = 200


@require_safe
@open_to("sender.manage")
def show(request: HttpRequest) -> HttpResponse:
    """All keys and tokens, the newest first."""
    return _page(request)


@require_POST
@never_cache
@open_to("sender.manage")
def make_token(request: HttpRequest) -> HttpResponse:
    """A new one-time token: shown on this page, now, and never again."""
    models, actor = _models_in(request), actor_of(request)
    try:
        secret = issue_one_time_token(OneTimeToken.Purpose.ENROL, actor=actor, models=models)
    except Refused as refusal:
        return _page(request, error=refusal.detail)
    return _page(request, secret)


@require_POST
@open_to("sender.manage")
def limit_key(request: HttpRequest, number: int) -> HttpResponse:
    """The key is for the models that are named, or for all."""
    sender = get_object_or_404(Sender, pk=number)
    try:
        limit_sender(sender, _models_in(request), actor=actor_of(request))
    except Refused as refusal:
        return _page(request, error=refusal.detail)
    messages.success(request, f"What the key of {sender.name} is for was changed.")
    return redirect("senders")


@require_POST
@open_to("sender.manage")
def revoke_key(request: HttpRequest, number: int) -> HttpResponse:
    """The key and its tokens no longer vouch for anything."""
    sender = get_object_or_404(Sender, pk=number)
    revoke_sender(sender, actor=actor_of(request))
    messages.success(request, f"The key of {sender.name} is revoked.")
    return redirect("senders")


@require_POST
@open_to("sender.manage")
def revoke_token(request: HttpRequest, number: int) -> HttpResponse:
    """The token no longer works."""
    token = get_object_or_404(Token, pk=number, sender=None)
    revoke(token, actor=actor_of(request))
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("senders")


def _models_in(request: HttpRequest) -> list[str]:
    """Names of models, with commas or blanks between them."""
    return request.POST.get("models", "").replace(",", " ").split()


def _page(request: HttpRequest, secret: str = "", error: str = "") -> HttpResponse:
    context = {
        "secret": secret,
        "error": error,
        "address": request.build_absolute_uri("/").rstrip("/"),
        "keys": Sender.objects.order_by("-enrolled_at")[:SHOWN],
        "tokens": Token.objects.filter(sender=None).order_by("-issued_at")[:SHOWN],
    }
    return render(request, "senders.html", context, status=422 if error else 200)
