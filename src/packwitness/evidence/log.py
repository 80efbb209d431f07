"""An append-only Merkle log (RFC 6962) and its checkpoints (C2SP signed notes).

Leaf *i* is the 32 bytes of a manifest's digest. A *node* ``(level, index)`` is the root of the perfect
subtree over leaves ``index·2^level`` up to ``(index+1)·2^level``; level 0 holds the leaf hashes. A
*frontier* is the list of roots of the perfect subtrees that a tree of some size is made of, largest first:
with it, an append costs O(log n) and needs nothing else. Who keeps a log stores the nodes that
``completed_nodes`` names with each append; a proof then needs O(log n) of them.
"""

import hashlib
from collections.abc import Callable, Sequence

from packwitness.evidence.chain import raw_digest

NodeReader = Callable[[int, int], bytes]
"""Gives the hash of the perfect subtree (level, index)."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
PROOF_LIMIT = 128
"""Longest proof: more than two paths of a tree of 2⁶³ leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_of(manifest: str) -> bytes:
    """Return the log's leaf for a manifest's digest (64 hex digits)."""
    return raw_digest(manifest)


def completed_nodes(frontier: Sequence[bytes], size: int, leaf: bytes) -> list[tuple[int, int, bytes]]:
    """Return the nodes ``(level, index, hash)`` that become whole when ``leaf`` is appended after ``size``.

    The first is the leaf's own; the frontier must be that of ``size`` leaves.
    """
    if len(frontier) != size.bit_count():
        raise ValueError(
            f"a tree of {size} leaves has a frontier of {size.bit_count()} nodes, not {len(frontier)}"
        )
    nodes = [(0, size, leaf_hash(leaf))]
    waiting = list(frontier)
    level, index = 0, size
    while index & 1:
        level, index = level + 1, index >> 1
        nodes.append((level, index, node_hash(waiting.pop(), nodes[-1][2])))
    return nodes


def append(frontier: Sequence[bytes], size: int, leaf: bytes) -> list[bytes]:
    """Return the frontier of a tree of ``size`` leaves after ``leaf`` is appended."""
    level, _, top = completed_nodes(frontier, size, leaf)[-1]
    return [*frontier[: len(frontier) - level], top]


def root(frontier: Sequence[bytes]) -> bytes:
    """Return the tree's root; that of no leaves is SHA-256 of nothing."""
    if not frontier:
        return EMPTY_ROOT
    result = frontier[-1]
    for left in reversed(frontier[:-1]):
        result = node_hash(left, result)
    return result


def inclusion_proof(node: NodeReader, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of the first ``size`` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(node, middle, high))
            high = middle
        else:
            path.append(_range_root(node, low, middle))
            low = middle
    return path[::-1]


def consistency_proof(node: NodeReader, old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of ``size`` leaves begins with the tree of the first ``old``."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves has no earlier state of {old}")
    if old in (0, size):
        return []
    proof: list[bytes] = []
    low, high = 0, size
    whole = True  # the old tree's part within low…high is the old tree's root itself, which the reader has
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(node, middle, high))
            high = middle
        else:
            proof.append(_range_root(node, low, middle))
            low = middle
            whole = False
    if not whole:
        proof.append(_range_root(node, low, high))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Say whether ``proof`` shows ``leaf`` to be number ``index`` of this tree (RFC 9162)."""
    if not 0 <= index < size or len(proof) > PROOF_LIMIT:
        return False
    here, last = index, size - 1
    result = leaf_hash(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            result = node_hash(sibling, result)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and result == root_hash


def verify_consistency(old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether ``proof`` shows that the larger tree begins with the smaller one (RFC 9162)."""
    if not 0 <= old <= size or len(proof) > PROOF_LIMIT:
        return False
    if old == size:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    here, last = old - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


class Tree:
    """A log held in memory: what a hub's stored nodes do, for tests and small logs."""

    def __init__(self) -> None:
        self.size = 0
        self.frontier: list[bytes] = []
        self._nodes: dict[tuple[int, int], bytes] = {}

    def append(self, leaf: bytes) -> int:
        """Add a leaf; return its index."""
        for level, index, value in completed_nodes(self.frontier, self.size, leaf):
            self._nodes[level, index] = value
        self.frontier = append(self.frontier, self.size, leaf)
        self.size += 1
        return self.size - 1

    def node(self, level: int, index: int) -> bytes:
        """Return a perfect subtree's root."""
        return self._nodes[level, index]

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return root(self.frontier)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return the audit path of a leaf in the tree as it stands."""
        return inclusion_proof(self.node, index, self.size)

    def consistency_proof(self, old: int) -> list[bytes]:
        """Return the proof that the tree as it stands begins with its first ``old`` leaves."""
        return consistency_proof(self.node, old, self.size)


def _split(count: int) -> int:
    """Return the largest power of two below ``count`` (which is at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(node: NodeReader, low: int, high: int) -> bytes:
    """Return the root over leaves low…high, a range as RFC 6962 cuts them."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(count)
    return node_hash(_range_root(node, low, middle), _range_root(node, middle, high))
