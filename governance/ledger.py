"""The privacy ledger: every statement with noise reserves what it gives away, before it is kept.

Losses are zCDP's rho, as whole numbers of 1e-12, so that sums are exact. A model's statements of
any 365 days may add up to what the policy's (epsilon, delta) allows, and to nothing more: the one
that would go beyond is refused. The model's account is added to by a conditional update and stays
locked until the commit, so however many come at once, each sees what those before it have reserved.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from countersign.statement import Refused
from governance import zcdp
from governance.models import Loss, Model
from governance.policies import Policy

UNIT = 10**12
YEAR = timedelta(days=365)
RECENT = 28  # days whose spending is taken for the rate

# The update's condition is judged on the account's newest row, after waiting for whoever has it.
RESERVE = """
WITH past AS (
    SELECT total FROM governance_loss WHERE model_id = %(model)s AND reserved_at <= %(year_ago)s
    ORDER BY reserved_at DESC, id DESC LIMIT 1
), account AS (
    INSERT INTO governance_account AS account (model_id, total, reserved_at)
    SELECT %(model)s, %(cost)s, %(at)s WHERE %(cost)s <= %(limit)s
    ON CONFLICT (model_id) DO UPDATE
    SET total = account.total + %(cost)s, reserved_at = GREATEST(account.reserved_at, %(at)s)
    WHERE account.total - COALESCE((SELECT total FROM past), 0) + %(cost)s <= %(limit)s
    RETURNING total, reserved_at
)
INSERT INTO governance_loss (model_id, statement, kind, rho, total, reserved_at)
SELECT %(model)s, %(statement)s, %(kind)s, %(cost)s, total, reserved_at FROM account
"""


@dataclass(frozen=True)
class Standing:
    """What a model's statements of the last 365 days gave away, and what is left.

    Rhos are in 1e-12. `per_day` is the spending of the last 28 days, or of those since the first
    statement, per day. `runs_out` is when the limit is reached at this rate; None if it never is.
    """

    policy: Policy
    spent: int
    limit: int
    statements: int
    per_day: float
    runs_out: datetime | None

    @property
    def left(self) -> int:
        """What may still be given away; never below 0, also when the limit was lowered."""
        return max(0, self.limit - self.spent)

    @property
    def share(self) -> float:
        """Spent of the limit, as a share of rho."""
        return self.spent / self.limit if self.limit else 1.0

    @property
    def epsilon(self) -> float:
        """What was spent, as the epsilon of the policy's delta."""
        return zcdp.epsilon_of(self.spent / UNIT, self.policy.delta)


def reserve(
    model: Model, statement: str, kind: str, *, rho: float, policy: Policy, at: datetime
) -> int:
    """Set a statement's loss aside, in the caller's transaction; what it was, in 1e-12.

    Raises `Refused` (`privacy.budget_exhausted`).
    """
    cost = math.ceil(rho * UNIT)
    facts: dict[str, Any] = {"model": model.pk, "statement": statement, "kind": kind, "cost": cost}
    bounds = {"at": at, "year_ago": at - YEAR, "limit": limit_of(policy)}
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, facts | bounds)
        reserved = cursor.rowcount
    if not reserved:
        raise Refused(
            "privacy.budget_exhausted",
            f"In 365 days this model's statements may give away epsilon "
            f"{policy.epsilon_per_year:g} at delta {policy.delta:g}; this one would go beyond.",
            "$.predicate.privacy",
        )
    return cost


def limit_of(policy: Policy) -> int:
    """What a model may give away in 365 days, in 1e-12 of rho."""
    return math.floor(zcdp.rho_within(policy.epsilon_per_year, policy.delta) * UNIT)


def spent(model: Model, at: datetime) -> int:
    """What the statements of the 365 days before `at` gave away."""
    rows = Loss.objects.filter(model=model, reserved_at__gt=at - YEAR)
    return rows.aggregate(total=Sum("rho"))["total"] or 0


def spent_by_model(models: Iterable[Model], at: datetime) -> dict[int, int]:
    """The same of many models, by their ids; those that spent nothing are left out."""
    rows = Loss.objects.filter(model__in=models, reserved_at__gt=at - YEAR)
    return dict(rows.values_list("model").annotate(total=Sum("rho")).order_by("model"))


def standing(model: Model, policy: Policy, now: datetime) -> Standing:
    """How a model's ledger stands."""
    by_day = list(
        Loss.objects.filter(model=model, reserved_at__gt=now - YEAR)
        .annotate(day=TruncDate("reserved_at"))
        .values_list("day")
        .annotate(total=Sum("rho"), many=Count("pk"))
        .order_by("day")
    )
    ages = [((now.date() - day).days, int(total)) for day, total, _ in by_day]
    days = min(RECENT, ages[0][0] + 1) if ages else 1
    per_day = sum(total for age, total in ages if age < days) / days
    limit = limit_of(policy)
    left_days = days_left(ages, per_day, limit)
    return Standing(
        policy=policy,
        spent=sum(total for _, total in ages),
        limit=limit,
        statements=sum(many for *_, many in by_day),
        per_day=per_day,
        runs_out=None if left_days is None else now + timedelta(days=left_days),
    )


def days_left(ages: list[tuple[int, int]], per_day: float, limit: int) -> int | None:
    """After how many days the limit is reached, if every day costs `per_day` from now on.

    `ages` are days ago and what each cost, the oldest first. What is a year old is free again, so
    a rate that a whole year can bear never runs out: None.

    >>> days_left([(0, 10)], 10, limit=100), days_left([(0, 10)], 10, limit=4000)
    (9, None)
    """
    total = sum(cost for _, cost in ages)
    if total >= limit:
        return 0
    old = deque(ages)
    for day in range(1, YEAR.days + 1):
        while old and old[0][0] + day >= YEAR.days:
            total -= old.popleft()[1]
        if total + per_day * day >= limit:
            return day
    return None
