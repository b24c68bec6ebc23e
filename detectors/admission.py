"""What an upload must fulfil besides its form: the policy, the plan in force, and the clock."""

from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from countersign import statement as wire
from countersign import templates
from countersign.checks import check_baseline
from countersign.statement import Refused
from detectors import demands
from detectors.models import Baseline, Plan
from governance import policies
from governance.models import Version

CLOCK_SKEW = timedelta(minutes=5)
OLDEST = timedelta(days=400)
FIRST_REPLAY = datetime(1990, 1, 1, tzinfo=UTC)


def check_reference(baseline: wire.Baseline, policy: policies.Policy, received: datetime) -> None:
    check_baseline(baseline)
    if baseline.template is not None:
        templates.load(baseline.template)  # refuses one that doesn't exist
    demands.check_protection(baseline.privacy, policy)
    demands.check_columns(baseline.columns, policy)
    demands.check_layout(baseline, policy)
    demands.check_length(baseline, policy)
    for i, span in enumerate(baseline.windows):
        if not FIRST_REPLAY <= span.start < span.end <= received + CLOCK_SKEW:
            raise Refused(
                "baseline.period",
                "Reference windows lie between 1990 and now.",
                f"$.predicate.windows[{i}]",
            )


def baseline_under(
    digest: str,
    version: Version,
    policy: policies.Policy,
    received: datetime,
    *,
    by_baselines: bool = True,
) -> Baseline:
    """The baseline of a plan that still holds. Raises `Refused` (`plan.unknown`, `.superseded`).

    A plan holds for some time after the next one was issued, or it was withdrawn. The next one
    follows a change of policy or, unless `by_baselines` is false, a new baseline.
    """
    before = received - timedelta(seconds=policy.plan_grace_seconds)
    newer = Q(baseline=OuterRef("baseline"), pk__gt=OuterRef("pk"))
    if by_baselines:
        newer |= Q(baseline__version=version, baseline__revision__gt=OuterRef("baseline__revision"))
    plan = (
        Plan.objects.filter(baseline__version=version, digest=digest)
        .annotate(superseded=Exists(Plan.objects.filter(newer, issued_at__lt=before)))
        .select_related("baseline")
        .defer("envelope")
        .first()
    )
    if plan is None:
        raise Refused(
            "plan.unknown", "No such plan was issued for this version.", "$.predicate.plan"
        )
    if plan.superseded:
        raise Refused("plan.superseded", "A newer plan is in force.", "$.predicate.plan")
    if plan.withdrawn_at is not None and plan.withdrawn_at < before:
        raise demands.withdrawn()
    return plan.baseline


def check_period(
    window: wire.Window, plan: wire.Plan, policy: policies.Policy, received: datetime
) -> None:
    demands.check_window_length(window, plan, policy)
    if window.end > received + CLOCK_SKEW:
        raise Refused("window.future", "The window is over.", "$.predicate.end")
    if window.start < (FIRST_REPLAY if window.replay else received - OLDEST):
        raise Refused(
            "window.prehistoric",
            f"A window starts in the last {OLDEST.days} days, a replayed one after 1990.",
            "$.predicate.start",
        )
    if window.end - window.start > 2 * timedelta(seconds=plan.window_seconds):
        raise Refused(
            "window.too_long",
            f"The plan's windows have {plan.window_seconds} seconds; at most twice that is taken.",
            "$.predicate.end",
        )


def is_late(window: wire.Window, policy: policies.Policy, received: datetime) -> bool:
    return not window.replay and received > window.end + timedelta(seconds=policy.grace_seconds)
