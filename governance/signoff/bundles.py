"""The bundle that a pipeline checks offline, and the keys that it pins; see `countersign.gate`."""

import base64
import json

import msgspec
from django.db.models import QuerySet

from countersign import dsse
from countersign.gate import Bundle
from countersign.statement import Refused
from governance.audit import keys as log_keys
from governance.audit import log
from governance.models import ApproverKey, Entry, Model, SignOffSummary, Version

from .keys import summary_key


def bundle_of(
    version_digest: str, among: QuerySet[Model] | None = None, *, version: str | None = None
) -> bytes:
    """What is known of an artefact now: its newest summary, with all that proves it.

    `among`: the models of which one may ask, or asks; all, if it is left out. `version`: of this
    name only.

    Raises `Refused` (`gate.ambiguous`, `signoff.none`, `signoff.not_sealed`).
    """
    versions = Version.objects.filter(digest=version_digest)
    if among is not None:
        versions = versions.filter(model__in=among)
    if version is not None:
        versions = versions.filter(name=version)
    if versions.values("model").distinct().count() > 1:
        raise Refused("gate.ambiguous", "Several models have a version of this digest.")
    rows = SignOffSummary.objects.filter(sign_off__version__in=versions)
    newest = rows.select_related("sign_off").order_by("-pk").first()
    if newest is None:
        raise Refused("signoff.none", "No version of this digest was ever signed off here.")
    entry = Entry.objects.get(pk=newest.entry)
    proof = log.inclusion_proof(entry)
    if proof is None:
        raise Refused("signoff.not_sealed", "The log does not prove the newest summary yet.")
    decisions = newest.sign_off.decisions.order_by("pk")
    bundle = Bundle(
        agreement=dsse.parse(bytes(newest.agreement)),
        decisions=[dsse.parse(bytes(row.envelope)) for row in decisions],
        summary=dsse.parse(bytes(newest.envelope)),
        entry=bytes(entry.body).decode(),
        proof=proof,
    )
    return msgspec.json.encode(bundle)


def trust() -> str:
    """What a pipeline pins, as TOML: to be compared with each approver by another way."""
    rows = ApproverKey.objects.filter(revoked_at=None, user__is_active=True)
    keys: dict[str, list[str]] = {}
    for key in rows.select_related("user").order_by("user", "pk"):
        keys.setdefault(key.user.get_username(), []).append(_base64(bytes(key.public_key)))
    ours = summary_key().public_key().public_bytes_raw()
    return "\n".join(
        [
            f'appliance = "{_base64(ours)}"',
            f'log = "{log_keys.verifier_key().vkey}"',
            "threshold = 2",
            'level = "MRM_TIER1_APPROVED"',
            "max_age_days = 180",
            "",
            "[approvers]",
            *(f'"{name}" = {json.dumps(own)}' for name, own in keys.items()),
            "",
        ]
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
