"""Incidents: one per cause while it lasts, and what people did. Both outlive their windows."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .registry import Model, Version


class Incident(models.Model):
    """Something a person should look at. Values are copied in: it reads the same for ever.

    `quiet_windows`: how many windows in a row, the last at `quiet_until`, showed nothing more.
    """

    class Cause(models.TextChoices):
        """What kind of thing is wrong."""

        FEED = "feed", "Windows missing, late or empty"
        DATA_QUALITY = "data_quality", "Data quality"
        DRIFT = "drift", "Drift"
        PERFORMANCE = "performance", "Performance"
        SERVICE = "service", "Service"
        ANSWERS = "answers", "Answers"
        SIGN_OFF = "sign_off", "Sign-off"

    class Severity(models.TextChoices):
        """How soon somebody should look."""

        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    class Verdict(models.TextChoices):
        """What it was, once somebody knows."""

        FEED = "feed", "The feed or the collector had failed"
        UPSTREAM = "upstream", "Something upstream had changed or broken"
        POPULATION = "population", "The people or things decided on have changed"
        MODEL = "model", "The model has become worse"
        SERVICE = "service", "The service around the model"
        EXPECTED = "expected", "Real, and expected: a campaign, a season, a release"
        FALSE_ALARM = "false_alarm", "False alarm: nothing had changed"

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
    quiet_windows = models.PositiveIntegerField(default=0)
    quiet_until = models.DateTimeField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="incidents"
    )
    due_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=12, choices=Verdict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "deployment", "cause"],
                condition=~Q(status="resolved"),
                name="one_open_incident_per_cause",
            ),
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False)
                | (~Q(status="resolved") & Q(resolved_at__isnull=True, verdict="")),
                name="verdict_when_resolved",
            ),
        ]
        indexes = [BrinIndex(fields=["opened_at"], name="incident_opened")]

    def __str__(self) -> str:
        return self.title


class IncidentStep(models.Model):
    """What happened to an incident, when, and who did it. Rows are only added."""

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        REOPENED = "reopened", "Opened again"
        WORSENED = "worsened", "Became more severe"
        QUIET = "quiet", "Quiet"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        ASSIGNED = "assigned", "Assigned"
        SNOOZED = "snoozed", "Snoozed"
        WOKEN = "woken", "Woken"
        COMMENTED = "commented", "Commented"
        RESOLVED = "resolved", "Resolved"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.CharField(max_length=150)
    text = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)


class Silence(models.Model):
    """Findings that nobody is to be told of for a while. It ends by itself.

    What is left empty matches everything; of model, column and cause at least one is named. In
    `column`, * stands for any characters. `actor` made it; `owner` answers for it.
    """

    model = models.ForeignKey(Model, null=True, on_delete=models.PROTECT, related_name="silences")
    column = models.CharField(max_length=100, blank=True)
    cause = models.CharField(max_length=16, choices=Incident.Cause, blank=True)
    reason = models.TextField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="silences"
    )
    actor = models.CharField(max_length=150)
    starts_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="silence_ends"),
            models.CheckConstraint(
                condition=Q(model__isnull=False) | ~Q(column="") | ~Q(cause=""),
                name="silence_is_about_something",
            ),
        ]

    @property
    def lasts(self) -> bool:
        """Whether it holds now."""
        return self.lifted_at is None and timezone.now() < self.ends_at


class Sighting(models.Model):
    """A finding in one window, and what became of it. An incident's children are made of these.

    `incident` is the one that it belongs to; or, where it was inhibited, the one that was in the
    way. A silenced finding belongs to none. Rows are only added.
    """

    class Fate(models.TextChoices):
        TOLD = "told", "Part of the incident"
        INHIBITED = "inhibited", "Held back while the data are broken"
        SILENCED = "silenced", "Silenced"

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="sightings")
    deployment = models.CharField(max_length=64)
    cause = models.CharField(max_length=16, choices=Incident.Cause)
    detector = models.CharField(max_length=32)
    name = models.CharField(max_length=300)
    start = models.DateTimeField()
    end = models.DateTimeField()
    weight = models.FloatField()
    finding = models.JSONField()
    fate = models.CharField(max_length=10, choices=Fate, default=Fate.TOLD)
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.PROTECT, related_name="sightings"
    )
    silence = models.ForeignKey(
        Silence, null=True, on_delete=models.PROTECT, related_name="sightings"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["version", "deployment", "start"], name="sighting_in_window"),
            BrinIndex(fields=["at"], name="sighting_at"),
        ]
