"""Who did it: between the log's actors (`user:7`) and the names that pages show."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.http import HttpRequest

from governance.accounts import is_erased
from governance.incidents import SYSTEM
from governance.models import Sender


def person_of(request: HttpRequest) -> User:
    """Whoever is logged in; the page's door let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def actor_of(request: HttpRequest) -> str:
    """How the log names whoever asks."""
    return f"user:{request.user.pk}"


def called(user: User) -> str:
    """What pages call a person."""
    return "erased person" if is_erased(user) else user.username


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """What to call each actor, in two queries."""
    known = set(actors)
    users = User.objects.filter(pk__in=_ids(known, "user:"))
    keys = Sender.objects.filter(keyid__in=_ids(known, "key:"))
    names = {f"user:{user.pk}": called(user) for user in users}
    names |= {f"key:{keyid}": name for keyid, name in keys.values_list("keyid", "name")}
    return {actor: names.get(actor) or _name(actor) for actor in known}


def _ids(actors: Iterable[str], kind: str) -> list[str]:
    return [actor.removeprefix(kind) for actor in actors if actor.startswith(kind)]


def _name(actor: str) -> str:
    """
    >>> _name("countersign"), _name("key:0123456789abcdef"), _name("token:3")
    ('Countersign', 'key 01234567…', 'token 3')
    """
    if actor == SYSTEM:
        return "Countersign"
    kind, _, number = actor.partition(":")
    return f"{kind} {number[:8]}…" if len(number) > 8 else f"{kind} {number}"
