"""The link that makes the first administrator, who invites the others."""

from allauth.account.utils import perform_login
from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from countersign.statement import Refused
from governance.audit import entries
from governance.models import OneTimeToken
from governance.senders import issue_one_time_token, spend_one_time_token


class FirstAdministrator(BaseUserCreationForm):  # type: ignore[type-arg]
    """A name and a password, twice."""

    class Meta:
        model = get_user_model()
        fields = ["username"]
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "username"})}
        help_texts = {"username": "Letters, digits and @ . + - _"}


def issue_setup_link(base_url: str) -> str | None:
    """A link that makes the first administrator: once, for a day. None when there is one."""
    if administrator_exists():
        return None
    secret = issue_one_time_token(OneTimeToken.Purpose.SET_UP, actor="countersign")
    return base_url.rstrip("/") + reverse("set-up", args=[secret])


def administrator_exists() -> bool:
    """Whether anybody administers this appliance."""
    return get_user_model().objects.filter(is_superuser=True, is_active=True).exists()


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, secret: str) -> HttpResponse:
    """The form behind the link. Whether the link works is only told to whoever fills it in."""
    if administrator_exists():
        return _spent(request)
    form = FirstAdministrator(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "set_up.html", {"form": form}, status=422 if form.errors else 200)
    try:
        administrator = create_first_administrator(form, secret)
    except Refused:
        return _spent(request)
    answer: HttpResponse = perform_login(request, administrator)
    return answer


def create_first_administrator(form: FirstAdministrator, secret: str) -> User:
    """Make the account and use the link up. Raises `Refused` for a link that doesn't work.

    Each start of the appliance prints a new link. All of them are locked first, so that of two
    links used at once only one makes an administrator, and the others work no more.
    """
    with transaction.atomic():
        links = OneTimeToken.objects.filter(purpose=OneTimeToken.Purpose.SET_UP)
        list(links.select_for_update().order_by("pk"))
        if administrator_exists():
            raise Refused("set_up.done", "There is an administrator already.")
        spend_one_time_token(secret, OneTimeToken.Purpose.SET_UP)
        form.instance.is_superuser = form.instance.is_staff = True
        user: User = form.save()
        entries.record(
            "administrator.created", actor=f"user:{user.pk}", content={"name": user.username}
        )
    return user


def _spent(request: HttpRequest) -> HttpResponse:
    return render(request, "set_up_spent.html", status=410)
