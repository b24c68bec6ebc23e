"""Who may do what: one row per person, role and business unit."""

from django.conf import settings
from django.db import models


class Membership(models.Model):
    """A role that a person has, in one business unit or (empty) in all of them."""

    class Role(models.TextChoices):
        DEVELOPER = "developer", "Developer"
        OWNER = "owner", "Owner"
        VALIDATOR = "validator", "Validator"
        APPROVER = "approver", "Approver"
        POLICY_ADMINISTRATOR = "policy_administrator", "Policy administrator"
        AUDITOR = "auditor", "Auditor"
        OPERATOR = "operator", "Operator"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role)
    business_unit = models.SlugField(max_length=64, blank=True)
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "business_unit"], name="role_once")
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.business_unit or 'every unit'}"
