"""How good the models of many peers are, one after another within the cache: `Dense.score`, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gossipfl.learn.compiled import network
from gossipfl.learn.compiled.held import Held, held, in_range, sealed
from gossipfl.learn.compiled.jit import compiled
from gossipfl.learn.compiled.places import Network, room
from gossipfl.learn.compiled.vectors import padded
from gossipfl.learn.contracts import Array, Samples

if TYPE_CHECKING:
    from gossipfl.learn.models import Dense

_SAMPLES = 256


def sums(model: Dense, vectors: Array, samples: Samples) -> Array:
    """Sums (2, n) over the samples of n peers, whose rows are (n, k), or (k,) for all alike.

    See `gossipfl.learn.metrics`; raises `IndexError` for samples out of range.
    """
    stock = held(model, samples, 1 if samples.rows.ndim == 1 else len(vectors))
    memory, net = room(model.sizes, model.dtype, _SAMPLES)
    totals = np.zeros((2, len(vectors)))
    flat = sealed(np.ascontiguousarray(vectors, model.dtype))
    stray = _score(memory, net, stock, flat, totals)
    if stray >= 0:
        raise IndexError(f"peer {stray} of those judged has a row or a class that is out of range")
    return totals


@compiled
def _score(memory: Array, net: Network, stock: Held, vectors: Array, totals: Array) -> int:
    """Add to `totals` (2, n); the first peer that has a row or a class out of range, or -1."""
    many = stock.rows.shape[0]
    for owner in range(many):
        rows = stock.rows[owner, : stock.counts[owner]]
        if not in_range(rows, stock.features.shape[0], stock.classes, net.sizes[-1]):
            return owner
        centre = _mean(stock.numbers, rows)
        begin, end = (0, vectors.shape[0]) if many == 1 else (owner, owner + 1)
        for first in range(0, rows.size, _SAMPLES):
            some = rows[first : min(first + _SAMPLES, rows.size)]
            network.gather(memory, net, stock.features, some)
            for p in range(begin, end):
                network.load(memory, net, vectors[p], 0 * net.parameters)
                network.forward(memory, net, some.size)
                if stock.classes.size:
                    _add_classes(memory, net, stock.classes, some, totals[:, p])
                else:
                    _add_numbers(memory, net, stock.numbers, centre, some, totals[:, p])
    return -1


@compiled
def _mean(numbers: Array, rows: Array) -> float:
    total = 0.0
    if numbers.size:
        for row in rows:
            total += numbers[row]
    return total / max(rows.size, 1)


@compiled
def _add_classes(memory: Array, net: Network, classes: Array, rows: Array, sums: Array) -> None:
    """Add right answers, of which NaN is none, and cross entropies."""
    columns, right, loss, product = padded(rows.size, memory), 0, 0.0, 1.0
    network.find_top(memory, net, columns)
    answer, top = memory[net.answer : net.answer + columns], memory[net.top : net.top + columns]
    for i in range(rows.size):
        wanted = classes[rows[i]]
        right += (answer[i] == wanted) & (top[i] == top[i])
        loss += top[i] - memory[net.values[-1] + wanted * net.width + i]
    network.exponentiate(memory, net, columns)
    total = memory[net.total : net.total + columns]
    for i in range(rows.size):
        if product > 1e200:  # the logarithm of a product is fewer logarithms
            loss += np.log(product)
            product = 1.0
        product *= total[i]
    sums[0] += right
    sums[1] += loss + np.log(product)


@compiled
def _add_numbers(
    memory: Array, net: Network, numbers: Array, centre: float, rows: Array, sums: Array
) -> None:
    """Add squared errors and squared distances to the centre."""
    for i in range(rows.size):
        number = numbers[rows[i]]
        sums[0] += (memory[net.values[-1] + i] - number) ** 2
        sums[1] += (number - centre) ** 2
