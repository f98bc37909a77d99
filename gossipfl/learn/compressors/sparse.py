"""A few coordinates and nothing of the others: the largest, or random ones; their values compressed in turn.

Stich, Cordonnier and Jaggi (NeurIPS 2018, arXiv 1809.07599), "Sparsified SGD with memory". Not scaled up, as
in Koloskova, Stich and Jaggi (ICML 2019, arXiv 1902.00340): biased, but a contraction.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gossipfl.draws import Draws, philox4x32
from gossipfl.learn.compressors.blocks import Int8Blocks
from gossipfl.learn.compressors.packing import Places
from gossipfl.learn.contracts import Array, Compressor, Payload
from gossipfl.learn.options import demand_between

_KEY = (0x5EED_0F5E, 0x7A11_D0CE)
_SHARE_MIN = 1e-6


@dataclass(frozen=True, slots=True)
class TopK:
    """The `share` of coordinates of largest magnitude, one at least; of equal ones the first.

    Where they are takes about 2 + log2(1 / share) bits each. Their values go through `values`, int8 steps
    unless told otherwise: they are alike in magnitude, and a byte each is enough.
    """

    share: float = 0.1
    values: Compressor = field(default_factory=Int8Blocks)

    def __post_init__(self) -> None:
        demand_between("share", self.share, _SHARE_MIN, 1.0)

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Places (..., bytes), uint8, and the code of the values there."""
        count = _count(self.share, vector.shape[-1])
        indices = _largest(np.abs(vector), count)
        chosen = np.take_along_axis(vector, indices, axis=-1)
        places = Places(count, vector.shape[-1]).encode(indices)
        return places, *self.values.encode(chosen, draws)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`, 0 where nothing was sent."""
        size = like.shape[-1]
        indices = Places(_count(self.share, size), size).decode(code[0])
        return _scattered(self.values, code[1:], indices, like)

    def kept(self, size: int) -> float:
        """At least the share that coordinates of one magnitude would have, times what `values` keeps."""
        count = _count(self.share, size)
        return count / size * self.values.kept(count)


@dataclass(frozen=True, slots=True)
class RandomK:
    """A random `share` of the coordinates, one at least: 8 bytes say which, and `values` the rest.

    The coordinates in a ring, turned at random, are cut into parts as equal as can be, and each part gives
    one: each coordinate is sent with probability k / d, which is all that the contraction needs, and finding
    them takes k steps rather than d.
    """

    share: float = 0.1
    values: Compressor = field(default_factory=Int8Blocks)

    def __post_init__(self) -> None:
        demand_between("share", self.share, _SHARE_MIN, 1.0)

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """A seed (..., 2), uint32, and the code of the values where it points."""
        size = vector.shape[-1]
        seed = np.broadcast_to(draws.words("random-k", 2), (*vector.shape[:-1], 2))
        indices = _random(seed, _count(self.share, size), size)
        return seed, *self.values.encode(np.take_along_axis(vector, indices, axis=-1), draws)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`, 0 where nothing was sent."""
        size = like.shape[-1]
        return _scattered(self.values, code[1:], _random(code[0], _count(self.share, size), size), like)

    def kept(self, size: int) -> float:
        """The share of the coordinates, times what `values` keeps."""
        count = _count(self.share, size)
        return count / size * self.values.kept(count)


def _count(share: float, size: int) -> int:
    return max(1, round(share * size))


def _largest(magnitudes: Array, count: int) -> Array:
    """Sorted indices (..., count) of the largest `magnitudes` (..., d), of equal ones the first."""
    size = magnitudes.shape[-1]
    least = np.partition(magnitudes, size - count, axis=-1)[..., size - count, None]
    chosen, equal = magnitudes > least, magnitudes == least
    wanted = count - np.count_nonzero(chosen, axis=-1)[..., None]
    chosen |= equal & (np.cumsum(equal, axis=-1, dtype=np.int32) <= wanted)
    indices: Array = np.flatnonzero(chosen).reshape(*magnitudes.shape[:-1], count) % size
    return indices


def _random(seed: Array, count: int, size: int) -> Array:
    """`count` different indices (..., count) below `size` that follow from `seed` (..., 2) alone."""
    blocks = -(-(count + 1) // 4)
    counter = np.zeros((*seed.shape[:-1], blocks, 4), np.uint64)
    counter[..., 0] = np.arange(blocks)
    counter[..., 2:] = seed[..., None, :]
    words = philox4x32(counter, _KEY).reshape(*seed.shape[:-1], blocks * 4).astype(np.uint64)
    bounds = np.arange(count + 1, dtype=np.uint64) * np.uint64(size) // np.uint64(count)
    within = (words[..., 1 : count + 1] * np.diff(bounds)) >> np.uint64(32)
    turn = (words[..., :1] * np.uint64(size)) >> np.uint64(32)
    indices: Array = ((bounds[:-1] + within + turn) % np.uint64(size)).astype(np.int64)
    return indices


def _scattered(values: Compressor, code: Payload, indices: Array, like: Array) -> Array:
    """The values in `code` at `indices` (..., k) of zeros (..., d); of equal indices the last counts."""
    chosen = values.decode(code, np.empty(indices.shape[-1], like.dtype))
    vector = np.zeros((*indices.shape[:-1], like.shape[-1]), like.dtype)
    np.put_along_axis(vector, indices, chosen, axis=-1)
    return vector
