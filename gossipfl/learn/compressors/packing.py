"""What codes are made of: symbols of a few bits in bytes, places among d coordinates, and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.contracts import Array

FLOAT32_MAX = float(np.finfo(np.float32).max)


def packed_bytes(count: int, bits: int) -> int:
    """How many bytes `count` symbols of `bits` take: whole bytes each, the other bits in groups of eight."""
    return count * (bits // 8) + -(-count // 8) * (bits % 8)


def packed(symbols: Array, bits: int) -> Array:
    """`symbols` (..., count) below 2**bits as bytes (..., packed_bytes(count, bits)), uint8."""
    lead, count = symbols.shape[:-1], symbols.shape[-1]
    eights = -(-count // 8)
    planes = [(symbols >> (8 * plane)).astype(np.uint8) for plane in range(bits // 8)]
    if rest := bits % 8:
        groups = np.zeros((*lead, eights * 8), np.uint64)
        groups[..., :count] = (symbols >> (bits - rest)) & ((1 << rest) - 1)
        groups = groups.reshape(*lead, eights, 8)
        word = groups[..., 0]
        for index in range(1, 8):
            word |= groups[..., index] << np.uint64(rest * index)
        octets = word.astype("<u8")[..., None].view(np.uint8)[..., :rest]
        planes.append(octets.reshape(*lead, eights * rest))
    return np.concatenate(planes, axis=-1) if planes else np.zeros((*lead, 0), np.uint8)


def unpacked(octets: Array, count: int, bits: int) -> Array:
    """The symbols (..., count), uint32, that `packed` made into `octets`."""
    lead, whole, rest, eights = octets.shape[:-1], bits // 8, bits % 8, -(-count // 8)
    symbols = np.zeros((*lead, count), np.uint32)
    for plane in range(whole):
        symbols |= octets[..., plane * count : (plane + 1) * count].astype(np.uint32) << np.uint32(8 * plane)
    if rest:
        padded = np.zeros((*lead, eights, 8), np.uint8)
        padded[..., :rest] = octets[..., whole * count :].reshape(*lead, eights, rest)
        words = padded.view("<u8").astype(np.uint64)
        groups = (words >> np.arange(8, dtype=np.uint64) * np.uint64(rest)) & np.uint64((1 << rest) - 1)
        high = groups.reshape(*lead, eights * 8)[..., :count].astype(np.uint32)
        symbols |= high << np.uint32(8 * whole)
    return symbols


@dataclass(frozen=True, slots=True)
class Places:
    """Which `count` of `size` coordinates: as a bit for each, or sorted in two parts, whichever is shorter.

    Elias (JACM 1974), "Efficient storage and retrieval by content and address of static files": the low bits
    of each index as they are; the j-th high part as a 1 at bit (high + j), so its bits number
    count + (size - 1 >> low). That is about 2 + log2(size / count) bits per index, whatever these are.
    """

    count: int
    size: int

    @property
    def low(self) -> int | None:
        """How many low bits of each index are kept apart, or None for a bit per coordinate."""
        sizes = {low: self._bytes(low) for low in range(self.size.bit_length())}
        best = min(sizes, key=lambda low: sizes[low])
        return best if sizes[best] < -(-self.size // 8) else None

    @property
    def bytes(self) -> int:
        """The length of a code."""
        return -(-self.size // 8) if self.low is None else self._bytes(self.low)

    def _bytes(self, low: int) -> int:
        return packed_bytes(self.count, low) + -(-self._ones(low) // 8)

    def _ones(self, low: int) -> int:
        return self.count + ((self.size - 1) >> low)

    def encode(self, indices: Array) -> Array:
        """Sorted `indices` (..., count) as uint8 (..., bytes)."""
        if (low := self.low) is None:
            return np.packbits(_marked(indices, self.size), axis=-1, bitorder="little")
        marks = _marked((indices >> low) + np.arange(self.count), self._ones(low))
        high = np.packbits(marks, axis=-1, bitorder="little")
        return np.concatenate((packed(indices & ((1 << low) - 1), low), high), axis=-1)

    def decode(self, octets: Array) -> Array:
        """The indices (..., count), int64; not `count` of them, or one too large, is refused."""
        if (low := self.low) is None:
            return self._ones_of(octets, self.size)
        apart = packed_bytes(self.count, low)
        high = self._ones_of(octets[..., apart:], self._ones(low)) - np.arange(self.count)
        indices = high << low | unpacked(octets[..., :apart], self.count, low)
        if indices.max(initial=0) >= self.size:
            raise RemoteProtocolError("code", f"A code names a coordinate beyond the {self.size} there are.")
        return indices

    def _ones_of(self, octets: Array, length: int) -> Array:
        bits = np.unpackbits(octets, axis=-1, count=length, bitorder="little").view(np.bool_)
        if (np.count_nonzero(bits, axis=-1) != self.count).any():
            raise RemoteProtocolError("code", f"A code does not name {self.count} coordinates.")
        return np.flatnonzero(bits).reshape(*octets.shape[:-1], self.count) % length


def _marked(indices: Array, size: int) -> Array:
    marks = np.zeros((*indices.shape[:-1], size), np.bool_)
    np.put_along_axis(marks, indices, True, axis=-1)
    return marks


def finite(numbers: Array, dtype: np.dtype[Any]) -> Array:
    """`numbers` as `dtype`, or a refusal if one of them is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = numbers.astype(dtype, copy=False)
    if not np.isfinite(cast).all():
        raise RemoteProtocolError("code", "A code stands for numbers that are not finite.")
    return cast
