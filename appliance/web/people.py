"""Who did it: between the log's actors (`user:7`) and the names that pages show."""

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.http import HttpRequest

from governance.incidents import SYSTEM


def actor_of(request: HttpRequest) -> str:
    """How the log names whoever asks."""
    return f"user:{request.user.pk}"


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """What to call each actor, in one query."""
    known = set(actors)
    numbers = [int(actor[5:]) for actor in known if actor.startswith("user:")]
    users = get_user_model().objects.filter(pk__in=numbers).values_list("pk", "username")
    names = {f"user:{number}": name for number, name in users}
    return {actor: names.get(actor) or _name(actor) for actor in known}


def _name(actor: str) -> str:
    """
    >>> _name("countersign"), _name("key:0123456789abcdef"), _name("token:3")
    ('Countersign', 'key 0123456789ab…', 'token 3')
    """
    if actor == SYSTEM:
        return "Countersign"
    kind, _, number = actor.partition(":")
    return f"{kind} {number[:12]}…" if len(number) > 12 else f"{kind} {number}"
