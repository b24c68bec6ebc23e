"""From a baseline to its plan and its monitors: nobody configures either.

A plan says to the collector what to count and how little may be told; the appliance signs it. A
monitor names the columns that a detector looks at, by their role and kind.
"""

import base64
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from countersign import dsse
from countersign.statement import Baseline, Column, Plan, Refused, decode, digest_of, encode
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


def _counted(column: Column) -> bool:
    return column.role != "outcome"


def _numeric(column: Column) -> bool:
    return _counted(column) and column.kind == "numeric"


def _unordered(column: Column) -> bool:
    return _counted(column) and column.kind != "numeric"


def _categorical(column: Column) -> bool:
    return _counted(column) and column.kind == "categorical"


def _score(column: Column) -> bool:
    return column.role == "score"


def _group(column: Column) -> bool:
    return column.role == "group"


def _none(column: Column) -> bool:
    return False


ALWAYS: dict[str, Callable[[Column], bool]] = {
    "missing": _counted,
    "invalid": _counted,
    "out_of_range": _numeric,
    "other_category": _categorical,
    "volume": _none,  # it counts rows, whatever the columns
    "ks": _numeric,
    "q": _unordered,
    "drift_alarm": _counted,
}
WITH_DECISIONS: dict[str, Callable[[Column], bool]] = {"fairness_selection": _group}
WITH_DECISIONS_AND_LABELS: dict[str, Callable[[Column], bool]] = {
    "estimated_performance": _score,
    "realised_performance": _score,
    "fairness_outcome": _group,
}


def monitors_for(baseline: Baseline) -> dict[str, list[str]]:
    """Each detector that has something to look at, and the names of the columns it looks at."""
    table = dict(ALWAYS)
    labelled = baseline.labels is not None and baseline.labels.overall is not None
    if baseline.threshold is not None:
        table |= WITH_DECISIONS
    if baseline.threshold is not None and labelled:
        table |= WITH_DECISIONS_AND_LABELS
    chosen = {
        detector: [column.name for column in baseline.columns if applies(column)]
        for detector, applies in table.items()
    }
    return {detector: names for detector, names in chosen.items() if names or detector == "volume"}


def plan_key() -> Ed25519PrivateKey:
    """The key under which the appliance signs its plans; collectors learn it when they enrol."""
    return secret_files.signing_key("plan", Path(settings.COUNTERSIGN_DATA))
