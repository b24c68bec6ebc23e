"""The log's tables. Rows are only added; triggers and rights see to it (migration 0002).

`Pending` and `Content` are the two exceptions: a queue that sealing empties, and the erasable
text behind salted digests. Nothing outside `governance.audit` reads or writes these tables.
"""

from django.db import models
from django.db.models import Q


class Entry(models.Model):
    """One fact, as the bytes that are hashed into the log: canonical JSON."""

    kind = models.CharField(max_length=48)
    body = models.BinaryField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Pending(models.Model):
    """An entry that has no place in the log yet. Ids may commit out of order; this queue may not
    lose one, so it is a row and not a remembered highest id."""

    entry = models.OneToOneField(
        Entry, primary_key=True, on_delete=models.PROTECT, related_name="pending"
    )

    def __str__(self) -> str:
        return f"pending {self.entry_id}"


class Content(models.Model):
    """A name or a free text. The entry holds only SHA256(salt | text): deleting this row erases
    the text and leaves every proof valid."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="contents")
    field = models.CharField(max_length=32)
    salt = models.BinaryField(max_length=32)
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "field"], name="content_once")]

    def __str__(self) -> str:
        return f"{self.field} of {self.entry_id}"


class Leaf(models.Model):
    """An entry's place in the log, counted from 0, and its leaf hash."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="leaf")
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(index__gte=0), name="leaf_from_zero")]

    def __str__(self) -> str:
        return f"leaf {self.index}"


class TileHash(models.Model):
    """The hash of 256 complete children: of leaves at level 1, of hashes of level L-1 above."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(level__gte=1, index__gte=0), name="tile_hash_above_leaves"
            )
        ]

    def __str__(self) -> str:
        return f"tile hash {self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed promise that the log of `size` leaves has this `root`; `note` is what is served."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class Witness(models.Model):
    """Another party's machine that is asked to sign checkpoints. `vkey` says whose word counts.

    `due_at` is when it is asked next; `failures` in a row and the `problem` (a rule) of the last.
    """

    name = models.CharField(max_length=200)
    url = models.URLField(max_length=500)
    vkey = models.CharField(max_length=400)
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(auto_now_add=True)
    failures = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vkey"], condition=Q(removed_at=None), name="witness_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Cosignature(models.Model):
    """A witness's signature line under a checkpoint, verified; `at` is the time in it."""

    checkpoint = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, related_name="cosignatures"
    )
    witness = models.ForeignKey(Witness, on_delete=models.PROTECT, related_name="cosignatures")
    line = models.CharField(max_length=400)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "witness"], name="cosigned_once")
        ]

    def __str__(self) -> str:
        return f"{self.witness} under {self.checkpoint}"
