"""Proofs of several entries at once, for a document that must not change while the log grows."""

from collections.abc import Collection
from dataclasses import dataclass

from countersign.tlog import note, tiles, tree
from governance.models.audit import Checkpoint, Leaf

from .log import nodes, published_checkpoint


@dataclass(frozen=True)
class Proof:
    """An entry's place in the log, its bytes as text, and the tlog-proof that it is there."""

    index: int
    recorded: str
    proof: str


def proofs_of(entries: Collection[int]) -> dict[int, Proof]:
    """Proofs by entry id, all under the oldest published checkpoint that covers every one.

    Entries that are not in the published log yet are left out.
    """
    published = published_checkpoint()
    if published is None:
        return {}
    rows = Leaf.objects.filter(entry__in=entries, index__lt=published.size).select_related("entry")
    leaves = list(rows.order_by("index"))
    if not leaves:
        return {}
    covering = Checkpoint.objects.filter(size__gt=leaves[-1].index).order_by("size")
    checkpoint = covering[0]
    subtree = tiles.subtree_over(nodes)
    return {
        leaf.entry_id: Proof(
            leaf.index,
            bytes(leaf.entry.body).decode(),
            note.encode_proof(
                leaf.index,
                tree.inclusion_proof(leaf.index, checkpoint.size, subtree),
                checkpoint.note,
            ),
        )
        for leaf in leaves
    }
