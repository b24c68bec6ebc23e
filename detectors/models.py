"""What came in, what was found. A statement is kept as it came; everything else derives from it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from governance.models import Model, Sender, Version


class Statement(models.Model):
    """One accepted upload, verbatim. Its digest identifies it; `entry` is its place in the log."""

    digest = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="statements")
    sender = models.ForeignKey(Sender, null=True, on_delete=models.PROTECT)
    payload = models.BinaryField()
    # The DSSE envelope's signatures; empty when a bearer token vouched for the upload.
    signatures = models.JSONField(default=list)
    received_at = models.DateTimeField()
    entry = models.BigIntegerField()


class Baseline(models.Model):
    """A version's reference, from which its plans are made. The highest revision is in force."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="baselines")
    revision = models.PositiveIntegerField()
    statement = models.OneToOneField(Statement, on_delete=models.PROTECT)
    window_seconds = models.PositiveIntegerField()
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "revision"], name="baseline_revision_once")
        ]

    @property
    def plan_digest(self) -> str:
        """The digest of the plan in force for this baseline."""
        return self.plans.values_list("digest", flat=True).latest("pk")


class Plan(models.Model):
    """What was to be counted after a baseline, signed. A change of policy brings a newer one.

    `demands` is the digest of what the policy demanded of it when that was last looked at.
    `withdrawn_at`: since when the policy allows no plan for this baseline.
    """

    baseline = models.ForeignKey(Baseline, on_delete=models.PROTECT, related_name="plans")
    digest = models.CharField(max_length=64, unique=True)
    envelope = models.BinaryField()
    demands = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)


class Monitor(models.Model):
    """One detector over some of a baseline's columns. Made by itself when the baseline arrives."""

    baseline = models.ForeignKey(Baseline, on_delete=models.PROTECT, related_name="monitors")
    detector = models.SlugField(max_length=32)
    columns = ArrayField(models.CharField(max_length=64))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["baseline", "detector"], name="monitor_once")
        ]


class Window(models.Model):
    """One deployment over [start, end).

    `generation` rises with every accepted statement about the window; `examined` follows it. While
    they differ there is work to do, whoever crashes: this row, not the queue, is the truth.
    """

    baseline = models.ForeignKey(Baseline, on_delete=models.PROTECT, related_name="uploads")
    deployment = models.CharField(max_length=64)
    start = models.DateTimeField()
    end = models.DateTimeField()
    shards = models.PositiveIntegerField()
    replay = models.BooleanField()
    late = models.BooleanField()
    received_at = models.DateTimeField()
    generation = models.PositiveIntegerField(default=1)
    examined = models.PositiveIntegerField(default=0)
    # From when on it may be examined (a window waits some time for its shards), and who is at it.
    ready_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    # Which counts were examined last (a digest), and what the e-detectors have taken in already.
    counts_examined = models.CharField(max_length=64, default="")
    counts_streamed = models.BooleanField(default=False)
    labels_streamed = models.BinaryField(default=b"")  # cells of all outcome streams, float64
    attempts = models.PositiveIntegerField(default=0)
    failure_told = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["baseline", "deployment", "start", "end"], name="window_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["ready_at"],
                condition=~Q(examined=F("generation")),
                name="window_to_examine",
            ),
            models.Index(fields=["baseline", "deployment", "-end"], name="window_latest"),
        ]


class Part(models.Model):
    """One statement about a window: counts of one shard, or labels. A higher revision replaces."""

    class Kind(models.TextChoices):
        COUNTS = "counts"
        LABELS = "labels"

    window = models.ForeignKey(Window, on_delete=models.PROTECT, related_name="parts")
    kind = models.CharField(max_length=6, choices=Kind)
    shard = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField()
    statement = models.OneToOneField(Statement, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["window", "kind", "shard", "revision"], name="part_revision_once"
            )
        ]


class Examination(models.Model):
    """One look at a window with the statements known by then. Never changed: "as known then"."""

    window = models.ForeignKey(Window, on_delete=models.PROTECT, related_name="examinations")
    generation = models.PositiveIntegerField()
    examined_at = models.DateTimeField()
    rows = models.BigIntegerField(null=True)
    labelled = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["window", "generation"], name="examined_once")
        ]


class Measurement(models.Model):
    """One detector's figures for one examination: arrays, an element per column or metric.

    An element is null where the figure can't be given. `limit` is what the value was held against.
    """

    examination = models.ForeignKey(
        Examination, on_delete=models.PROTECT, related_name="measurements"
    )
    detector = models.SlugField(max_length=32)
    names = ArrayField(models.CharField(max_length=300))
    value = ArrayField(models.FloatField(null=True))
    low = ArrayField(models.FloatField(null=True), default=list)
    high = ArrayField(models.FloatField(null=True), default=list)
    p_value = ArrayField(models.FloatField(null=True), default=list)
    limit = ArrayField(models.FloatField(null=True), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["examination", "detector"], name="measured_once")
        ]


class Stream(models.Model):
    """The e-detectors' memory of one deployment: constant in size, however long the history.

    `state` is written by compare-and-set on `step`, so that no window is counted twice or lost.
    """

    class Kind(models.TextChoices):
        COUNTS = "counts"
        LABELS = "labels"

    baseline = models.ForeignKey(Baseline, on_delete=models.PROTECT)
    deployment = models.CharField(max_length=64)
    kind = models.CharField(max_length=6, choices=Kind)
    step = models.PositiveIntegerField(default=0)
    state = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["baseline", "deployment", "kind"], name="stream_once")
        ]


class Gap(models.Model):
    """A window that should have come and did not."""

    baseline = models.ForeignKey(Baseline, on_delete=models.PROTECT)
    deployment = models.CharField(max_length=64)
    start = models.DateTimeField()
    end = models.DateTimeField()
    noticed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["baseline", "deployment", "start"], name="gap_once")
        ]


class Watch(models.Model):
    """Up to when a model's deployment was checked for windows that did not come.

    From then on windows of `baseline` are expected; it is the newest that had sent by then.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT)
    deployment = models.CharField(max_length=64)
    baseline = models.ForeignKey(Baseline, on_delete=models.PROTECT)
    checked_until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "deployment"], name="watch_once")]


class Event(models.Model):
    """Something that happened around a version, shown beside its charts."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="events")
    statement = models.OneToOneField(Statement, on_delete=models.PROTECT)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    label = models.CharField(max_length=80)


class Refusal(models.Model):
    """How often a rule refused a sender's uploads in one hour. Nothing of what was refused.

    `actor` is as the log names it; empty where nobody known vouched for the upload.
    """

    rule = models.CharField(max_length=64)
    actor = models.CharField(max_length=150, blank=True)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hour", "rule", "actor"], name="refusals_of_an_hour")
        ]
