"""Who may send: one-time tokens enrol a key, an enrolled key signs, a bearer token carries scopes.

Secrets have 256 random bits and are found by their SHA-256, which is all that is kept. What a
look-up by hash takes in time tells nothing about a secret, so nothing here compares secrets.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from msgspec import Meta

from countersign.statement import Refused
from countersign.tables import Slug
from governance.audit import entries
from governance.models import OneTimeToken, Sender, Token

OF_COLLECTORS = frozenset({"register", "upload", "read"})
SCOPES = OF_COLLECTORS | {"inventory"}  # which changes what people have registered
ONE_TIME_LIFETIME = timedelta(days=1)
MOST = 100  # models that a key is limited to
NAMES = Annotated[list[Slug], Meta(max_length=MOST)]


@dataclass(frozen=True)
class Caller:
    """Who asks, as the log names them: `key:<keyid>` or `token:<number>`.

    Knowing who it is grants nothing; `demand` says whether they may.
    """

    actor: str
    name: str
    scopes: frozenset[str]
    sender: Sender | None
    revoked: bool
    models: frozenset[str] = frozenset()  # all, if there are none

    def demand(self, *scopes: str) -> None:
        """One of the scopes is enough. Raises `Refused` (`credential.revoked`, `.scope`)."""
        if self.revoked:
            raise Refused("credential.revoked", "This key or token has been revoked.")
        if self.scopes.isdisjoint(scopes):
            raise Refused("credential.scope", f"This needs the scope {' or '.join(scopes)}.")

    def demand_model(self, name: str) -> None:
        """Raises `Refused` (`credential.model`), whether or not there is such a model."""
        if self.models and name not in self.models:
            raise Refused("credential.model", "This key or token is for other models.")


def issue_one_time_token(
    purpose: str, *, actor: str, models: Collection[str] = (), user: User | None = None
) -> str:
    """A secret that works once and for one day. It is told here and never again.

    With `models`, what it enrols is limited to them; with `user`, it is that person's. Raises
    `Refused` (`sender.models`).
    """
    secret, names = _new_secret("once"), _names(models)
    with transaction.atomic():
        OneTimeToken.objects.create(
            purpose=purpose,
            for_models=names,
            digest=_hash(secret),
            user=user,
            expires_at=timezone.now() + ONE_TIME_LIFETIME,
        )
        facts = {"person": f"user:{user.pk}"} if user else {"models": [*names]}
        entries.record("one_time_token.issued", actor=actor, purpose=str(purpose), **facts)
    return secret


def spend_one_time_token(secret: str, purpose: str) -> OneTimeToken:
    """Use a one-time token up, inside the caller's transaction. Of two at once, one succeeds.

    Raises `Refused` (`one_time_token.invalid`), which doesn't say why: unknown, used or expired.
    """
    now = timezone.now()
    usable = OneTimeToken.objects.filter(
        digest=_hash(secret), purpose=purpose, used_at=None, expires_at__gt=now
    )
    if not usable.update(used_at=now):
        raise Refused("one_time_token.invalid", "The one-time token is unknown, used or expired.")
    return OneTimeToken.objects.select_related("user").get(digest=_hash(secret))


def enrol_key(secret: str, *, name: str, public_key: bytes) -> tuple[Sender, str]:
    """Enrol a raw Ed25519 public key with a one-time token; the sender and its bearer token.

    Raises `Refused` (`one_time_token.invalid`, `key.already_enrolled`); then the one-time token
    stays as it was.
    """
    keyid = hashlib.sha256(public_key).hexdigest()
    try:
        with transaction.atomic():
            token = spend_one_time_token(secret, OneTimeToken.Purpose.ENROL)
            sender = Sender.objects.create(
                name=name, keyid=keyid, public_key=public_key, for_models=token.for_models
            )
            actor = f"key:{keyid}"
            entries.record("key.enrolled", actor=actor, content={"name": name}, keyid=keyid)
            return sender, issue_token(name, OF_COLLECTORS, actor=actor, sender=sender)
    except IntegrityError:
        raise Refused("key.already_enrolled", "This public key is enrolled already.") from None


def issue_token(
    name: str,
    scopes: Collection[str],
    *,
    actor: str,
    sender: Sender | None = None,
    models: Collection[str] = (),
) -> str:
    """A bearer token's secret, told here and never again. A sender's has the sender's limits."""
    secret, names = _new_secret("bearer"), _names(models)
    with transaction.atomic():
        token = Token.objects.create(
            name=name,
            digest=_hash(secret),
            scopes=sorted(scopes),
            sender=sender,
            for_models=names,
        )
        entries.record(
            "token.issued",
            actor=actor,
            content={"name": name},
            token=token.pk,
            scopes=[*sorted(scopes)],
            models=[*names],
        )
    return secret


def authenticate_bearer(secret: str) -> Caller:
    """Whose token it is. Raises `Refused` (`token.unknown`)."""
    token = Token.objects.filter(digest=_hash(secret)).select_related("sender").first()
    if token is None:
        raise Refused("token.unknown", "This bearer token was never issued here.")
    scopes, revoked = frozenset(token.scopes), token.revoked_at is not None
    if token.sender is None:
        models = frozenset(token.for_models)
        return Caller(f"token:{token.pk}", token.name, scopes, None, revoked, models)
    return _as_caller(token.sender, scopes, revoked)


def find_sender(keyid: str) -> Sender | None:
    """The sender whose key has this id, revoked or not."""
    return Sender.objects.filter(keyid=keyid).first()


def signer(sender: Sender) -> Caller:
    """Who stands behind a signature of this sender's, once it has been verified: it may upload."""
    return _as_caller(sender, frozenset({"upload"}))


def limit_sender(sender: Sender, models: Collection[str], *, actor: str) -> None:
    """From now on the key and its tokens are for these models; for all, if there are none.

    Raises `Refused` (`sender.models`).
    """
    names = _names(models)
    with transaction.atomic():
        Sender.objects.filter(pk=sender.pk).update(for_models=names)
        entries.record("key.limited", actor=actor, keyid=sender.keyid, models=[*names])


def revoke_sender(sender: Sender, *, actor: str) -> None:
    """The key no longer vouches for anything, nor do the tokens issued to it."""
    with transaction.atomic():
        unrevoked = Sender.objects.filter(pk=sender.pk, revoked_at=None)
        if unrevoked.update(revoked_at=timezone.now()):
            entries.record("key.revoked", actor=actor, keyid=sender.keyid)


def revoke_token(token: Token, *, actor: str) -> None:
    """The token no longer works."""
    with transaction.atomic():
        unrevoked = Token.objects.filter(pk=token.pk, revoked_at=None)
        if unrevoked.update(revoked_at=timezone.now()):
            entries.record("token.revoked", actor=actor, token=token.pk)


def _as_caller(sender: Sender, scopes: frozenset[str], revoked: bool = False) -> Caller:
    revoked = revoked or sender.revoked_at is not None
    models = frozenset(sender.for_models)
    return Caller(f"key:{sender.keyid}", sender.name, scopes, sender, revoked, models)


def _names(models: Collection[str]) -> list[str]:
    try:
        names: list[str] = msgspec.convert(sorted(set(models)), NAMES)
    except msgspec.ValidationError:
        raise Refused(
            "sender.models",
            f"Models are called by their registered names, at most {MOST} of them.",
        ) from None
    return names


def _new_secret(kind: str) -> str:
    return f"countersign-{kind}-{secrets.token_urlsafe(32)}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
