"""From a baseline to its plan: what a collector is to count, and how little it may tell.

The appliance signs it.
"""

import base64
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from countersign import dsse
from countersign.statement import Baseline, Plan, Refused, decode, digest_of, encode
from detectors import demands, models
from governance import secret_files
from governance.audit import entries
from governance.models import Version
from governance.policies import Policy


def make_plan(baseline: Baseline, digest: str, policy: Policy, issued: datetime) -> Plan:
    """What to count after a baseline (`digest` is its statement's): the same columns and bins.

    The noise is the policy's, the floor and the windows' length whichever demand more. Means have
    no bound that noise could be held against, so under noise none are asked for.
    """
    privacy = demands.privacy_of_plan(baseline.privacy, policy)
    return Plan(
        model=baseline.model,
        version=baseline.version,
        baseline=digest,
        revision=baseline.revision,
        issued=issued,
        window_seconds=max(baseline.window_seconds, policy.window_seconds),
        season=baseline.season,
        threshold=baseline.threshold,
        privacy=privacy,
        columns=baseline.columns,
        slices=baseline.slices,
        maps=baseline.maps if privacy.mechanism == "none" else [],
    )


def sign_plan(plan: Plan, version_digest: str) -> tuple[str, bytes]:
    """The plan's digest, and its statement in an envelope signed with the appliance's plan key."""
    payload = encode(plan, version_digest)
    return digest_of(payload), dsse.sign(payload, plan_key())


@lru_cache(maxsize=16)
def read_plan(digest: str) -> Plan:
    """An issued plan by its digest. It never changes, so every process reads it once."""
    row = models.Plan.objects.only("envelope").get(digest=digest)
    payload = base64.b64decode(dsse.parse(bytes(row.envelope)).payload)
    return decode(payload, Plan)[1]


def plan_digest_of(baseline: str) -> str:
    """The digest of the plan in force for the accepted baseline statement of this digest."""
    return models.Baseline.objects.get(statement__digest=baseline).plan_digest


def issue_plan(
    row: models.Baseline, baseline: Baseline, policy: Policy, *, issued: datetime, actor: str
) -> models.Plan:
    """Make, sign and keep a plan for a baseline, in the caller's transaction."""
    plan = make_plan(baseline, row.statement.digest, policy, issued)
    digest, envelope = sign_plan(plan, row.version.digest)
    entries.record("plan.issued", actor=actor, plan=digest, baseline=row.statement.digest)
    return models.Plan.objects.create(
        baseline=row,
        digest=digest,
        envelope=envelope,
        demands=demands.digest_of(policy),
        issued_at=issued,
    )


def plan_in_force(version: Version) -> bytes:
    """The envelope of a version's newest plan.

    Raises `Refused` (`plan.none`; `privacy.column_not_allowed` where the policy took it back).
    """
    plans = models.Plan.objects.filter(baseline__version=version)
    plan = plans.order_by("-baseline__revision", "-pk").first()
    if plan is None:
        raise Refused("plan.none", "This version has no plan, because it has no baseline yet.")
    if plan.withdrawn_at is not None:
        raise demands.withdrawn()
    return bytes(plan.envelope)


def plan_key() -> Ed25519PrivateKey:
    """The key under which the appliance signs its plans; collectors learn it when they enrol."""
    return secret_files.signing_key("plan", Path(settings.COUNTERSIGN_DATA))
