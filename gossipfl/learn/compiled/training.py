"""Local training of many peers, one after another, each within the cache: `Dense.fit`, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.batches import Integers
from gossipfl.learn.compiled import network
from gossipfl.learn.compiled.held import Held, balance, held, in_range
from gossipfl.learn.compiled.jit import compiled
from gossipfl.learn.compiled.network import Step
from gossipfl.learn.compiled.orders import desk, shuffle
from gossipfl.learn.compiled.places import Network, room
from gossipfl.learn.contracts import Array, Samples

if TYPE_CHECKING:
    from gossipfl.learn.models import Dense


class Course(NamedTuple):
    """What the training of all peers has in common."""

    by: Step
    seed: np.uint64
    round: int
    batch: int
    balanced: bool
    drifts: bool
    shares: Array  # how much a sample of each class weighs


def train(
    model: Dense, vectors: Array, samples: Samples, steps: Integers, draws: Draws, pushes: Array | None
) -> None:
    """Train `vectors` (n, d), in place, for `steps` (n,), with the `draws` of n peers.

    With each step a peer's part of `pushes` (n, d) is added. Raises `IndexError` for samples out of range.
    """
    training, number, weights = model.training, model.dtype.type, model.training.class_weights
    stock = held(model, samples, len(vectors))
    memory, net = room(model.sizes, model.dtype, min(training.batch, int(stock.counts.max(initial=1))))
    rates = training.rate(draws.round), training.momentum, training.weight_decay, training.proximal
    shares = np.array(weights) if isinstance(weights, tuple) else np.ones(model.sizes[-1])
    course = Course(
        Step(*map(number, rates)), np.uint64(draws.seed & 0xFFFF_FFFF_FFFF_FFFF), draws.round, training.batch,
        weights == "balanced", pushes is not None, shares,
    )  # fmt: skip
    peers = np.asarray(draws.peer, np.int64)
    stray = _train(
        memory, net, course, stock, vectors, vectors[:0] if pushes is None else pushes, steps, peers,
        *desk(stock.rows.shape[1]),
    )  # fmt: skip
    if stray >= 0:
        raise IndexError(f"peer {peers[stray]} has a row or a class that is out of range")


@compiled
def _train(
    memory: Array,
    net: Network,
    course: Course,
    stock: Held,
    vectors: Array,
    pushes: Array,
    steps: Integers,
    peers: Integers,
    order: Integers,
    starts: Integers,
    words: Array,
) -> int:
    """Train peer after peer; the first that has a row or a class out of range, or -1."""
    for p in range(vectors.shape[0]):
        if steps[p] == 0:
            continue
        rows = stock.rows[p % stock.rows.shape[0], : stock.counts[p]]
        if not in_range(rows, stock.features.shape[0], stock.classes, net.sizes[-1]):
            return p
        if course.balanced:
            balance(course.shares, rows, stock.classes)
        _begin(memory, net, course, vectors[p])
        if course.drifts:
            network.load(memory, net, pushes[p], net.push)
        per_epoch = -(-rows.size // course.batch)
        for at in range(steps[p]):
            epoch, part = at // per_epoch, at % per_epoch
            if part == 0:
                shuffle(order, rows, words, starts, course.seed, peers[p], course.round, epoch)
            some = order[part * course.batch : min((part + 1) * course.batch, rows.size)]
            network.gather(memory, net, stock.features, some)
            _take_step(memory, net, course, stock.classes, stock.numbers, some)
        network.unload(memory, net, vectors[p])
    return -1


@compiled
def _begin(memory: Array, net: Network, course: Course, vector: Array) -> None:
    """Lay a peer's vector out, at rest."""
    network.load(memory, net, vector, 0 * net.parameters)
    memory[net.velocity : net.velocity + net.parameters] = memory.dtype.type(0)
    if course.by.proximal != 0:
        network.load(memory, net, vector, net.began)


@compiled
def _take_step(
    memory: Array, net: Network, course: Course, classes: Array, numbers: Array, rows: Array
) -> None:
    """One step of SGD on the samples `rows`, whose features are gathered."""
    memory[net.worth : net.worth + net.width] = memory.dtype.type(0)
    for i in range(rows.size):
        share = course.shares[classes[rows[i]]] if classes.size else 1.0
        memory[net.worth + i] = share / rows.size
    network.forward(memory, net, rows.size)
    if classes.size:
        network.class_slopes(memory, net, classes, rows)
    else:
        network.number_slopes(memory, net, numbers, rows)
    network.backward(memory, net, rows.size)
    network.step(memory, net, course.by, course.drifts)
