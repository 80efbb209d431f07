"""The tree against RFC 6962 as it is written: plain recursion over all leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwitness.evidence.log import (
    EMPTY_ROOT,
    Tree,
    append,
    completed_nodes,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [bytes([n]) * 32 for n in range(80)]
SIZES = st.integers(0, 80)


def split(count: int) -> int:
    k = 1
    while 2 * k < count:
        k *= 2
    return k


def naive_root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaf_hash(leaves[0]) if leaves else EMPTY_ROOT
    k = split(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(old: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*naive_consistency(old, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_consistency(old - k, leaves[k:], False), naive_root(leaves[:k])]


def tree_of(size: int) -> Tree:
    tree = Tree()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree


@given(SIZES)
def test_root(size: int) -> None:
    assert tree_of(size).root() == naive_root(LEAVES[:size])


@given(st.data())
def test_inclusion(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 80))
    index = data.draw(st.integers(0, size - 1))
    proof = tree_of(size).inclusion_proof(index)
    top = naive_root(LEAVES[:size])
    assert proof == naive_path(index, LEAVES[:size])
    assert verify_inclusion(LEAVES[index], index, size, proof, top)
    assert not verify_inclusion(LEAVES[index], index, size, [*proof, bytes(32)], top)
    assert not verify_inclusion(LEAVES[index], index, size, proof, bytes(32))
    assert not verify_inclusion(LEAVES[(index + 1) % 80], index, size, proof, top)
    other = data.draw(st.integers(0, 80).filter(lambda number: number != index))
    assert not verify_inclusion(LEAVES[index], other, size, proof, top)
    if proof:
        broken = data.draw(st.integers(0, len(proof) - 1))
        assert not verify_inclusion(
            LEAVES[index], index, size, [*proof[:broken], bytes(32), *proof[broken + 1 :]], top
        )
        assert not verify_inclusion(LEAVES[index], index, size, proof[:-1], top)


@given(st.data())
def test_consistency(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 80))
    old = data.draw(st.integers(0, size))
    proof = tree_of(size).consistency_proof(old)
    before, after = naive_root(LEAVES[:old]), naive_root(LEAVES[:size])
    assert proof == (naive_consistency(old, LEAVES[:size]) if old else [])
    assert verify_consistency(old, before, size, after, proof)
    assert not verify_consistency(old, before, size, after, [*proof, bytes(32)])
    assert not verify_consistency(old, bytes(32), size, after, proof)
    if old:
        assert not verify_consistency(old, before, size, bytes(32), proof)
    if proof:
        assert not verify_consistency(old, before, size, after, proof[:-1])
        assert not verify_consistency(old, before, size, after, [bytes(32), *proof[1:]])


def test_an_append_touches_few_nodes() -> None:
    frontier: list[bytes] = []
    stored: dict[tuple[int, int], bytes] = {}
    for size, leaf in enumerate(LEAVES):
        fresh = completed_nodes(frontier, size, leaf)
        assert len(fresh) <= 8
        for level, index, value in fresh:
            assert (level, index) not in stored
            stored[level, index] = value
        frontier = append(frontier, size, leaf)
        assert len(frontier) == (size + 1).bit_count()
    assert root(frontier) == naive_root(LEAVES)
    reads: list[tuple[int, int]] = []

    def node(level: int, index: int) -> bytes:
        reads.append((level, index))
        return stored[level, index]

    assert inclusion_proof(node, 33, 77) == naive_path(33, LEAVES[:77])
    assert len(reads) < 14


def test_a_proof_for_a_smaller_tree_is_none_for_a_larger() -> None:
    five = tree_of(5)
    assert not verify_inclusion(LEAVES[0], 0, 9, five.inclusion_proof(0), five.root())
    assert not verify_consistency(4, naive_root(LEAVES[:4]), 9, five.root(), five.consistency_proof(4))


def test_impossible_questions_are_refused() -> None:
    tree = tree_of(5)
    with pytest.raises(ValueError, match="not in a tree"):
        tree.inclusion_proof(5)
    with pytest.raises(ValueError, match="no earlier state"):
        tree.consistency_proof(6)
    with pytest.raises(ValueError, match="frontier"):
        append([], 5, bytes(32))
    assert not verify_inclusion(LEAVES[0], 0, 0, [], EMPTY_ROOT)
    assert not verify_consistency(6, bytes(32), 5, bytes(32), [])
