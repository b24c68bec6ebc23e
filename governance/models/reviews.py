"""What people ask of a model, find wrong with it, and allow it for a time."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .registry import Model, Version


class Objective(models.Model):
    """What the business wants of a model. One that no longer holds is retired, never removed."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="objectives")
    text = models.CharField(max_length=500)
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.text


class Requirement(models.Model):
    """What must hold for an objective: a metric within bounds, and the monitor that measures it."""

    objective = models.ForeignKey(Objective, on_delete=models.PROTECT, related_name="requirements")
    text = models.CharField(max_length=500)
    monitor = models.SlugField(max_length=32)
    metric = models.CharField(max_length=300)
    at_least = models.FloatField(null=True)
    at_most = models.FloatField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(at_least=None) | ~Q(at_most=None), name="requirement_has_a_bound"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class ReviewFinding(models.Model):
    """Something that a validator or auditor wants mended, until somebody else proves that it is."""

    class Severity(models.TextChoices):
        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="findings")
    version = models.ForeignKey(
        Version, null=True, blank=True, on_delete=models.PROTECT, related_name="findings"
    )
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=4_000, blank=True)
    severity = models.CharField(max_length=6, choices=Severity)
    owner = models.CharField(max_length=200)
    due = models.DateField()
    raised_by = models.CharField(max_length=150)
    raised_at = models.DateTimeField(auto_now_add=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)
    evidence = models.CharField(max_length=4_000, blank=True)
    evidence_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by=None, evidence="")
                | (~Q(closed_at=None) & ~Q(closed_by=None) & ~Q(evidence="")),
                name="finding_closed_by_evidence",
            )
        ]
        indexes = [
            models.Index(fields=["model"], condition=Q(closed_at=None), name="open_findings")
        ]

    def __str__(self) -> str:
        return self.title


class ModelException(models.Model):
    """What a model is allowed for a time although a rule says otherwise; a second person agrees."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="exceptions")
    title = models.CharField(max_length=200)
    reason = models.CharField(max_length=2_000)
    owner = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    approved = models.BooleanField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")),
                name="exception_needs_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(approved=None, decided_by=None, decided_at=None)
                | (~Q(approved=None) & ~Q(decided_by=None) & ~Q(decided_at=None)),
                name="exception_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.title
