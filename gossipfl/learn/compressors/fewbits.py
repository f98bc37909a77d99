"""Few bits per coordinate: each block in even steps between its largest magnitude and its opposite.

Rounding is to the nearest, as in blocks.py, so that a code of differences keeps most of what is large, and
nothing is added to what is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.compressors.blocks import from_blocks, in_blocks
from gossipfl.learn.compressors.packing import FLOAT32_MAX, finite, packed, unpacked
from gossipfl.learn.contracts import Array, Payload
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class FewBits:
    """`bits` per coordinate, and 4 bytes per `block` of them."""

    bits: int = 3
    block: int = 256

    def __post_init__(self) -> None:
        demand_between("bits", self.bits, 2, 7)
        demand_between("block", self.block, 1, 32_768)

    @property
    def steps(self) -> int:
        """How many steps lead from 0 to the largest magnitude."""
        return (1 << (self.bits - 1)) - 1

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Packed steps, uint8, and the length of a step in each block (..., ceil(d / block)), float32."""
        blocks = in_blocks(vector, self.block)
        largest = np.minimum(np.maximum(blocks.max(axis=-1), -blocks.min(axis=-1)), FLOAT32_MAX)
        step = np.nextafter((largest / self.steps).astype(np.float32), np.float32(0))
        each = np.where(step > 0, step, 1).astype(vector.dtype)[..., None]
        rounded = np.clip(np.rint(blocks / each), -self.steps, self.steps).astype(np.int64)
        symbols = from_blocks(np.where(step[..., None] > 0, rounded, 0) + self.steps, vector.shape[-1])
        return packed(symbols, self.bits), step

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        octets, step = code
        symbols = unpacked(octets, like.shape[-1], self.bits).astype(np.int64) - self.steps
        blocks = in_blocks(np.clip(symbols, -self.steps, self.steps).astype(like.dtype), self.block)
        with np.errstate(over="ignore"):
            blocks = blocks * finite(step, like.dtype)[..., None]
        return finite(from_blocks(blocks, like.shape[-1]), like.dtype)

    def kept(self, size: int) -> float:
        """The largest of each block at least, and all but half a step of each coordinate."""
        block = min(size, self.block)
        return max(0.99 / block, 1.0 - block / (2 * self.steps) ** 2)
