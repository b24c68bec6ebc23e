"""What is monitored: models, their versions by digest, where these run, and what was changed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Model(models.Model):
    """A model as its organisation speaks of it; `name` is what statements carry.

    `business_unit` and `tier` (1 matters most) say which policies hold for it; both may be open.
    `owner`, `manager` (who is accountable) and `validator` are names; one that is an account's
    user name means that person.
    """

    class State(models.TextChoices):
        IN_DEVELOPMENT = "in_development", "In development"
        IN_USE = "in_use", "In use"
        RETIRED = "retired", "Retired"

    name = models.SlugField(max_length=64, unique=True)
    purpose = models.CharField(max_length=500, blank=True)
    limits_of_use = models.CharField(max_length=2_000, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    manager = models.CharField(max_length=200, blank=True)
    validator = models.CharField(max_length=200, blank=True)
    vendor = models.CharField(max_length=200, blank=True)
    business_unit = models.SlugField(max_length=64, blank=True)
    tier = models.PositiveSmallIntegerField(null=True)
    tier_reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=14, choices=State, default=State.IN_DEVELOPMENT)
    registered_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Dependency(models.Model):
    """What a model's inputs come from: another model, or a source of data by its name."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="dependencies")
    on = models.ForeignKey(
        Model, null=True, blank=True, on_delete=models.PROTECT, related_name="dependants"
    )
    source = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "on", "source"], nulls_distinct=False, name="dependency_once"
            ),
            models.CheckConstraint(
                condition=Q(on=None) ^ Q(source=""), name="dependency_on_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(on=None) | ~Q(on=F("model")), name="dependency_on_another"
            ),
        ]

    def __str__(self) -> str:
        return self.on.name if self.on else self.source


class Version(models.Model):
    """One trained artefact of a model, known by its SHA-256. The artefact never comes here.

    `digest`: a file's, or of a directory the root digest of OpenSSF Model Signing; then
    `manifest_digest` covers the files' names too. `labels` are what others call the version.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    manifest_digest = models.CharField(max_length=64, blank=True)
    code_commit = models.CharField(max_length=64, blank=True)
    training_data_digest = models.CharField(max_length=64, blank=True)
    run = models.CharField(max_length=64, blank=True)
    labels = ArrayField(models.CharField(max_length=64), default=list)
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="version_once")]

    def __str__(self) -> str:
        return f"{self.model.name}/{self.name}"


class Developer(models.Model):
    """Who made a version, and so may not approve it. Rows are only added."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="developers")
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="developer_once")]

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """From when until when a version ran in an environment; open as long as it runs.

    `name` is the deployment that windows of this environment carry.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="deployments")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="deployments")
    environment = models.SlugField(max_length=64)
    name = models.CharField(max_length=64)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    actor = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "environment", "name"],
                condition=Q(until=None),
                name="one_version_in_force",
            ),
            models.UniqueConstraint(
                fields=["model", "environment", "name", "since"], name="one_version_from_then"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("since")), name="deployment_lasts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment}"


class Change(models.Model):
    """One change of what is registered: the changed fields before and after. Rows are only added.

    `about` names what was changed: the inventory, a version, the objectives.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="changes")
    about = models.CharField(max_length=80)
    before = models.JSONField()
    after = models.JSONField()
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["model", "-at"], name="changes_of_model")]

    def __str__(self) -> str:
        return f"{self.about} of {self.model}"
