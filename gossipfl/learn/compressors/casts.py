"""Fewer bits per number: none fewer, half precision, and the upper half of single precision.

Rules:
- A number beyond the range of a format becomes the largest of that format, never an infinity.
- Numbers below its range vanish; what `kept` promises is for those within.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.compressors.packing import finite
from gossipfl.learn.contracts import Array, Payload

_FLOAT16_MAX = float(np.finfo(np.float16).max)
_BFLOAT16_MAX = float(np.array([0x7F7F_0000], np.uint32).view(np.float32)[0])


@dataclass(frozen=True, slots=True)
class Whole:
    """The vector as it is: what the others are measured against."""

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """`(vector,)`, (..., d)."""
        return (vector,)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        return finite(code[0], like.dtype)

    def kept(self, size: int) -> float:
        """All of it."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Float16:
    """IEEE 754 half precision: 11 bits of mantissa, from 6e-8 to 65,504; 2 bytes per number."""

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Halves (..., d), rounded to nearest even."""
        return (np.clip(vector, -_FLOAT16_MAX, _FLOAT16_MAX).astype(np.float16),)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        return finite(code[0], like.dtype)

    def kept(self, size: int) -> float:
        """A number is rounded by at most 2^-11 of itself, from 6e-5 to 65,504."""
        return 1.0 - 2.0**-22


@dataclass(frozen=True, slots=True)
class BFloat16:
    """The upper half of single precision: 8 bits of mantissa, the whole range; 2 bytes per number."""

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """Upper halves (..., d), uint16, rounded to nearest even."""
        bits = np.clip(vector, -_BFLOAT16_MAX, _BFLOAT16_MAX).astype(np.float32).view(np.uint32)
        return (((bits + np.uint32(0x7FFF) + (bits >> 16 & 1)) >> 16).astype(np.uint16),)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        bits = code[0].astype(np.uint32) << np.uint32(16)
        return finite(bits.view(np.float32), like.dtype)

    def kept(self, size: int) -> float:
        """A number is rounded by at most 2^-8 of itself."""
        return 1.0 - 2.0**-16
