"""The order in which a peer takes its samples: that of `batches.shuffled`, drawn by the same words."""

from __future__ import annotations

import zlib

import numpy as np

from gossipfl.learn.batches import Integers
from gossipfl.learn.compiled.jit import compiled
from gossipfl.learn.contracts import Array

_PURPOSE = zlib.crc32(b"batches")
_M0, _M1 = np.uint64(0xD251_1F53), np.uint64(0xCD9E_8D57)
_W0, _W1 = np.uint64(0x9E37_79B9), np.uint64(0xBB67_AE85)
_LOW, _HALF = np.uint64(0xFFFF_FFFF), np.uint64(32)


@compiled
def shuffle(
    order: Array,
    rows: Array,
    words: Array,
    starts: Array,
    seed: np.uint64,
    peer: int,
    round: int,
    lane: int,
) -> None:
    """Put `rows` (k,) into `order`, each by its word, of which its position breaks ties.

    Words fall evenly, so one bucket for each is nearly the order; neighbours then change places until it is.
    `words` (2 k + 4) and `starts` (k + 1) are room for that.
    """
    count = rows.size
    _draw(words, count, seed, np.uint64(peer), np.uint64(round), np.uint64(lane + _PURPOSE))
    starts[: count + 1] = 0
    many = np.uint64(count)
    for i in range(count):
        starts[np.intp((words[i] * many) >> _HALF) + 1] += 1
    for i in range(count):
        starts[i + 1] += starts[i]
    keys = words[count : 2 * count]
    for i in range(count):
        bucket = np.intp((words[i] * many) >> _HALF)
        place = starts[bucket]
        starts[bucket] += 1
        order[place] = rows[i]
        keys[place] = words[i]
    for i in range(1, count):
        key, row, place = keys[i], order[i], i
        while place > 0 and keys[place - 1] > key:
            keys[place], order[place] = keys[place - 1], order[place - 1]
            place -= 1
        keys[place], order[place] = key, row


def desk(many: int) -> tuple[Integers, Integers, Array]:
    """Room to `shuffle` so many: `order`, `starts` and `words`."""
    return np.empty(many, np.int64), np.empty(many + 1, np.int64), np.empty(2 * many + 4, np.uint64)


@compiled
def _draw(
    words: Array, count: int, seed: np.uint64, peer: np.uint64, round: np.uint64, lane: np.uint64
) -> None:
    """The first `count` words, in steps of four, of `gossipfl.draws.philox4x32` (see there)."""
    for block in range((count + 3) // 4):
        c0, c1, c2, c3 = np.uint64(block), lane & _LOW, round & _LOW, peer & _LOW
        k0, k1 = seed & _LOW, seed >> _HALF
        for _ in range(10):
            p0, p1 = c0 * _M0, c2 * _M1
            c0, c1 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW
            c2, c3 = (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
            k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
        at = 4 * block
        words[at], words[at + 1], words[at + 2], words[at + 3] = c0, c1, c2, c3
