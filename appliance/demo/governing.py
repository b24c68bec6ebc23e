"""What the demo's people do about the model, each by the verb that their own pages call.

Run as `python -m appliance.demo.governing MODEL VERSION SINCE` once the windows were examined, so
that the request for a sign-off freezes what they showed; a process of its own, as
`administrator` is. All of it happens or nothing, and only once.
"""

import os
import sys
from datetime import datetime, timedelta

import django

from appliance.embedded import environment

# Only in functions: models can't be imported before Django knows its settings.
# ruff: noqa: PLC0415

INVENTORY = {
    "limits_of_use": "For statistics about groups. Not for a decision about any single person.",
    "owner": "ben",
    "manager": "The head of statistics",
    "validator": "vera",
    "state": "in_use",
}
UNIT, TIER = "statistics", 2
TIER_REASON = "Its totals go into published figures; nobody is refused anything by it."
# What the business wants, what must hold for it, and the monitor and metric that measure that.
OBJECTIVES = [
    (
        "The published totals can be relied on.",
        "It tells who works from who doesn't.",
        ("realised_performance", "auc", 0.85, None),
    ),
    (
        "Men and women are counted alike.",
        "The shares counted as working differ by less than a fifth.",
        ("fairness_selection", "sex:ratio", 0.8, None),
    ),
]
FINDING = {
    "title": "People in shared quarters are not looked at on their own",
    "text": "Dormitories, nursing homes and prisons hold people whose answers differ from those of "
    "everybody else. Add a slice for them to the next baseline.",
    "severity": "medium",
    "owner": "ben",
}
DUE = timedelta(days=30)
REASON = "It has run for three years, and all labels are in. Please look at what changed in 2017."


def govern(model: str, version: str, since: datetime) -> None:
    """Ben describes and deploys, Dan places, Vera finds, Ada asks; nothing if Ada has asked."""
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.utils import timezone

    from detectors import reissue
    from detectors.sign_offs import evidence_of
    from governance import deployments, registry, reviews
    from governance.access import demand
    from governance.accounts import actor_of
    from governance.models import SignOff
    from governance.signoff.requests import request_sign_off

    found = registry.find_version(model, version)
    if SignOff.objects.filter(version=found).exists():
        return
    ada, ben, dan, vera = (User.objects.get(username=n) for n in ("ada", "ben", "dan", "vera"))

    def acting(person: User, action: str) -> str:
        demand(person, action, found.model)
        return actor_of(person)

    with transaction.atomic():
        registry.describe_model(found.model, INVENTORY, actor=acting(ben, "model.edit"))
        registry.place_model(
            found.model,
            business_unit=UNIT,
            tier=TIER,
            tier_reason=TIER_REASON,
            actor=acting(dan, "model.place"),
        )
        reissue.follow_policy()  # as the page does: another unit may have other privacy rules
        running = acting(ben, "deployment.record")
        deployments.start_deployment(found, "production", since=since, actor=running)
        writing = acting(ben, "objective.write")
        for wanted, held, (monitor, metric, low, high) in OBJECTIVES:
            objective = reviews.set_objective(found.model, wanted, actor=writing)
            reviews.require(
                objective,
                text=held,
                monitor=monitor,
                metric=metric,
                at_least=low,
                at_most=high,
                actor=writing,
            )
        due, raising = timezone.localdate() + DUE, acting(vera, "finding.write")
        reviews.raise_finding(found.model, version=found, **FINDING, due=due, actor=raising)
        found = registry.find_version(model, version)  # with its new tier
        request_sign_off(found, evidence_of(found), person=ada, reason=REASON)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    environment.complete([])
    django.setup()
    govern(sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3]))
