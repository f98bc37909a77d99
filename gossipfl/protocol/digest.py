"""The digest of an update's body: SHA-256 over the SHA-256 of each 4 MiB of it.

So threads can share the work, for which processors have instructions. The length of the body is signed beside
its digest, so that a list of digests is never taken for a body.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from gossipfl.protocol.layout import cut

LEAF_BYTES = 4 << 20

Each = Callable[[Callable[[list[memoryview]], bytes], Iterable[list[memoryview]]], Iterable[bytes]]
"""What a function comes to for each of some things, in their order, as `map` tells it."""


def body_digest(buffers: Iterable[memoryview], each: Each = map) -> bytes:
    """The digest of the body that `buffers` make up."""
    return hashlib.sha256(b"".join(each(_hashed, cut(buffers, LEAF_BYTES)))).digest()


class BodyHash:
    """The digest of a body that comes piece by piece."""

    def __init__(self) -> None:
        self._leaves = hashlib.sha256()
        self._begin()

    def update(self, piece: memoryview) -> None:
        """Add `piece`."""
        for start in range(-self._filled, len(piece), LEAF_BYTES):
            part = piece[max(start, 0) : start + LEAF_BYTES]
            self._leaf.update(part)
            self._filled += len(part)
            if self._filled == LEAF_BYTES:
                self._leaves.update(self._leaf.digest())
                self._begin()

    def digest(self) -> bytes:
        """The digest of all that came."""
        leaves = self._leaves.copy()
        if self._filled:
            leaves.update(self._leaf.digest())
        return leaves.digest()

    def _begin(self) -> None:
        self._leaf, self._filled = hashlib.sha256(), 0


def _hashed(parts: list[memoryview]) -> bytes:
    leaf = hashlib.sha256()
    for part in parts:
        leaf.update(part)
    return leaf.digest()
