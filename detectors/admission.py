"""What an upload must fulfil besides its form: the policy, the plan in force, and the clock."""

from datetime import UTC, datetime, timedelta

from countersign import statement as wire
from countersign import templates
from countersign.checks import check_baseline
from countersign.statement import Refused
from detectors.models import Baseline
from governance import policies

CLOCK_SKEW = timedelta(minutes=5)
OLDEST = timedelta(days=400)
FIRST_REPLAY = datetime(1990, 1, 1, tzinfo=UTC)


def check_reference(baseline: wire.Baseline, policy: policies.Policy, received: datetime) -> None:
    check_baseline(baseline)
    if baseline.template is not None:
        templates.load(baseline.template)  # refuses one that doesn't exist
    if baseline.privacy.min_count < policy.min_count:
        raise Refused(
            "privacy.min_count_below_policy",
            f"The policy demands min_count {policy.min_count}.",
            "$.predicate.privacy.min_count",
        )
    # Noise would lift the floor under single cells, so it is not the sender's to declare.
    if baseline.privacy.mechanism != policy.mechanism:
        raise Refused(
            "privacy.mechanism_not_in_policy",
            f"The policy's mechanism is {policy.mechanism}.",
            "$.predicate.privacy.mechanism",
        )
    for i, span in enumerate(baseline.windows):
        if not FIRST_REPLAY <= span.start < span.end <= received + CLOCK_SKEW:
            raise Refused(
                "baseline.period",
                "Reference windows lie between 1990 and now.",
                f"$.predicate.windows[{i}]",
            )


def refuse_superseded(baseline: Baseline, policy: policies.Policy, received: datetime) -> None:
    """A plan holds for some time after the next one was issued."""
    grace = timedelta(seconds=policy.plan_grace_seconds)
    if Baseline.objects.filter(
        version=baseline.version_id,
        revision__gt=baseline.revision,
        accepted_at__lt=received - grace,
    ).exists():
        raise Refused("plan.superseded", "A newer plan is in force.", "$.predicate.plan")


def check_period(window: wire.Window, plan: wire.Plan, received: datetime) -> None:
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
