"""From a baseline to its plan: what a collector is to count, and how little it may tell.

The appliance signs it.
"""

import base64
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from countersign import dsse
from countersign.statement import Baseline, Plan, Refused, decode, digest_of, encode
from detectors import models
from governance import secret_files
from governance.models import Version
from governance.policies import Policy


def make_plan(baseline: Baseline, digest: str, policy: Policy, issued: datetime) -> Plan:
    """What to count after a baseline (`digest` is its statement's): the same columns and bins.

    The privacy is the baseline's, and its floor never lower than the policy's.
    """
    floor = max(policy.min_count, baseline.privacy.min_count)
    return Plan(
        model=baseline.model,
        version=baseline.version,
        baseline=digest,
        revision=baseline.revision,
        issued=issued,
        window_seconds=baseline.window_seconds,
        season=baseline.season,
        threshold=baseline.threshold,
        privacy=msgspec.structs.replace(baseline.privacy, min_count=floor),
        columns=baseline.columns,
        slices=baseline.slices,
        maps=baseline.maps,
    )


def sign_plan(plan: Plan, version_digest: str) -> tuple[str, bytes]:
    """The plan's digest, and its statement in an envelope signed with the appliance's plan key."""
    payload = encode(plan, version_digest)
    return digest_of(payload), dsse.sign(payload, plan_key())


@lru_cache(maxsize=16)
def read_plan(digest: str) -> Plan:
    """An issued plan by its digest. It never changes, so every process reads it once."""
    baseline = models.Baseline.objects.only("plan_envelope").get(plan_digest=digest)
    payload = base64.b64decode(dsse.parse(bytes(baseline.plan_envelope)).payload)
    return decode(payload, Plan)[1]


def plan_digest_of(baseline: str) -> str:
    """The digest of the plan made from the accepted baseline statement of this digest."""
    return models.Baseline.objects.values_list("plan_digest", flat=True).get(
        statement__digest=baseline
    )


def plan_in_force(version: Version) -> bytes:
    """The envelope of a version's newest plan. Raises `Refused` (`plan.none`)."""
    baseline = version.baselines.order_by("-revision").first()
    if baseline is None:
        raise Refused("plan.none", "This version has no plan, because it has no baseline yet.")
    return bytes(baseline.plan_envelope)


def plan_key() -> Ed25519PrivateKey:
    """The key under which the appliance signs its plans; collectors learn it when they enrol."""
    return secret_files.signing_key("plan", Path(settings.COUNTERSIGN_DATA))
