"""Signs alone: each coordinate as plus or minus the mean magnitude of its block.

Karimireddy, Rebjock, Stich and Jaggi (ICML 2019, arXiv 1901.09847), "Error feedback fixes SignSGD and other
gradient compression schemes". Little is lost where magnitudes are alike, as those of the largest coordinates
are: as the values of top-k it keeps more than it promises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.compressors.blocks import in_blocks
from gossipfl.learn.compressors.packing import FLOAT32_MAX, finite
from gossipfl.learn.contracts import Array, Payload
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class Sign:
    """A bit per coordinate, and 4 bytes per `block` of them (256 as a compromise of ours)."""

    block: int = 256

    def __post_init__(self) -> None:
        demand_between("block", self.block, 1, 2**30)

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Bits (..., ceil(d / 8)), 1 where negative, and magnitudes (..., ceil(d / block)), float32."""
        blocks = in_blocks(np.abs(vector), self.block).astype(np.float64)
        width = blocks.shape[-1]
        held = np.minimum(width, vector.shape[-1] - width * np.arange(blocks.shape[-2]))
        magnitudes = np.minimum((blocks / held[:, None]).sum(axis=-1), FLOAT32_MAX).astype(np.float32)
        return np.packbits(vector < 0, axis=-1, bitorder="little"), magnitudes

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        size = like.shape[-1]
        negative = np.unpackbits(code[0], axis=-1, count=size, bitorder="little").view(np.bool_)
        magnitudes = finite(code[1], like.dtype)
        each = np.repeat(magnitudes, min(self.block, size), axis=-1)[..., :size]
        np.negative(each, out=each, where=negative)
        return each

    def kept(self, size: int) -> float:
        """What is kept of one coordinate that is alone in its block, the worst case; rounding apart."""
        return (1.0 - 2.0**-24) / min(self.block, size)
