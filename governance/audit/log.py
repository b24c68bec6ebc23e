"""The log itself: gives entries their places, signs checkpoints, proves inclusion and consistency.

Sealing takes the waiting entries in the order of their ids, adds leaves and tile hashes and signs
a checkpoint, in one transaction under one lock. After the commit it raises the high-water mark
(mark.py). Nothing is published that the mark does not cover, so a crash between the two takes back
nothing that anybody has seen.

It refuses to sign (`LogRefused`) when what it would sign contradicts what it has signed:

    log.below_high_water   the database is older than the mark, or differs from it: it was restored
    log.mark_missing       the database has checkpoints under this name, and there is no mark
    log.key_changed        the newest checkpoint under this name was signed with another key
    log.damaged            the stored hashes do not have the root that was signed

The way on from the first three is a new name, COUNTERSIGN_ORIGIN: under the old one, the log would
have two histories. The first entry under the new name says where the old one ended.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction

from countersign.tlog import note, tiles, tree
from governance.models.audit import Checkpoint, Cosignature, Entry, Leaf, Pending, TileHash

from . import keys, mark
from .entries import record

BATCH = 4096  # entries per checkpoint at most
_LOCK = 0x436F756E7465727E  # the advisory lock of sealing; any number nobody else uses

WAY_BACK = "see docs/formats/log.md, After a restore"


class LogRefused(Exception):
    """The log must not be signed as it is. `rule` is stable."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def seal() -> int:
    """Give every waiting entry its place and sign a checkpoint. Returns how many there were."""
    total = 0
    while True:
        count = _seal_batch()
        total += count
        if count < BATCH:
            return total


def published_checkpoint() -> Checkpoint | None:
    """The newest checkpoint that the high-water mark covers: the only one that may be shown."""
    high = mark.read(settings.COUNTERSIGN_ORIGIN)
    if high is None:
        return None
    found = Checkpoint.objects.filter(size=high.size).first()
    return found if found is not None and bytes(found.root) == high.root else None


def nodes(level: int, start: int, stop: int) -> list[bytes]:
    """The stored hashes start <= i < stop of a level; level 0 are leaf hashes."""
    if start == stop:
        return []
    rows = Leaf.objects.all() if level == 0 else TileHash.objects.filter(level=level)
    found = rows.filter(index__gte=start, index__lt=stop).order_by("index")
    hashes = [bytes(hash) for hash in found.values_list("hash", flat=True)]
    if len(hashes) != stop - start:
        raise LogRefused("log.damaged", f"hashes {start} to {stop} of level {level} have a gap")
    return hashes


def note_of(checkpoint: Checkpoint) -> str:
    """The checkpoint as it is served: the log's signature, and those of its witnesses."""
    lines = checkpoint.cosignatures.order_by("pk").values_list("line", flat=True)
    return checkpoint.note + "".join(lines)


def inclusion_proof(entry: Entry) -> str | None:
    """A proof file (tlog-proof) that the entry is in the published log; None while it is not."""
    leaf = Leaf.objects.filter(entry=entry).first()
    return None if leaf is None else proof_of(leaf.index)


def proof_of(index: int) -> str | None:
    """The proof file of the entry at a place in the log; None while there is none published.

    Under the newest checkpoint that covers it and that a witness has signed; without one, under the
    newest.
    """
    published = published_checkpoint()
    if published is None or not 0 <= index < published.size:
        return None
    checkpoint = witnessed_checkpoint(published, above=index) or published
    hashes = tree.inclusion_proof(index, checkpoint.size, tiles.subtree_over(nodes))
    return note.encode_proof(index, hashes, note_of(checkpoint))


def witnessed_checkpoint(published: Checkpoint, above: int = 0) -> Checkpoint | None:
    """The newest checkpoint of more than `above` entries, up to the published one, that another
    party has signed too, under the log's name of today.
    """
    signed = Cosignature.objects.filter(
        checkpoint__size__gt=above,
        checkpoint__size__lte=published.size,
        checkpoint__note__startswith=f"{origin_of(published)}\n",
    ).select_related("checkpoint")
    newest = signed.order_by("checkpoint_id").last()
    return None if newest is None else newest.checkpoint


def consistency_proof(old: int, new: int) -> list[bytes]:
    """Shows that the log of `new` entries begins with all `old` ones."""
    return tree.consistency_proof(old, new, tiles.subtree_over(nodes))


def root_at(size: int) -> bytes:
    """The root of the first `size` entries (at least 1)."""
    return tiles.subtree_over(nodes)(0, size)


def _seal_batch() -> int:
    origin = settings.COUNTERSIGN_ORIGIN
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            # The mark may promise only what is on disk, whatever the server's default is.
            cursor.execute("SET LOCAL synchronous_commit = on")
        newest = Checkpoint.objects.order_by("size").last()
        refuse_a_second_history(newest, origin)
        if newest is None or origin_of(newest) != origin:
            # Before a new name is signed for the first time: from now on it has a mark.
            mark.raise_to(note.Checkpoint(origin, 0, tree.EMPTY_ROOT))
        if newest is not None and origin_of(newest) != origin:
            _record_restart(newest)
        queue = Pending.objects.order_by("entry_id").values_list("entry_id", "entry__body")
        waiting = [(entry_id, bytes(body)) for entry_id, body in queue[:BATCH]]
        if waiting:
            newest = _append(newest, waiting, origin)
    if newest is not None:
        mark.raise_to(note.Checkpoint(origin, newest.size, bytes(newest.root)))
    return len(waiting)


def refuse_a_second_history(newest: Checkpoint | None, origin: str) -> None:
    """Compare the newest checkpoint with the key and the mark; raises `LogRefused`."""
    continues = newest is not None and origin_of(newest) == origin
    if newest is not None and continues and not _is_ours(newest):
        raise LogRefused(
            "log.key_changed", f"{origin} was signed with another key than this; {WAY_BACK}"
        )
    high = mark.read(origin)
    if high is None and continues:
        raise LogRefused(
            "log.mark_missing",
            f"checkpoints of {origin} exist, but its high-water mark is gone; {WAY_BACK}",
        )
    if high is not None and high.size > 0 and not _reaches(high):
        raise LogRefused(
            "log.below_high_water",
            f"{origin} was signed up to entry {high.size}; this database holds fewer sealed "
            f"entries or other ones, so it was restored; {WAY_BACK}",
        )


def _is_ours(checkpoint: Checkpoint) -> bool:
    try:
        note.open_checkpoint(checkpoint.note.encode(), [keys.verifier_key()])
    except note.NoteError:
        return False
    return True


def _reaches(high: note.Checkpoint) -> bool:
    """Whether the database holds the very checkpoint that the mark remembers."""
    signed = Checkpoint.objects.filter(size=high.size).first()
    return signed is not None and bytes(signed.root) == high.root


def _record_restart(newest: Checkpoint) -> None:
    """The first entry under a new name: how far the old one had been signed, and what is left."""
    old = origin_of(newest)
    signed = mark.read(old)
    record(
        "log.restarted",
        actor="countersign",
        previous=old,
        signed_size=signed.size if signed else None,
        signed_root=signed.root.hex() if signed else None,
        kept_size=newest.size,
        kept_root=bytes(newest.root).hex(),
    )


def _append(
    newest: Checkpoint | None, waiting: Sequence[tuple[int, bytes]], origin: str
) -> Checkpoint:
    """Add the entries at the tree's right edge and sign the new root."""
    edge = _right_edge(newest)
    leaves, tile_hashes = [], []
    for entry_id, body in waiting:
        hash = tree.leaf_hash(body)
        leaves.append(Leaf(index=edge.size, entry_id=entry_id, hash=hash))
        tile_hashes += [
            TileHash(level=full.level + 1, index=full.number, hash=full.root)
            for full in edge.append(hash)
        ]
    Leaf.objects.bulk_create(leaves)
    TileHash.objects.bulk_create(tile_hashes)
    Pending.objects.filter(entry_id__in=[entry_id for entry_id, _ in waiting]).delete()
    promise = note.Checkpoint(origin, edge.size, edge.root())
    return Checkpoint.objects.create(
        size=edge.size,
        root=promise.root,
        note=note.sign(promise.text, origin, keys.log_key()),
    )


def _right_edge(newest: Checkpoint | None) -> tiles.RightEdge:
    """What appending needs, read back and checked against the root that was signed."""
    size = newest.size if newest is not None else 0
    root = bytes(newest.root) if newest is not None else tree.EMPTY_ROOT
    edge = tiles.RightEdge(size, nodes)
    if edge.root() != root or Leaf.objects.filter(index__gte=size).exists():
        raise LogRefused(
            "log.damaged", "the stored hashes do not have the signed root; run verify_audit"
        )
    return edge


def origin_of(checkpoint: Checkpoint) -> str:
    """The name under which a checkpoint was signed."""
    return checkpoint.note.split("\n", 1)[0]
