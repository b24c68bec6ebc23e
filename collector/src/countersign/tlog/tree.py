"""The Merkle tree of RFC 6962: hashes, roots, proofs, and how to check them.

    leaf hash   SHA256(0x00 | entry)
    node hash   SHA256(0x01 | left | right)
    empty tree  SHA256("")

A tree of n > 1 leaves splits at k, the largest power of two below n: the left k leaves are a
complete tree, the right n - k are split again.

An *inclusion proof* holds the hashes that turn a leaf into the root, the leaf's sibling first. A
*consistency proof* holds the hashes that turn the root of the first `old` leaves into the root of
all `new`, which shows that nothing before was changed or taken out.

>>> leaves = [leaf_hash(entry) for entry in (b"a", b"b", b"c")]
>>> root(leaves).hex()
'36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1'
>>> proof = inclusion_proof(1, 3, over(leaves))
>>> [hash.hex()[:8] for hash in proof]
['022a6979', '597fcb31']
>>> root_from_inclusion(leaves[1], 1, 3, proof) == root(leaves)
True
>>> proof = consistency_proof(2, 3, over(leaves))
>>> check_consistency(2, 3, root(leaves[:2]), root(leaves), proof)
>>> check_consistency(2, 3, root(leaves[:2]), root(leaves[::-1]), proof)
Traceback (most recent call last):
countersign.tlog.tree.ProofError: proof.consistency: the proof does not join the two roots
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# Hash of the subtree over leaves lo <= i < hi.
Subtree = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof that proves nothing. `rule` is stable."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry at the bottom of the tree."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size` (at least 2): how many leaves go left."""
    return 1 << ((size - 1).bit_length() - 1)


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, or over the hashes of complete subtrees of one size.

    The last of those may also be an incomplete one: a tree always splits between subtrees.
    """
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return node_hash(root(hashes[:k]), root(hashes[k:]))


def over(leaf_hashes: Sequence[bytes]) -> Subtree:
    """Subtree hashes of a log small enough to hold in memory."""
    return lambda lo, hi: root(leaf_hashes[lo:hi])


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the first `size` leaves."""
    if not 0 <= index < size:
        raise ProofError("proof.index", f"a log of {size} entries has no entry {index}")

    def path(lo: int, hi: int) -> list[bytes]:
        if hi - lo == 1:
            return []
        middle = lo + split(hi - lo)
        if index < middle:
            return [*path(lo, middle), subtree(middle, hi)]
        return [*path(middle, hi), subtree(lo, middle)]

    return path(0, size)


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from the root of `old` leaves (at least 1) to the root of `new`."""
    if not 1 <= old <= new:
        raise ProofError("proof.size", f"no proof leads from {old} to {new} entries")

    def path(lo: int, hi: int) -> list[bytes]:
        if hi == old:
            return [] if lo == 0 else [subtree(lo, hi)]
        middle = lo + split(hi - lo)
        if old <= middle:
            return [*path(lo, middle), subtree(middle, hi)]
        return [*path(middle, hi), subtree(lo, middle)]

    return path(0, new)


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to; the caller compares it with a signed one."""
    if not 0 <= index < size:
        raise ProofError("proof.index", f"a log of {size} entries has no entry {index}")
    _check_hashes(proof)

    def climb(index: int, size: int, proof: Sequence[bytes]) -> bytes:
        if size == 1:
            if proof:
                raise ProofError("proof.length", "the proof has too many hashes")
            return leaf
        *below, sibling = _last(proof)
        k = split(size)
        if index < k:
            return node_hash(climb(index, k, below), sibling)
        return node_hash(sibling, climb(index - k, size - k, below))

    return climb(index, size, proof)


def check_inclusion(
    leaf: bytes, index: int, size: int, root_hash: bytes, proof: Sequence[bytes]
) -> None:
    """Raise `ProofError` unless the proof leads from the leaf to the root."""
    if root_from_inclusion(leaf, index, size, proof) != root_hash:
        raise ProofError("proof.inclusion", "the proof does not lead from this leaf to the root")


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise `ProofError` unless the new log begins with the whole old one."""
    if not 1 <= old <= new:
        raise ProofError("proof.size", f"no proof leads from {old} to {new} entries")
    _check_hashes(proof)

    def climb(lo: int, hi: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
        """The roots, within leaves lo..hi, of the old and of the new log."""
        if hi == old:
            if len(proof) != (lo > 0):
                raise ProofError("proof.length", "the proof has the wrong number of hashes")
            known = proof[0] if proof else old_root
            return known, known
        *below, sibling = _last(proof)
        middle = lo + split(hi - lo)
        if old <= middle:
            before, after = climb(lo, middle, below)
            return before, node_hash(after, sibling)
        before, after = climb(middle, hi, below)
        return node_hash(sibling, before), node_hash(sibling, after)

    if climb(0, new, proof) != (old_root, new_root):
        raise ProofError("proof.consistency", "the proof does not join the two roots")


def _check_hashes(proof: Sequence[bytes]) -> None:
    if any(len(hash) != HASH_BYTES for hash in proof):
        raise ProofError("proof.hash", f"every hash of a proof has {HASH_BYTES} bytes")


def _last(proof: Sequence[bytes]) -> Sequence[bytes]:
    if not proof:
        raise ProofError("proof.length", "the proof has too few hashes")
    return proof
