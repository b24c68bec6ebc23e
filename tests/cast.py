"""The people of the design, with their roles, and how they log in.

>>> sorted(CAST)
['ada', 'ben', 'cleo', 'dan', 'paul', 'rita', 'vera']
"""

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from governance import access
from governance.models import Membership

Role = Membership.Role
PASSWORD = "correct horse battery staple"
SECRET = "JBSWY3DPEHPK3PXP"

CAST: dict[str, tuple[Role, ...]] = {
    "ada": (Role.DEVELOPER,),
    "ben": (Role.OPERATOR, Role.OWNER),
    "vera": (Role.VALIDATOR,),
    "paul": (Role.APPROVER,),
    "dan": (Role.POLICY_ADMINISTRATOR,),
    "cleo": (Role.AUDITOR,),
    "rita": (),  # administers: accounts and keys, by no role
}
ADMINISTRATOR = "rita"


def person(name: str, *, unit: str = "") -> User:
    """One of the cast, with their roles in one business unit or (empty) in all; made if need be."""
    user, is_new = User.objects.get_or_create(
        username=name, defaults={"is_superuser": name == ADMINISTRATOR}
    )
    if is_new:
        user.set_password(PASSWORD)
        user.save()
    for role in CAST[name]:
        Membership.objects.get_or_create(user=user, role=role, business_unit=unit)
    return user


def somebody(name: str, *roles: Role, unit: str = "") -> User:
    """A further person, with these roles or none."""
    user = User.objects.create_user(name, password=PASSWORD)
    for role in roles:
        Membership.objects.create(user=user, role=role, business_unit=unit)
    return user


def of_all_trades() -> User:
    """Somebody who may do everything, for pages that should show all that they have."""
    user, is_new = User.objects.get_or_create(username="max", defaults={"is_superuser": True})
    if is_new:
        Membership.objects.bulk_create(Membership(user=user, role=role) for role in Role)
    return user


def with_second_factor(user: User) -> User:
    """An app is set up, whose secret is `SECRET`, and recovery codes with it."""
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, SECRET)
        RecoveryCodes.activate(user)
    return user


def recovery_code(user: User) -> str:
    """A code that was not used yet: a second factor that works at any moment, once."""
    codes = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    unused: list[str] = codes.wrap().get_unused_codes()
    return unused[0]


def confirm(client: Client, user: User) -> None:
    """Show password and second factor again in this browser, as a signature demands."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    client.post(reverse("mfa_reauthenticate"), {"code": recovery_code(user)})


def logged_in(user: User) -> Client:
    """A browser in which this person is logged in, with everything that their roles demand."""
    if access.needs_second_factor(user):
        with_second_factor(user)
    client = Client()
    client.force_login(user)
    session = client.session
    session["began"] = session["seen"] = time.time()  # so that no request has to note it
    session.save()
    return client


def present(user: User) -> Client:
    """The same, just after showing password and second factor again, as a signature demands."""
    client = logged_in(with_second_factor(user))
    session, now = client.session, time.time()
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": now, "reauthenticated": True},
        {"method": "mfa", "at": now, "type": "totp", "reauthenticated": True},
    ]
    session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = str(user.pk)
    session.save()
    return client


def enter(name: str, *, unit: str = "") -> Client:
    """A browser in which one of the cast is logged in."""
    return logged_in(person(name, unit=unit))
