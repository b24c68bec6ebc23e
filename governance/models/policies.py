"""What administrators decide about privacy, level by level. Rows are only added."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


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
        where = [f"unit {self.business_unit}"] if self.business_unit else []
        where += [f"tier {self.tier}"] if self.tier is not None else []
        return ", ".join(where) or "the organisation"
