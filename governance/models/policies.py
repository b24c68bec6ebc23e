"""What administrators decide, level by level: about privacy, and about alerts.

A privacy rule holds at once. An alert policy is proposed, replayed and approved by somebody else.
What levels said is never changed or removed; only a proposal's fate is written once.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from .registry import Model

PERSON = settings.AUTH_USER_MODEL


class BusinessUnit(models.Model):
    """A unit that is part of another one: what holds for that one holds for it too."""

    name = models.SlugField(max_length=64, primary_key=True)
    parent = models.SlugField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name=F("parent")), name="unit_not_its_own_parent")
        ]

    def __str__(self) -> str:
        return self.name


class PrivacyRule(models.Model):
    """What one level says: the organisation, a business unit, a tier, or a tier of a unit.

    A level's newest row speaks for it. Null means: as the level above.
    """

    business_unit = models.SlugField(max_length=64, blank=True)  # empty: every unit
    tier = models.PositiveSmallIntegerField(null=True)  # null: every tier
    min_count = models.PositiveIntegerField(null=True)
    mechanism = models.CharField(max_length=20, null=True)
    scale = models.FloatField(null=True)
    unit = models.CharField(max_length=6, null=True)
    contribution = models.PositiveIntegerField(null=True)
    window_seconds = models.PositiveIntegerField(null=True)
    columns = ArrayField(models.CharField(max_length=64), null=True)
    epsilon_per_year = models.FloatField(null=True)
    delta = models.FloatField(null=True)
    reason = models.CharField(max_length=500)
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["business_unit", "tier", "-id"], name="newest_rule")]

    def __str__(self) -> str:
        return level_in_words(self.business_unit, self.tier)


class PolicyVersion(models.Model):
    """What a level's alert policy says, from its proposal on: the organisation's, a unit's, a
    tier's, a unit's tier's, or a model's.

    `said` is what `governance.policy_settings.plain` makes; `digest` is over level and `said`.
    `replaces` is what was in force at the level when this was proposed.
    """

    class Status(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        IN_FORCE = "in_force", "In force"
        REPLACED = "replaced", "Replaced"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    business_unit = models.SlugField(max_length=64, blank=True)
    tier = models.PositiveSmallIntegerField(null=True)
    model = models.ForeignKey(
        Model, null=True, on_delete=models.PROTECT, related_name="policy_versions"
    )
    said = models.JSONField()
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=500)
    status = models.CharField(max_length=9, choices=Status, default=Status.PROPOSED)
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    proposed_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=500, blank=True)  # why

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business_unit", "tier", "model"],
                condition=Q(status="in_force"),
                nulls_distinct=False,
                name="one_policy_in_force_per_level",
            ),
            models.CheckConstraint(
                condition=Q(status="withdrawn") | ~Q(decided_by=F("proposed_by")),
                name="policy_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(status="proposed", decided_by=None, decided_at=None)
                | (~Q(status="proposed") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="policy_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(model=None) | Q(business_unit="", tier=None), name="policy_one_level"
            ),
        ]

    def __str__(self) -> str:
        if self.model is not None:
            return f"model {self.model.name}"
        return level_in_words(self.business_unit, self.tier)


class Replay(models.Model):
    """What a proposal would have done, model by model; `about` are the models' ids.

    `against` is the digest of everything that held when it was asked for. `tries`: at the next
    model; after too many the replay has failed, and another may be asked for.
    """

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="replays")
    against = models.CharField(max_length=64)
    since = models.DateTimeField()
    until = models.DateTimeField()
    about = ArrayField(models.BigIntegerField())
    actor = models.CharField(max_length=150)
    claimed_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(finished_at=None, failed_at=None),
                name="one_replay_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(failed_at=None), name="replay_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return f"replay of policy {self.version_id}"


class ReplayedModel(models.Model):
    """What a replay found for one model: numbers, and the incidents gained, lost and changed."""

    replay = models.ForeignKey(Replay, on_delete=models.PROTECT, related_name="results")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+")
    found = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["replay", "model"], name="replayed_once")]

    def __str__(self) -> str:
        return f"{self.replay}: {self.model_id}"


class Exemption(models.Model):
    """A model that need not follow some settings until a day: why, and who answers for it.

    Holds from its approval by a second person until `expires_at`, or until somebody ends it.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="exemptions")
    said = models.JSONField()
    reason = models.CharField(max_length=500)
    owner = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    requested_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(approved_by=F("requested_by")) & ~Q(approved_by=F("owner")),
                name="exemption_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="exemption_approved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"exemption {self.pk} of {self.model.name}"


def level_in_words(business_unit: str, tier: int | None) -> str:
    """
    >>> level_in_words("", None), level_in_words("lending", 1)
    ('the organisation', 'unit lending, tier 1')
    """
    where = [f"unit {business_unit}"] if business_unit else []
    where += [f"tier {tier}"] if tier is not None else []
    return ", ".join(where) or "the organisation"
