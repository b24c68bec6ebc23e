"""What the privacy policy demands: of a baseline when it comes, and of the plan made from it."""

import hashlib
from collections.abc import Iterable

import msgspec

from countersign.statement import Baseline, Refused, Window
from countersign.statement import Plan as WirePlan
from countersign.tables import Column, Privacy
from governance.policies import Policy

# What a plan follows from, besides its baseline.
FIELDS = ("min_count", "mechanism", "scale", "unit", "contribution", "window_seconds", "columns")


def digest_of(policy: Policy) -> str:
    """SHA-256 of what a policy demands of plans: while it stays, plans stay."""
    said = {name: getattr(policy, name) for name in FIELDS}
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def check_protection(declared: Privacy, policy: Policy) -> None:
    """A baseline's counts are protected as the policy says, or better."""
    path = "$.predicate.privacy"
    if declared.min_count < policy.min_count:
        raise Refused(
            "privacy.min_count_below_policy",
            f"The policy demands min_count {policy.min_count}.",
            f"{path}.min_count",
        )
    # Noise lifts the floor under single cells, so it is not the sender's to declare.
    if declared.mechanism != policy.mechanism:
        raise Refused(
            "privacy.mechanism_not_in_policy",
            f"The policy's mechanism is {policy.mechanism}.",
            f"{path}.mechanism",
        )
    bound = (declared.unit, declared.contribution) == (policy.unit, policy.contribution)
    if policy.mechanism != "none" and not (bound and declared.scale >= policy.scale):
        raise Refused(
            "privacy.noise_below_policy",
            f"The policy demands scale {policy.scale:g} per {policy.unit}, of whom a statement "
            f"has at most {policy.contribution}.",
            path,
        )


def check_columns(columns: Iterable[Column], policy: Policy) -> None:
    """Every column's name is one that the policy allows, and so are those joined in it."""
    for i, column in enumerate(columns):
        if not all(policy.allows_column(name) for name in (column.name, *column.of)):
            raise Refused(
                "privacy.column_not_allowed",
                "The policy names the columns that may be counted; this is none of them.",
                f"$.predicate.columns[{i}].name",
            )


def check_layout(baseline: Baseline, policy: Policy) -> None:
    """Under noise, nothing that the baseline lays out follows exactly from the rows."""
    if policy.mechanism == "none":
        return
    if baseline.maps:
        raise Refused(
            "privacy.not_noised",
            "How rows are standardised follows from the rows: under noise there are no maps.",
            "$.predicate.maps",
        )
    for i, column in enumerate(baseline.columns):
        if (column.edges or column.tokens) and column.layout == "rounded":
            raise Refused(
                "privacy.layout_not_noised",
                "Under noise, edges and vocabularies are declared, or found in noised counts.",
                f"$.predicate.columns[{i}].layout",
            )


def withdrawn() -> Refused:
    """What refuses a plan whose baseline has columns that the policy no longer allows."""
    return Refused(
        "privacy.column_not_allowed",
        "The policy no longer allows a column of this version's baseline.",
        "$.predicate.plan",
    )


def check_length(baseline: Baseline, policy: Policy) -> None:
    """A baseline's windows are as long as the policy says, or longer."""
    if baseline.window_seconds < policy.window_seconds:
        raise Refused(
            "window.too_short",
            f"The policy demands windows of {policy.window_seconds} seconds or more.",
            "$.predicate.window_seconds",
        )


def check_window_length(window: Window, plan: WirePlan, policy: Policy) -> None:
    """A window is as long as the policy says; under an older plan, as long as that one says."""
    shortest = min(policy.window_seconds, plan.window_seconds)
    if (window.end - window.start).total_seconds() < shortest:
        raise Refused(
            "window.too_short",
            f"The policy demands windows of {shortest} seconds or more.",
            "$.predicate.end",
        )


def privacy_of_plan(declared: Privacy, policy: Policy) -> Privacy:
    """What a plan demands: the policy's noise, and the higher of both floors."""
    floor = max(policy.min_count, declared.min_count)
    if policy.mechanism == "none":
        return msgspec.structs.replace(declared, mechanism="none", scale=0.0, min_count=floor)
    return msgspec.convert(
        {
            "unit": policy.unit,
            "contribution": policy.contribution,
            "mechanism": policy.mechanism,
            "scale": policy.scale,
            "min_count": floor,
        },
        Privacy,
    )
