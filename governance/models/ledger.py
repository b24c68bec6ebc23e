"""What statements gave away. Rows are only added."""

from django.db import models

from .registry import Model


class Loss(models.Model):
    """The privacy loss that was reserved for one statement, before it was accepted."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="losses")
    statement = models.CharField(max_length=64, unique=True)  # its digest
    kind = models.CharField(max_length=10)
    rho = models.BigIntegerField()  # zCDP, in units of 1e-12, rounded up
    reserved_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["model", "reserved_at"], include=["rho"], name="loss_of_the_year")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.statement}"
