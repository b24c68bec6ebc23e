"""Where people are told of incidents, and every attempt to tell them."""

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from .incidents import Incident


class Route(models.Model):
    """A channel. `sealed` is its address and secret, encrypted; `shown` is what pages may show.

    `business_unit` empty: of every unit. A route is never deleted, only switched off.
    """

    class Kind(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook (Standard Webhooks)"
        SLACK = "slack", "Slack or compatible"
        PAGERDUTY = "pagerduty", "PagerDuty (Events v2)"

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=9, choices=Kind)
    sealed = models.BinaryField()
    shown = models.CharField(max_length=300)
    business_unit = models.SlugField(max_length=64, blank=True)
    least = models.CharField(max_length=6, choices=Incident.Severity)
    digest = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0)  # attempts in a row
    switched_off_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One thing to tell on one route. `key` stays the same in every attempt to deliver it.

    `reason` says why it waits, or why it was not sent; without an incident it is a test.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"
        NOT_SENT = "not_sent", "Not sent"

    class Reason(models.TextChoices):
        QUIET_HOURS = "quiet_hours", "quiet hours"
        DIGEST = "digest", "goes with the next digest"
        ROUTE_OFF = "route_off", "the route is switched off"
        BELOW = "below", "less severe than the route takes"

    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="deliveries")
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.PROTECT, related_name="deliveries"
    )
    event = models.CharField(max_length=12)
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=11, choices=Reason, blank=True)
    due_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="delivery_due"),
            BrinIndex(fields=["made_at"], name="delivery_made"),
        ]


class Attempt(models.Model):
    """One attempt: when, what the other side answered, or which kind of error. Never its words."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField(auto_now_add=True)
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=24, blank=True)
