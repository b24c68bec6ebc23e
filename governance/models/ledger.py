"""What statements gave away. Rows are only added."""

from django.db import models

from .registry import Model


class Account(models.Model):
    """A model's whole loss so far, and when it last grew. Only `ledger.reserve` writes it."""

    model = models.OneToOneField(Model, primary_key=True, on_delete=models.PROTECT)
    total = models.BigIntegerField()
    reserved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"account of {self.model_id}"


class Loss(models.Model):
    """The privacy loss that was reserved for one statement, before it was accepted.

    `rho` is zCDP's, in units of 1e-12, rounded up; `total` adds up all of the model's so far, so
    that those of any time are the difference of two rows. Within a model, time never goes back.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="losses")
    statement = models.CharField(max_length=64, unique=True)  # its digest
    kind = models.CharField(max_length=10)
    rho = models.BigIntegerField()
    total = models.BigIntegerField()
    reserved_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["model", "-reserved_at", "-id"], name="loss_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.statement}"
