"""What is monitored: models and their versions, known by digest only."""

from django.db import models


class Model(models.Model):
    """A model as its organisation speaks of it; `name` is what statements carry.

    `business_unit` and `tier` (1 matters most) say which policies hold for it; both may be open.
    """

    name = models.SlugField(max_length=64, unique=True)
    purpose = models.CharField(max_length=500, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    business_unit = models.SlugField(max_length=64, blank=True)
    tier = models.PositiveSmallIntegerField(null=True)
    registered_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """One trained artefact of a model, identified by its SHA-256. The artefact never comes here."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="version_once")]

    def __str__(self) -> str:
        return f"{self.model.name}/{self.name}"
