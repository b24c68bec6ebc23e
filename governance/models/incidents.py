"""Incidents: one per cause while it lasts, and what people did. Both outlive their windows."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from .registry import Version


class Incident(models.Model):
    """Something a person should look at. Values are copied in: it reads the same for ever."""

    class Cause(models.TextChoices):
        FEED = "feed", "Windows missing, late or empty"
        DATA_QUALITY = "data_quality", "Data quality"
        DRIFT = "drift", "Drift"
        PERFORMANCE = "performance", "Performance"
        SERVICE = "service", "Service"
        ANSWERS = "answers", "Answers"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    class Severity(models.TextChoices):
        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="incidents")
    deployment = models.CharField(max_length=64)
    cause = models.CharField(max_length=16, choices=Cause)
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN)
    severity = models.CharField(max_length=6, choices=Severity)
    title = models.CharField(max_length=200)
    # Each finding as `governance.incidents.Finding` has it; the newest window's, worst first.
    findings = models.JSONField()
    causes = models.JSONField(default=list)
    policy = models.JSONField()
    opened_at = models.DateTimeField(auto_now_add=True)
    first_window = models.DateTimeField()
    last_window = models.DateTimeField()
    windows = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "deployment", "cause"],
                condition=~Q(status="resolved"),
                name="one_open_incident_per_cause",
            )
        ]
        indexes = [BrinIndex(fields=["opened_at"], name="incident_opened")]

    def __str__(self) -> str:
        return self.title


class IncidentStep(models.Model):
    """What happened to an incident, when, and who did it. Rows are only added."""

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.CharField(max_length=150)
    text = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)
