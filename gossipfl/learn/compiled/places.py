"""Where a network lies in memory: parameters first, then what passes through it."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gossipfl.learn.compiled.vectors import VECTOR_BYTES
from gossipfl.learn.contracts import Array


class Network(NamedTuple):
    """Where the parts of a network lie in memory; each array has an entry for each layer.

    Of the inputs and of what each layer makes of them: `sizes`, and places of `values` (units, samples), of
    the same `turned` (samples, units), and of `slopes` (units, samples) of the loss. Of each layer: places of
    `weights` and `biases` in the `parameters` numbers with which memory begins. Laid out as these, behind
    them, are their `gradient`, their `velocity`, where they `began`, and the `push` that each step adds.
    """

    sizes: Array
    values: Array
    turned: Array
    slopes: Array
    weights: Array
    biases: Array  # behind all weights
    parameters: int
    gradient: int
    velocity: int
    began: int
    push: int
    width: int  # of a row of samples
    worth: int  # of samples, a row: how much each counts
    top: int  # likewise, its largest output
    answer: int  # whose it is
    total: int  # and the sum of the exponentials of all
    vector: int  # a vector as it is outside, and behind it what whole vectors reach beyond it


def room(sizes: tuple[int, ...], dtype: np.dtype[Any], samples: int) -> tuple[Array, Network]:
    """Memory, all zeros, for a network of `sizes` that takes up to so many `samples` at a time."""
    net, numbers = _laid_out(sizes, dtype, samples)
    lanes = VECTOR_BYTES // dtype.itemsize
    raw = np.zeros(numbers + lanes, dtype)
    first = -raw.ctypes.data % VECTOR_BYTES // dtype.itemsize
    return raw[first : first + numbers], net


@cache
def _laid_out(sizes: tuple[int, ...], dtype: np.dtype[Any], samples: int) -> tuple[Network, int]:
    """The places, which are worked out once, and how many numbers there are."""
    taken = _Taken(VECTOR_BYTES // dtype.itemsize)
    units, width = [taken.whole(size) for size in sizes], taken.whole(samples)
    weights = taken.each([fan_in * fan_out for fan_in, fan_out in pairwise(units)])
    biases = taken.each(units[1:])
    parameters = taken.end
    gradient, velocity, began, push = (taken.one(parameters) for _ in range(4))
    values, turned, slopes = (taken.each([size * width for size in units]) for _ in range(3))
    slopes[-1] = values[-1]
    worth, top, answer, total = (taken.one(width) for _ in range(4))
    vector = taken.one(
        sum((i + 1) * o for i, o in pairwise(sizes)) + taken.lanes * (max(sizes) + taken.lanes)
    )
    net = Network(
        np.array(sizes), values, turned, slopes, weights, biases, parameters, gradient, velocity, began, push,
        width, worth, top, answer, total, vector,
    )  # fmt: skip
    return net, taken.end


class _Taken:
    """How far memory is taken, in whole vectors."""

    def __init__(self, lanes: int) -> None:
        self.lanes, self.end = lanes, 0

    def whole(self, size: int) -> int:
        return -(-size // self.lanes) * self.lanes

    def one(self, size: int) -> int:
        begin, self.end = self.end, self.end + self.whole(size)
        return begin

    def each(self, sizes: list[int]) -> Array:
        return np.array([self.one(size) for size in sizes])
