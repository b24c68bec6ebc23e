"""Erase a person: who they were is gone, what they did stays provable.

The log's entries hold `user:7` and salted digests of names and texts. Erasing deletes the account's
name, address, password, second factors and sessions, the log's contents that name the person, and
the name in every free text that people wrote here. No entry changes, so every proof stays valid.

Not erased: what the person signed. The law demands the signer's name in a signature and that model
records are kept (21 CFR 11.50, SR 26-2, EU AI Act Art. 18 and 19), which GDPR Art. 17(3)(b) allows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models import F, Func, QuerySet, Value
from psycopg.errors import UniqueViolation

from countersign.statement import Refused
from governance.access import demand
from governance.accounts import ERASED, actor_of, end_sessions, is_erased
from governance.audit import entries
from governance.models import Membership, OneTimeToken

WHERE = ("governance", "detectors")  # apps whose texts people write
SHORTEST = 150  # a column that takes so many characters takes free text, not an identifier
NAMES = {"sender.name", "token.name", "event.label", "approverkey.label"}  # shorter, and yet free
VALUES = {"change": ("before", "after")}  # JSON in which people's texts stand among others
LOG = {"entry", "content", "checkpoint", "witness", "cosignature"}  # whose contents it erases
MADE_HERE = {"incident", "sighting"}  # sentences about columns, not about people
SIGNED = {"signoff", "signoffdecision", "signoffsummary"}  # kept as they were signed
ACTOR = "actor"
INSTEAD = "erased person"
REPLACE = "regexp_replace"


@dataclass(frozen=True)
class Mentioned:
    """Where the person's name stands: a column's texts, or the log's contents."""

    place: str
    count: int


def mentions(person: User) -> list[Mentioned]:
    """What erasing the person would change, besides the account itself."""
    pattern = _pattern(person)
    texts = [
        Mentioned(f"{model._meta.verbose_name}: {name}", count)
        for model, name in _free_texts()
        if (count := _matching(model, name, pattern).count())
    ]
    contents = entries.naming(pattern, actor_of(person))
    return [*texts, Mentioned("log: names and texts", len(contents))]


def erase(person: User, *, by: User) -> None:
    """Forget who a deactivated person was. It can't be undone.

    Raises `Refused` (`account.active`, `account.erased`).
    """
    demand(by, "account.manage")
    with transaction.atomic():
        person = User.objects.select_for_update().get(pk=person.pk)
        if person.is_active:
            raise Refused("account.active", "Deactivate the person first.")
        if is_erased(person):
            raise Refused("account.erased", "This person's data are erased already.")
        pattern = _pattern(person)
        for model, name in _free_texts():
            value = Func(F(name), Value(pattern), Value(INSTEAD), Value("gi"), function=REPLACE)
            _rewrite(_matching(model, name, pattern), {name: value})
        _erase_in_values(pattern)
        for entry in entries.naming(pattern, actor_of(person)):
            entries.erase_content(entry, actor=actor_of(by))
        _forget_account(person)
        entries.record("person.erased", actor=actor_of(by), person=actor_of(person))


def _rewrite(rows: QuerySet[models.Model], change: dict[str, Func]) -> None:
    """Change the rows; of those that a table may have once and now say the same, one stays."""
    try:
        with transaction.atomic():
            rows.update(**change)
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        numbers = list(rows.values_list("pk", flat=True))
        if len(numbers) == 1:
            rows.delete()
        else:
            for number in numbers:
                _rewrite(rows.filter(pk=number), change)


def _forget_account(person: User) -> None:
    end_sessions(person)
    for model in (EmailAddress, SocialAccount, Authenticator, Membership, OneTimeToken):
        model.objects.filter(user=person).delete()
    person.username = f"{ERASED}{person.pk}"
    person.first_name = person.last_name = person.email = ""
    person.is_superuser = person.is_staff = False
    person.last_login = None
    person.set_unusable_password()
    person.save()


def _pattern(person: User) -> str:
    """Name and address as whole words, in any case; as PostgreSQL's and Python's syntax agree."""
    names = {person.username, person.email, person.get_full_name()} - {""}
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    return rf"(?<!\w)({'|'.join(longest_first)})(?!\w)"


def _erase_in_values(pattern: str) -> None:
    for label, names in VALUES.items():
        model = apps.get_model("governance", label)
        for name in names:
            for row in model._default_manager.filter(**{f"{name}__iregex": pattern}):
                setattr(row, name, _without(getattr(row, name), pattern))
                row.save(update_fields=[name])


def _without(value: Any, pattern: str) -> Any:
    """
    >>> _without({"owner": "Ada", "tags": ["for ada"], "ada": 1}, "ada")
    {'owner': 'erased person', 'tags': ['for erased person'], 'ada': 1}
    """
    match value:
        case str():
            return re.sub(pattern, INSTEAD, value, flags=re.IGNORECASE)
        case list():
            return [_without(each, pattern) for each in value]
        case dict():
            return {key: _without(each, pattern) for key, each in value.items()}
    return value


def _matching(model: type[models.Model], name: str, pattern: str) -> QuerySet[models.Model]:
    return model._default_manager.filter(**{f"{name}__iregex": pattern})


def _free_texts() -> Iterator[tuple[type[models.Model], str]]:
    """Every column in which people write as they like, whoever added it: (table, column)."""
    for label in WHERE:
        for model in apps.get_app_config(label).get_models():
            if model._meta.model_name not in LOG | MADE_HERE | SIGNED:
                names = [f.name for f in model._meta.get_fields() if _is_free(model, f)]
                yield from ((model, name) for name in names)


def _is_free(model: type[models.Model], field: object) -> bool:
    if not isinstance(field, models.CharField | models.TextField) or field.choices:
        return False
    if f"{model._meta.model_name}.{field.name}" in NAMES:
        return True
    long = isinstance(field, models.TextField) or (field.max_length or 0) >= SHORTEST
    return long and field.name != ACTOR
