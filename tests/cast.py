"""The people of the design, with their roles, and how they log in.

>>> sorted(CAST)
['ada', 'ben', 'cleo', 'dan', 'paul', 'rita', 'vera']
"""

from django.contrib.auth.models import User
from django.test import Client

from governance.models import Membership

Role = Membership.Role
PASSWORD = "correct horse battery staple"

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


def logged_in(user: User) -> Client:
    """A browser in which this person is logged in, with everything that their roles demand."""
    client = Client()
    client.force_login(user)
    return client


def enter(name: str, *, unit: str = "") -> Client:
    """A browser in which one of the cast is logged in."""
    return logged_in(person(name, unit=unit))
