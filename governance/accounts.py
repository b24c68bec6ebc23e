"""People's accounts: invited, given roles, deactivated. Administrators do it; the log keeps it.

Every verb takes `by`, the administrator, and raises `Refused` (`access.denied`) for anybody else.
In the log a person is `user:7`; names stand in erasable contents only (see `erasure`).
"""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction

from countersign.statement import Refused
from governance.access import demand
from governance.audit import entries
from governance.models import Membership, OneTimeToken
from governance.senders import issue_one_time_token, spend_one_time_token

ERASED = "erased-"  # how the name of an erased person begins; nobody else's does


def actor_of(person: User) -> str:
    """How the log names a person."""
    return f"user:{person.pk}"


def called(person: User) -> set[str]:
    """What the person may be called where names are written freely, in small letters.

    Migration 0003 compares the same.
    """
    return {n.lower() for n in (person.username, person.email, person.get_full_name()) if n}


def invite(name: str, roles: Iterable[tuple[str, str]], *, by: User, email: str = "") -> str:
    """Make an account with these (role, unit) and return the secret of its link.

    `email` is by which an identity provider may vouch for the person. Raises `Refused`
    (`account.name_taken`).
    """
    demand(by, "account.manage")
    try:
        with transaction.atomic():
            if name.lower().startswith(ERASED) or _is_taken(name, email):
                raise IntegrityError
            person = User.objects.create_user(name, email)
            if email:
                EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
            told = {"name": name} | ({"email": email} if email else {})
            _record("person.invited", person, by, content=told)
            for role, unit in roles:
                grant(person, role, unit, by=by)
            return issue_link(person, by=by)
    except IntegrityError:
        raise Refused(
            "account.name_taken", "Somebody has this name or e-mail address already.", "username"
        ) from None


def issue_link(person: User, *, by: User) -> str:
    """A secret with which the person sets a password: once, within a day. Older ones end."""
    demand(by, "account.manage")
    with transaction.atomic():
        OneTimeToken.objects.filter(user=person, used_at=None).delete()
        return issue_one_time_token(OneTimeToken.Purpose.JOIN, actor=actor_of(by), user=person)


def join(secret: str, password: str) -> User:
    """Use a link up: its person has this password now, and every older session of theirs ends.

    Raises `Refused` (`one_time_token.invalid`) and `ValidationError` for a weak password; then the
    link stays good.
    """
    with transaction.atomic():
        person = spend_one_time_token(secret, OneTimeToken.Purpose.JOIN).user
        if person is None or not person.is_active:
            raise Refused("one_time_token.invalid", "The link is for nobody who may log in.")
        validate_password(password, person)
        person.set_password(password)
        person.save(update_fields=["password"])
        end_sessions(person)
        _record("person.joined", person, person)
    return person


def grant(person: User, role: str, unit: str, *, by: User) -> None:
    """Give a role in a business unit, or (empty) in all. Giving it again changes nothing."""
    demand(by, "account.manage")
    with transaction.atomic():
        _, new = Membership.objects.get_or_create(user=person, role=role, business_unit=unit)
        if new:
            _record("role.granted", person, by, role=str(role), business_unit=unit)


def withdraw(person: User, role: str, unit: str, *, by: User) -> None:
    """Take a role back. Taking it again changes nothing."""
    demand(by, "account.manage")
    with transaction.atomic():
        held = Membership.objects.filter(user=person, role=role, business_unit=unit)
        if held.delete()[0]:
            _record("role.withdrawn", person, by, role=str(role), business_unit=unit)


def make_administrator(person: User, *, by: User) -> None:
    """The person manages accounts and keys from now on."""
    _change(person, "administrator.made", by, is_superuser=True)


def unmake_administrator(person: User, *, by: User) -> None:
    """The person no longer administers. Raises `Refused` (`account.last_administrator`)."""
    _change(person, "administrator.unmade", by, is_superuser=False)


def deactivate(person: User, *, by: User) -> None:
    """The person can't log in, and is logged out. Raises `Refused` (`account.last_administrator`).

    What they decided stands, with their name.
    """
    with transaction.atomic():
        _change(person, "person.deactivated", by, is_active=False)
        end_sessions(person)


def reactivate(person: User, *, by: User) -> None:
    """The person may log in again, with their roles. Raises `Refused` (`account.erased`)."""
    if is_erased(person):
        raise Refused("account.erased", "This person's data are erased; invite them anew.")
    _change(person, "person.reactivated", by, is_active=True)


def reset_second_factor(person: User, *, by: User) -> None:
    """Forget the person's app, keys and recovery codes, and log them out."""
    demand(by, "account.manage")
    with transaction.atomic():
        if Authenticator.objects.filter(user=person).delete()[0]:
            end_sessions(person)
            _record("second_factor.reset", person, by)


def is_erased(person: User) -> bool:
    """Whether name and address are gone."""
    return person.username == f"{ERASED}{person.pk}"


def end_sessions(person: User) -> None:
    """Log the person out wherever they are logged in."""
    for session in UserSession.objects.filter(user=person):
        session.end()


def _is_taken(name: str, email: str) -> bool:
    """Names and addresses that differ in capitals only are the same to a reader."""
    same = User.objects.filter(username__iexact=name)
    return same.exists() or bool(email and User.objects.filter(email__iexact=email).exists())


def _change(person: User, kind: str, by: User, **fields: bool) -> None:
    """A conditional update, with an administrator left afterwards, recorded if it changed anything.

    All administrators are locked first, in one order: of two who demote each other at once, the
    second finds that nobody would be left.
    """
    demand(by, "account.manage")
    with transaction.atomic():
        _refuse_to_lose_the_last(person, fields)
        if User.objects.filter(pk=person.pk).exclude(**fields).update(**fields):
            _record(kind, person, by)
    person.refresh_from_db()


def _refuse_to_lose_the_last(person: User, fields: dict[str, bool]) -> None:
    if all(fields.values()):
        return
    administering = User.objects.filter(
        is_superuser=True, is_active=True, last_login__isnull=False
    ).select_for_update()
    left = [each.pk for each in administering.order_by("pk")]
    if left == [person.pk]:
        raise Refused(
            "account.last_administrator",
            "Nobody else who has ever logged in administers this appliance.",
        )


def _record(kind: str, person: User, by: User, **facts: str | dict[str, str]) -> None:
    content = facts.pop("content", {})
    assert isinstance(content, dict)
    entries.record(
        kind,
        actor=actor_of(by),
        content=content,
        person=actor_of(person),
        **facts,  # type: ignore[arg-type]
    )
