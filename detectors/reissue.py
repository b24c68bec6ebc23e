"""Plans follow the policy: when it changes, versions get newly issued plans.

The old plan holds for the policy's plan grace, as after a new baseline. A plan whose baseline has a
column that is no longer allowed is withdrawn instead: only a new baseline brings another one.

Called right after a change, and by the clock, so that nothing is missed whichever way policies or
the places of models change.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from countersign.statement import Baseline, Refused, decode
from detectors import demands, plans
from detectors.models import Plan
from governance import policies
from governance.audit import entries
from governance.incidents import SYSTEM
from governance.models import Model, Version


def follow_policy() -> int:
    """Issue or withdraw plans where the policy demands others. Returns how many were."""
    levels = Model.objects.order_by().values_list("business_unit", "tier").distinct()
    changed = 0
    for business_unit, tier in levels:
        policy = policies.composed(policies.Level(business_unit, tier)).policy
        here = Q(baseline__version__model__business_unit=business_unit)
        here &= Q(baseline__version__model__tier=tier)
        stale = _in_force().filter(here).exclude(demands=demands.digest_of(policy))
        changed += sum(_follow(plan, policy) for plan in stale)
    return changed


def _in_force() -> QuerySet[Plan]:
    """The newest plan of every version."""
    newest = Plan.objects.order_by("baseline__version", "-baseline__revision", "-pk")
    rows = Plan.objects.filter(pk__in=newest.distinct("baseline__version").values("pk"))
    return rows.select_related("baseline__version", "baseline__statement")


def _follow(plan: Plan, policy: policies.Policy) -> bool:
    """Bring one version's plan up to the policy; false if it was there, or somebody else did it."""
    row, now = plan.baseline, timezone.now()
    _, baseline = decode(bytes(row.statement.payload), Baseline)
    allowed = _allowed(baseline, policy)
    wanted = plans.make_plan(baseline, row.statement.digest, policy, now)
    held = plans.read_plan(plan.digest)
    same = (held.privacy, held.window_seconds) == (wanted.privacy, wanted.window_seconds)
    with transaction.atomic():
        Version.objects.select_for_update(no_key=True).get(pk=row.version_id)
        if not _in_force().filter(pk=plan.pk).exists():
            return False
        if not allowed:
            return _withdraw(plan, policy, now)
        if same:
            _mark(plan, policy, withdrawn_at=None)
            return False
        plans.issue_plan(row, baseline, policy, issued=now, actor=SYSTEM)
        row.window_seconds = wanted.window_seconds
        row.save(update_fields=["window_seconds"])
        return True


def _allowed(baseline: Baseline, policy: policies.Policy) -> bool:
    try:
        demands.check_columns(baseline.columns, policy)
    except Refused:
        return False
    return True


def _withdraw(plan: Plan, policy: policies.Policy, now: datetime) -> bool:
    _mark(plan, policy, withdrawn_at=plan.withdrawn_at or now)
    if plan.withdrawn_at is not None:
        return False
    entries.record("plan.withdrawn", actor=SYSTEM, plan=plan.digest)
    return True


def _mark(plan: Plan, policy: policies.Policy, *, withdrawn_at: datetime | None) -> None:
    """Looked at under this policy."""
    Plan.objects.filter(pk=plan.pk).update(
        demands=demands.digest_of(policy), withdrawn_at=withdrawn_at
    )
