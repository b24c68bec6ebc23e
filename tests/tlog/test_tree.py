"""Every proof, for every size of log to 100; every altered byte is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.tlog import tiles, tree

SIZES = range(1, 101)
LEAVES = [tree.leaf_hash(b"%d" % number) for number in range(100)]
ROOTS = [tree.root(LEAVES[:size]) for size in range(101)]
SUBTREES = tree.over(LEAVES)


def altered(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with one bit flipped in each of its bytes in turn."""
    wrong = []
    for i, hash in enumerate(proof):
        for at in range(len(hash)):
            other = hash[:at] + bytes([hash[at] ^ 1]) + hash[at + 1 :]
            wrong.append([*proof[:i], other, *proof[i + 1 :]])
    return wrong


@pytest.mark.parametrize("size", SIZES)
def test_every_entry_is_proved_to_be_in_the_log_and_nowhere_else_in_it(size: int):
    for index in range(size):
        proof = tree.inclusion_proof(index, size, SUBTREES)
        tree.check_inclusion(LEAVES[index], index, size, ROOTS[size], proof)
        for place in {index - 1, index + 1, size - 1} & set(range(size)) - {index}:
            with pytest.raises(tree.ProofError):
                tree.check_inclusion(LEAVES[index], place, size, ROOTS[size], proof)


@pytest.mark.parametrize("new", SIZES)
def test_every_log_is_proved_to_begin_with_every_shorter_one(new: int):
    for old in range(1, new + 1):
        proof = tree.consistency_proof(old, new, SUBTREES)
        tree.check_consistency(old, new, ROOTS[old], ROOTS[new], proof)
        if old < new:
            with pytest.raises(tree.ProofError):
                tree.check_consistency(old, new, ROOTS[old - 1], ROOTS[new], proof)
            with pytest.raises(tree.ProofError):
                tree.check_consistency(old, new, ROOTS[old], ROOTS[new - 1], proof)


@pytest.mark.parametrize("size", [2, 3, 7, 8, 64, 65, 100])
def test_one_altered_byte_breaks_a_proof(size: int):
    for index in {0, size // 2, size - 1}:
        for wrong in altered(tree.inclusion_proof(index, size, SUBTREES)):
            with pytest.raises(tree.ProofError):
                tree.check_inclusion(LEAVES[index], index, size, ROOTS[size], wrong)
    for old in {1, size // 2, size - 1}:
        for wrong in altered(tree.consistency_proof(old, size, SUBTREES)):
            with pytest.raises(tree.ProofError):
                tree.check_consistency(old, size, ROOTS[old], ROOTS[size], wrong)


def test_a_proof_with_a_hash_too_many_too_few_or_too_short_proves_nothing():
    right = tree.inclusion_proof(5, 11, SUBTREES)
    for wrong in (right[1:], right[:-1], [*right, right[0]], [right[0][:31], *right[1:]], []):
        with pytest.raises(tree.ProofError):
            tree.check_inclusion(LEAVES[5], 5, 11, ROOTS[11], wrong)
    right = tree.consistency_proof(6, 11, SUBTREES)
    for wrong in (right[1:], right[:-1], [*right, right[0]], [right[0][:31], *right[1:]], []):
        with pytest.raises(tree.ProofError):
            tree.check_consistency(6, 11, ROOTS[6], ROOTS[11], wrong)
    with pytest.raises(tree.ProofError):
        tree.check_consistency(11, 11, ROOTS[11], ROOTS[11], [right[0]])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_an_index_outside_the_log_has_no_proof(index: int, size: int):
    with pytest.raises(tree.ProofError, match=r"proof\.index"):
        tree.inclusion_proof(index, size, SUBTREES)
    with pytest.raises(tree.ProofError, match=r"proof\.index"):
        tree.check_inclusion(LEAVES[0], index, size, ROOTS[3], [])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_no_proof_leads_backwards(old: int, new: int):
    with pytest.raises(tree.ProofError, match=r"proof\.size"):
        tree.consistency_proof(old, new, SUBTREES)
    with pytest.raises(tree.ProofError, match=r"proof\.size"):
        tree.check_consistency(old, new, ROOTS[3], ROOTS[3], [])


def test_a_leaf_is_never_taken_for_a_node():
    assert tree.leaf_hash(LEAVES[0] + LEAVES[1]) != tree.node_hash(LEAVES[0], LEAVES[1])


@pytest.fixture(scope="module")
def long_log() -> tuple[list[bytes], list[list[bytes]]]:
    """66,000 leaves, more than 256 x 256, and the hashes of each level of tiles."""
    leaves = [number.to_bytes(32, "big") for number in range(66_000)]
    levels = [leaves]
    while len(levels[-1]) >= 256:
        below = levels[-1]
        full = len(below) // 256
        levels.append([tree.root(below[256 * n : 256 * n + 256]) for n in range(full)])
    return leaves, levels


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000])
def test_roots_and_proofs_from_tiles_are_those_from_all_leaves(
    long_log: tuple[list[bytes], list[list[bytes]]], size: int
):
    leaves, levels = long_log
    read: list[int] = []

    def nodes(level: int, start: int, stop: int) -> list[bytes]:
        assert stop <= tiles.nodes_at(level, size)
        read.append(stop - start)
        return levels[level][start:stop]

    root = tree.root(leaves[:size])
    assert tiles.subtree_over(nodes)(0, size) == root
    assert tiles.RightEdge(size, nodes).root() == root
    assert max(read) < tiles.WIDTH
    for index in {0, size // 3, size - 1}:
        proof = tree.inclusion_proof(index, size, tiles.subtree_over(nodes))
        tree.check_inclusion(leaves[index], index, size, root, proof)
    for old in {1, size // 3 or 1, size}:
        proof = tree.consistency_proof(old, size, tiles.subtree_over(nodes))
        tree.check_consistency(old, size, tree.root(leaves[:old]), root, proof)


@given(st.integers(0, 700), st.integers(1, 700))
def test_an_edge_that_was_put_down_and_taken_up_again_grows_the_same_tree(before: int, more: int):
    leaves = [number.to_bytes(32, "big") for number in range(before + more)]
    level_1 = [tree.root(leaves[256 * n : 256 * n + 256]) for n in range(before // 256)]
    edge = tiles.RightEdge(before, lambda level, lo, hi: (leaves, level_1)[level][lo:hi])
    filled = [full for leaf in leaves[before:] for full in edge.append(leaf)]
    assert edge.root() == tree.root(leaves)
    numbers = range(before // 256, (before + more) // 256)
    assert [(full.level, full.number) for full in filled] == [(0, number) for number in numbers]
    assert all(full.root == tree.root(full.hashes) for full in filled)
