"""QSGD: each coordinate as a random one of the two nearest of `levels` even steps of the vector's norm.

Alistarh, Grubic, Li, Tomioka and Vojnovic (NeurIPS 2017, arXiv 1610.02132), "QSGD: communication-efficient
SGD via gradient quantization and encoding", for its unbiased rounding; scaled down by 1 / tau,
tau = 1 + min(d / levels^2, sqrt(d) / levels), as Koloskova, Stich and Jaggi (ICML 2019, arXiv 1902.00340) do,
which makes it a contraction that keeps 1 / tau.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.compressors.packing import FLOAT32_MAX, finite, packed, unpacked
from gossipfl.learn.contracts import Array, Payload
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class Qsgd:
    """log2(levels) + 1 bits per coordinate, where `levels` is a power of two from 4, and 4 bytes.

    At most one coordinate can reach the last of 4 or more levels; the scale takes its sign, so that it is a
    negative one, and levels from -levels to levels - 1 are enough.
    """

    levels: int = 16

    def __post_init__(self) -> None:
        demand_between("levels", self.levels, 1, 32_768)

    @property
    def bits(self) -> int:
        """How many bits a coordinate takes."""
        return (2 * self.levels - (self.levels >= 4)).bit_length()

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Packed levels, uint8, and the length of a level (..., 1), float32, whose sign may be negative."""
        size = vector.shape[-1]
        with np.errstate(over="ignore"):
            squares = np.square(np.ascontiguousarray(vector, np.float64)).sum(axis=-1, keepdims=True)
        norm = np.minimum(np.sqrt(squares), FLOAT32_MAX).astype(np.float32)
        unit = np.where(norm > 0, norm, 1).astype(vector.dtype)
        level = np.minimum(np.abs(vector) / unit, 1)
        level *= self.levels
        chance = (draws.words("qsgd", size) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
        whole = np.floor(level)
        signed = np.copysign(whole + (chance < level - whole), vector).astype(np.int32)
        last = (signed == self.levels).any(axis=-1, keepdims=True) & (self.levels >= 4)
        symbols = np.minimum(np.where(last, -signed, signed) + self.levels, (1 << self.bits) - 1)
        scale = norm.astype(np.float64) / (self.levels * self._tau(size))
        return packed(symbols, self.bits), np.where(last, -scale, scale).astype(np.float32)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`, 1 / tau of what is without bias."""
        octets, scale = code
        levels = unpacked(octets, like.shape[-1], self.bits).astype(like.dtype)
        levels -= self.levels
        step = finite(scale, like.dtype)
        with np.errstate(over="ignore"):
            levels *= step
        return finite(levels, like.dtype)

    def kept(self, size: int) -> float:
        """1 / tau."""
        return 1.0 / self._tau(size)

    def _tau(self, size: int) -> float:
        return 1.0 + min(size / self.levels**2, math.sqrt(size) / self.levels)
