"""Choices, one after another, as some bytes have it: whoever has the bytes chooses, or draws them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import shake_128
from typing import TypeVar

DRAWN_BYTES = 512
Item = TypeVar("Item")


class Lot:
    """What `octets` choose; when they are at an end, always the first."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @classmethod
    def drawn(cls, *words: object) -> Lot:
        """Choices that follow from `words` alone."""
        return cls(shake_128(" ".join(map(str, words)).encode()).digest(DRAWN_BYTES))

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1, which is at most 65,536."""
        return int.from_bytes(self.take(2), "big") % bound

    def one_of(self, items: Sequence[Item]) -> Item:
        """One of `items`."""
        return items[self.below(len(items))]

    def chance(self, of: int) -> bool:
        """True once in `of` times; in the end false."""
        return self.below(of) == of - 1

    def take(self, count: int) -> bytes:
        """So many bytes as they are, filled up with zeros."""
        piece = self._octets[self._at : self._at + count]
        self._at += count
        return piece.ljust(count, b"\0")
