"""Sign-offs: who may sign, what was asked, decided and summed up.

Four eyes, the frozen request and the quorum are kept by triggers (migration 0003).
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from .registry import Version


class ApproverKey(models.Model):
    """The public half of an Ed25519 key that one person holds. `keyid`: SHA-256 of the raw key."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approver_keys"
    )
    label = models.CharField(max_length=64)
    keyid = models.CharField(max_length=64)
    public_key = models.BinaryField(max_length=32)
    enrolled_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["keyid"], name="approver_key_once")]

    def __str__(self) -> str:
        return self.label


class SignOff(models.Model):
    """A request, frozen when it is made, and what became of it.

    `evidence`, `policy`: canonical JSON. `agreement`: the statement that all who approve sign.
    `expires_at`: until when it can be decided on; once approved, when it must be reviewed.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for signatures"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REVOKED = "revoked", "Revoked"
        EXPIRED = "expired", "Expired"
        BROKEN = "broken", "A condition was broken"
        SUPERSEDED = "superseded", "Replaced by a later one"

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="sign_offs")
    identity = models.CharField(max_length=32)
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=2000)
    evidence = models.BinaryField()
    policy = models.BinaryField()
    agreement = models.BinaryField()
    quorum = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    approvals = models.PositiveSmallIntegerField(default=0)
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    # Of an approved one: every condition of its approvals, as `countersign.approval` has them.
    conditions = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["identity"], name="sign_off_identity_once"),
            models.UniqueConstraint(
                fields=["version"], condition=Q(status="waiting"), name="one_waiting_sign_off"
            ),
            models.UniqueConstraint(
                fields=["version"], condition=Q(status="approved"), name="one_approved_sign_off"
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=["waiting", "approved"]),
                name="sign_off_expires",
            )
        ]

    def __str__(self) -> str:
        return f"sign-off {self.pk} of {self.version_id}"


class SignOffDecision(models.Model):
    """What one person decided, as they signed it. Rows are only added.

    `agreement` is empty for a rejection or a revocation. `digest`: of the decision's statement.
    """

    sign_off = models.ForeignKey(SignOff, on_delete=models.PROTECT, related_name="decisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.ForeignKey(ApproverKey, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=24)
    digest = models.CharField(max_length=64)
    envelope = models.BinaryField()
    agreement = models.BinaryField()
    received_at = models.DateTimeField()
    entry = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="decision_once"),
            models.UniqueConstraint(
                fields=["sign_off", "user"], condition=~Q(act="revoke"), name="one_vote_each"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} of {self.sign_off_id} by {self.user_id}"


class SignOffSummary(models.Model):
    """What the appliance signed about a sign-off: that it passed, or why it no longer does.

    `agreement`: the envelope with all approvals' signatures. Rows are only added.
    """

    class Result(models.TextChoices):
        PASSED = "PASSED"
        FAILED = "FAILED"

    sign_off = models.ForeignKey(SignOff, on_delete=models.PROTECT, related_name="summaries")
    result = models.CharField(max_length=6, choices=Result)
    envelope = models.BinaryField()
    agreement = models.BinaryField()
    made_at = models.DateTimeField()
    entry = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sign_off", "result"], name="one_summary_each")
        ]

    def __str__(self) -> str:
        return f"{self.result} of {self.sign_off_id}"
