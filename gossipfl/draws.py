"""Counter-based randomness: a draw is a pure function of (seed, peer, round, purpose, lane, index).

Rules:
- No generator, no state: one peer alone and a crowd of peers draw the same numbers, in any order.
- `peer` may be an array; its shape leads the shape of what is drawn.
- Not for secrets: keys and privacy noise come from the operating system.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARED_PEER = 0xFFFF_FFFF
"""The peer whose draws all peers make alike, such as the first model."""

_LOW = np.uint64(0xFFFF_FFFF)
_MULTIPLIERS = (np.uint64(0xD251_1F53), np.uint64(0xCD9E_8D57))
_WEYL = (0x9E37_79B9, 0xBB67_AE85)


def philox4x32(counter: NDArray[Any], key: tuple[int, int], rounds: int = 10) -> Words:
    """Philox-4x32 of `counter` (..., 4) under `key`, as (..., 4) words.

    Salmon, Moraes, Dror and Shaw (SC 2011), "Parallel random numbers: as easy as 1, 2, 3".
    """
    c0, c1, c2, c3 = (counter[..., i].astype(np.uint64) for i in range(4))
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & _LOW
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFF_FFFF, (k1 + _WEYL[1]) & 0xFFFF_FFFF
    return np.stack((c0, c1, c2, c3), axis=-1).astype(np.uint32)


@dataclass(frozen=True, slots=True)
class Draws:
    """What `peer` (an integer, or an array of them, shape (...)) may draw in `round` of a run with `seed`."""

    seed: int
    peer: int | NDArray[Any] = SHARED_PEER
    round: int = 0

    def words(self, purpose: str, count: int, lane: int | NDArray[Any] = 0) -> Words:
        """`count` words (..., count) for `purpose`; `lane` (an integer, or (...)) tells its repeats apart."""
        peer, lanes = np.broadcast_arrays(np.asarray(self.peer, np.uint64), np.asarray(lane, np.uint64))
        blocks = -(-count // 4)
        counter = np.empty((*peer.shape, blocks, 4), np.uint64)
        counter[..., 0] = np.arange(blocks, dtype=np.uint64)
        counter[..., 1] = ((lanes + np.uint64(zlib.crc32(purpose.encode()))) & _LOW)[..., None]
        counter[..., 2] = self.round
        counter[..., 3] = peer[..., None]
        seed = self.seed & 0xFFFF_FFFF_FFFF_FFFF
        drawn = philox4x32(counter, (seed & 0xFFFF_FFFF, seed >> 32))
        return drawn.reshape(*peer.shape, blocks * 4)[..., :count]

    def uniform(self, purpose: str, count: int, lane: int | NDArray[Any] = 0) -> Floats:
        """`count` numbers (..., count) in [0, 1), each of 53 random bits."""
        words = self.words(purpose, 2 * count, lane).astype(np.uint64)
        high, low = words[..., 0::2] >> np.uint64(5), words[..., 1::2] >> np.uint64(6)
        return (high * np.uint64(1 << 26) + low) * 2.0**-53

    def normal(self, purpose: str, count: int, lane: int | NDArray[Any] = 0) -> Floats:
        """`count` standard normal numbers (..., count), by Box and Muller (1958)."""
        pairs = self.uniform(purpose, 2 * count, lane)
        radius = np.sqrt(-2.0 * np.log1p(-pairs[..., 0::2]))
        return radius * np.cos(2.0 * np.pi * pairs[..., 1::2])

    def integers(self, purpose: str, count: int, below: int, lane: int | NDArray[Any] = 0) -> Integers:
        """`count` integers (..., count) in [0, below)."""
        return np.floor(self.uniform(purpose, count, lane) * below).astype(np.int64)

    def permutation(self, purpose: str, count: int, lane: int | NDArray[Any] = 0) -> Integers:
        """A permutation (..., count) of 0 .. count - 1."""
        words = self.words(purpose, 2 * count, lane).astype(np.uint64)
        return np.argsort((words[..., 0::2] << np.uint64(32)) | words[..., 1::2], axis=-1, kind="stable")
