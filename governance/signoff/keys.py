"""Approvers' keys. The private half never comes here: it lives in a browser or in a key file."""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from countersign.statement import Refused
from governance import secret_files
from governance.access import demand
from governance.audit import entries
from governance.models import ApproverKey

from .guard import kept_by_the_database


def summary_key() -> Ed25519PrivateKey:
    """The appliance's own key: it signs summaries, never an approval."""
    return secret_files.signing_key("sign_off", Path(settings.COUNTERSIGN_DATA))


def name_of(person: User) -> str:
    """The name that stands in a signature."""
    return person.get_full_name() or person.get_username()


def enrol_approver_key(person: User, *, label: str, public_key: bytes) -> ApproverKey:
    """A raw Ed25519 public key whose private half this person holds. Raises `Refused`."""
    demand(person, "signoff.decide")
    if len(public_key) != 32:
        raise Refused("key.malformed", "A public key is 32 bytes in base64.", "$.public_key")
    keyid = hashlib.sha256(public_key).hexdigest()
    with kept_by_the_database():
        key = ApproverKey.objects.create(
            user=person, label=label.strip()[:64] or "key", keyid=keyid, public_key=public_key
        )
        entries.record(
            "approver_key.enrolled",
            actor=f"user:{person.pk}",
            content={"name": name_of(person)},
            keyid=keyid,
        )
    return key


def revoke_approver_key(key: ApproverKey, *, actor: str) -> None:
    """From now on it signs nothing; what it signed before stays signed."""
    with transaction.atomic():
        unrevoked = ApproverKey.objects.filter(pk=key.pk, revoked_at=None)
        if unrevoked.update(revoked_at=timezone.now()):
            entries.record("approver_key.revoked", actor=actor, keyid=key.keyid)
