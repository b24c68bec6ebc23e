"""Who may send: enrolled keys, bearer tokens, and the links that hand them out once."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


def names_of_models() -> "ArrayField[list[str], list[str]]":
    """The models that something is limited to, registered yet or not; none of them is no limit."""
    return ArrayField(models.CharField(max_length=64), default=list)


class Sender(models.Model):
    """A collector's identity: its Ed25519 public key. `keyid` is the SHA-256 of the raw key."""

    name = models.CharField(max_length=64)
    keyid = models.CharField(max_length=64, unique=True)
    public_key = models.BinaryField(max_length=32)
    for_models = names_of_models()
    enrolled_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """A bearer token; only its SHA-256 is kept. Scopes: register, upload, read."""

    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=16))
    for_models = names_of_models()
    sender = models.ForeignKey(Sender, null=True, on_delete=models.PROTECT, related_name="tokens")
    issued_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class OneTimeToken(models.Model):
    """A link that works once: to enrol a collector's key, to create the first administrator, or
    for the invited `user` to set a password."""

    class Purpose(models.TextChoices):
        ENROL = "enrol"
        SET_UP = "set_up"
        JOIN = "join"

    purpose = models.CharField(max_length=8, choices=Purpose)
    for_models = names_of_models()
    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="links"
    )
    issued_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], condition=Q(used_at=None), name="unused")]


class Pace(models.Model):
    """How many uploads a sender began in its latest minute, see `governance.pace`."""

    actor = models.CharField(max_length=80, primary_key=True)
    minute = models.DateTimeField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.actor}: {self.count}"
