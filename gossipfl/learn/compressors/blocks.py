"""int8 per block: each block of coordinates in 255 steps between its largest magnitude and its opposite.

Dettmers, Lewis, Shleifer and Zettlemoyer (ICLR 2022, arXiv 2110.02861), "8-bit optimizers via block-wise
quantization": an outlier costs only its own block precision. Here the steps are even, and rounding is to the
nearest, without draws: its error is smaller than that of random rounding, and its bias does no harm where
what was lost is sent later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.compressors.packing import FLOAT32_MAX, finite
from gossipfl.learn.contracts import Array, Payload
from gossipfl.learn.options import demand_between

_STEPS = 127
# A block's largest magnitude is 127 steps, which must not overflow when it is multiplied out.
_STEP_MAX = np.nextafter(np.float32(FLOAT32_MAX / _STEPS), np.float32(0))


@dataclass(frozen=True, slots=True)
class Int8Blocks:
    """A byte per coordinate, and 4 bytes per `block` of them (256 as a compromise of ours)."""

    block: int = 256

    def __post_init__(self) -> None:
        demand_between("block", self.block, 1, 32_768)

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Steps (..., d), int8, and the length of a step in each block (..., ceil(d / block)), float32."""
        blocks = in_blocks(vector, self.block)
        largest = np.maximum(blocks.max(axis=-1), -blocks.min(axis=-1))
        step = np.minimum(largest / _STEPS, _STEP_MAX).astype(np.float32)
        each = np.where(step > 0, step, 1).astype(vector.dtype)[..., None]
        blocks = np.rint(blocks / each)
        steps = np.clip(blocks, -_STEPS, _STEPS, out=blocks).astype(np.int8)
        return from_blocks(steps, vector.shape[-1]), step

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        steps, step = code
        blocks, each = in_blocks(steps, self.block).astype(like.dtype), finite(step, like.dtype)[..., None]
        with np.errstate(over="ignore"):
            blocks *= each
        return finite(from_blocks(blocks, steps.shape[-1]), like.dtype)

    def kept(self, size: int) -> float:
        """A coordinate is rounded by at most half a step, 1 / 254 of the largest in its block."""
        return 1.0 - min(size, self.block) / (2 * _STEPS) ** 2


def in_blocks(array: Array, block: int) -> Array:
    """`array` (..., d) as (..., blocks, block), the last filled up with zeros unless it is alone."""
    lead, size = array.shape[:-1], array.shape[-1]
    block = min(block, size)
    blocks = -(-size // block)
    if size % block:
        filled = np.zeros((*lead, blocks * block), array.dtype)
        filled[..., :size] = array
        array = filled
    return array.reshape(*lead, blocks, block)


def from_blocks(blocks: Array, size: int) -> Array:
    """The array (..., size) of which `in_blocks` made `blocks`."""
    lead, held = blocks.shape[:-2], blocks.shape[-2] * blocks.shape[-1]
    return blocks.reshape(*lead, held)[..., :size]
