"""People and their roles, for administrators; and the link by which an invited person comes in."""

from collections.abc import Callable

from allauth.account.utils import perform_login
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from countersign.statement import Refused
from governance import access, accounts, erasure
from governance.models import Membership

from .doors import open_to
from .people import person_of

PER_PAGE = 50
VERBS: dict[str, tuple[Callable[..., None], str]] = {
    "make-administrator": (accounts.make_administrator, "{} administers from now on."),
    "unmake-administrator": (accounts.unmake_administrator, "{} no longer administers."),
    "deactivate": (accounts.deactivate, "{} can no longer log in."),
    "reactivate": (accounts.reactivate, "{} can log in again."),
    "reset-second-factor": (accounts.reset_second_factor, "{} sets up a new second factor."),
    "erase": (erasure.erase, "Who {} was is erased."),
}


class RoleForm(forms.Form):
    """A role, in one business unit or in all."""

    role = forms.ChoiceField(choices=Membership.Role.choices)
    business_unit = forms.SlugField(
        required=False,
        max_length=64,
        label="Business unit",
        help_text="Its short name. Leave it empty for every unit.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class Invitation(RoleForm):
    """Who, and with which first role."""

    username = User._meta.get_field("username").formfield(
        label="Name", help_text="Letters, digits and @ . + - _"
    )
    email = forms.EmailField(
        required=False,
        label="E-mail",
        help_text="As the identity provider knows it, if one is used here. May stay empty.",
    )
    field_order = ("username", "email", "role", "business_unit")


class Password(forms.Form):
    """A password, once: whoever mistypes it asks for another link."""

    password = forms.CharField(
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@open_to("account.manage")
def show(request: HttpRequest) -> HttpResponse:
    """Everybody who has or had an account; invite somebody."""
    form = Invitation(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _people(request, form)
    said = form.cleaned_data
    roles = [(said["role"], said["business_unit"])]
    try:
        secret = accounts.invite(
            said["username"], roles, by=person_of(request), email=said["email"]
        )
    except Refused as refusal:
        form.add_error("username", f"{refusal.detail} ({refusal.rule})")
        return _people(request, form)
    return _people(request, Invitation(), said["username"], secret)


@require_safe
@open_to("account.manage")
def show_person(request: HttpRequest, number: int) -> HttpResponse:
    """One person: roles, and what can be done about the account."""
    return _person(request, get_object_or_404(User, pk=number))


@require_POST
@never_cache
@open_to("account.manage")
def new_link(request: HttpRequest, number: int) -> HttpResponse:
    """For somebody who lost the link or forgot the password."""
    person = get_object_or_404(User, pk=number, is_active=True)
    return _person(request, person, secret=accounts.issue_link(person, by=person_of(request)))


@require_POST
@open_to("account.manage")
def grant(request: HttpRequest, number: int) -> HttpResponse:
    """One more role."""
    person, form = get_object_or_404(User, pk=number), RoleForm(request.POST)
    if not form.is_valid():
        return _person(request, person, form=form)
    said = form.cleaned_data
    accounts.grant(person, said["role"], said["business_unit"], by=person_of(request))
    return redirect("person", number)


@require_POST
@open_to("account.manage")
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """One role less."""
    person, form = get_object_or_404(User, pk=number), RoleForm(request.POST)
    if not form.is_valid():
        return _person(request, person, form=form)
    said = form.cleaned_data
    accounts.withdraw(person, said["role"], said["business_unit"], by=person_of(request))
    return redirect("person", number)


@require_POST
@open_to("account.manage")
def change(request: HttpRequest, number: int, verb: str) -> HttpResponse:
    """Do one of `VERBS`, or say why not."""
    if verb not in VERBS:
        raise Http404
    person = get_object_or_404(User, pk=number)
    do, said = VERBS[verb]
    try:
        do(person, by=person_of(request))
    except Refused as refusal:
        messages.error(request, f"{refusal.detail} ({refusal.rule})")
    else:
        messages.success(request, said.format(person.username))
    stays = access.may(User.objects.get(pk=person_of(request).pk), "account.manage")
    return redirect("person", number) if stays else redirect("overview")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """The form behind an invitation's link. Whether it works is told to whoever fills it in."""
    form = Password(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "join.html", {"form": form}, status=422 if form.errors else 200)
    try:
        person = accounts.join(secret, form.cleaned_data["password"])
    except ValidationError as weak:
        form.add_error("password", weak)
        return render(request, "join.html", {"form": form}, status=422)
    except Refused:
        return render(request, "set_up_spent.html", status=410)
    answer: HttpResponse = perform_login(request, person)
    return answer


def _people(
    request: HttpRequest, form: Invitation, name: str = "", secret: str = ""
) -> HttpResponse:
    two = Count("authenticator", filter=~Q(authenticator__type=Authenticator.Type.RECOVERY_CODES))
    everybody = User.objects.order_by("-is_active", "username").prefetch_related("memberships")
    page = Paginator(everybody.annotate(factors=two), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "name": name, "link": _link(request, secret)}
    return render(request, "people.html", context, status=422 if form.errors else 200)


def _person(
    request: HttpRequest, person: User, *, secret: str = "", form: RoleForm | None = None
) -> HttpResponse:
    leaving = not person.is_active and not accounts.is_erased(person)
    context = {
        "person": person,
        "erased": accounts.is_erased(person),
        "roles": person.memberships.order_by("business_unit", "role"),
        "form": form or RoleForm(),
        "link": _link(request, secret),
        "has_second_factor": Authenticator.objects.filter(user=person).exists(),
        "mentions": erasure.mentions(person) if leaving else [],
    }
    return render(request, "person.html", context, status=422 if form else 200)


def _link(request: HttpRequest, secret: str) -> str:
    return request.build_absolute_uri(reverse("join", args=[secret])) if secret else ""
