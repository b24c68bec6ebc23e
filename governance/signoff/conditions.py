"""An approval holds as long as its conditions do, and until its review.

What ends it is told: a signed summary that it failed, an incident, a request for a review. People
decide what follows; nothing is blocked, retrained or rolled back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from countersign.approval import Condition
from governance import incidents, policies
from governance.audit import entries
from governance.incidents import SYSTEM, Finding, Occasion
from governance.models import Incident, SignOff, Version
from governance.policy_settings import SEVERITIES

from . import summaries
from .requests import Evidence, Status, ask_again, expired, moved

Interval = tuple[float, float, float]  # value, low, high
Values = Mapping[tuple[str, str], Interval]  # by a condition's kind and figure


def watch(occasion: Occasion, values: Values, evidence: Callable[[Version], Evidence]) -> None:
    """Hold the version's approval against what a window showed. In the caller's transaction.

    A bound is broken when the figure's whole interval lies beyond it, so that chance alone ends
    nothing; a figure that could not be given breaks nothing.
    """
    approved = SignOff.objects.filter(version=occasion.version, status=Status.APPROVED)
    sign_off = approved.exclude(conditions=[]).select_related("version__model", "submitter").first()
    if sign_off is None:
        return
    values = {**values, **_open_incidents(occasion.version)}
    conditions = msgspec.convert(sign_off.conditions, list[Condition])
    findings = [f for each in conditions if (f := _finding(each, values)) is not None]
    if findings and moved(sign_off, Status.APPROVED, Status.BROKEN):
        summaries.fail(sign_off, "signoff.condition_broken")
        incidents.weigh(findings, occasion, policies.in_force(sign_off.version.model))
        ask_again(sign_off, evidence(sign_off.version), reason=findings[0].sentence)


def watch_incidents(evidence: Callable[[Version], Evidence]) -> None:
    """Hold approvals against open incidents, also of versions that send no windows any more."""
    rows = SignOff.objects.filter(
        status=Status.APPROVED, conditions__contains=[{"kind": "incidents"}]
    )
    for sign_off in rows.select_related("version__model"):
        newest = _open(sign_off.version).order_by("-last_window").first()
        if newest is not None:
            with transaction.atomic():
                watch(
                    Occasion(
                        sign_off.version, newest.deployment, newest.first_window, newest.last_window
                    ),
                    {},
                    evidence,
                )


def end_overdue(now: datetime, evidence: Callable[[Version], Evidence]) -> int:
    """Close what was not decided in time, and end what is due for review. Returns how many."""
    return sum(_end(sign_off, evidence) for sign_off in expired(now))


def _end(sign_off: SignOff, evidence: Callable[[Version], Evidence]) -> bool:
    before = sign_off.status
    with transaction.atomic():
        if not moved(sign_off, before, Status.EXPIRED):
            return False
        if before == Status.WAITING:
            entries.record("signoff.expired", actor=SYSTEM, request=sign_off.identity)
        else:
            summaries.fail(sign_off, "signoff.review_due")
            ask_again(sign_off, evidence(sign_off.version), reason="Its review is due.")
    return True


def _finding(condition: Condition, values: Values) -> Finding | None:
    """The broken condition as a finding, or None where it holds or nothing is known."""
    told = values.get((condition.kind, condition.figure))
    if told is None:
        return None
    value, low, high = told
    least, most = condition.at_least, condition.at_most
    if not ((least is not None and high < least) or (most is not None and low > most)):
        return None
    bound = f"at least {least:g}" if least is not None else f"at most {most:g}"
    return Finding(
        cause=Incident.Cause.SIGN_OFF,
        detector="sign_off_condition",
        name=f"{condition.kind}:{condition.figure}",
        sentence=f"A condition of the sign-off no longer holds: {condition.kind}, "
        f"{condition.figure} is {value:.3g} and should be {bound}.",
        severity="high",
        value=value,
        low=low,
        high=high,
        limit=most if least is None else least,
    )


def _open_incidents(version: Version) -> dict[tuple[str, str], Interval]:
    """How many incidents of each severity or worse are open, apart from broken sign-offs."""
    severities = list(_open(version).values_list("severity", flat=True))
    counts = {
        worst: float(sum(SEVERITIES.index(s) <= SEVERITIES.index(worst) for s in severities))
        for worst in SEVERITIES
    }
    return {("incidents", severity): (n, n, n) for severity, n in counts.items()}


def _open(version: Version) -> QuerySet[Incident]:
    unresolved = version.incidents.exclude(status=Incident.Status.RESOLVED)
    return unresolved.exclude(cause=Incident.Cause.SIGN_OFF)
