"""Local training of many peers, one after another, each within the cache: `Dense.fit`, compiled."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.batches import flat_rows
from gossipfl.learn.compiled import network
from gossipfl.learn.compiled.jit import compiled
from gossipfl.learn.compiled.network import Network, Step
from gossipfl.learn.compiled.orders import shuffle
from gossipfl.learn.compiled.vectors import VECTOR_BYTES, Matrix, padded, turn
from gossipfl.learn.contracts import Array, Samples

if TYPE_CHECKING:
    from gossipfl.learn.models import Dense


class Course(NamedTuple):
    """What all peers have in common in a round."""

    seed: np.uint64
    round: int
    batch: int
    classes: bool
    balanced: bool
    drifts: bool


def train(
    model: Dense,
    vectors: Array,
    samples: Samples,
    counts: Array,
    steps: Array,
    draws: Draws,
    pushes: Array | None,
) -> None:
    """Train `vectors` (n, d), in place, for `steps` (n,) on `counts` (n,) samples, with `draws` of n peers.

    With each step a peer's part of `pushes` (n, d) is added. Raises `IndexError` for samples out of range.
    """
    training, number, weights = model.training, model.dtype.type, model.training.class_weights
    rows = samples.rows[None] if samples.rows.ndim == 1 else flat_rows(samples.rows.shape[:-1], samples)
    memory, net = _room(model, min(training.batch, int(counts.max(initial=1))))
    rates = training.rate(draws.round), training.momentum, training.weight_decay, training.proximal
    seed, classes = np.uint64(draws.seed & 0xFFFF_FFFF_FFFF_FFFF), model.task == "classes"
    course = Course(seed, draws.round, training.batch, classes, weights == "balanced", pushes is not None)
    shares = np.array(weights) if isinstance(weights, tuple) else np.ones(model.sizes[-1])
    stray = _train(
        memory, net, Step(*map(number, rates)), course, vectors, vectors[:0] if pushes is None else pushes,
        samples.features, samples.targets, rows, counts, steps, np.asarray(draws.peer, np.int64), shares,
    )  # fmt: skip
    if stray >= 0:
        raise IndexError(f"peer {draws.peer[stray]} has a row or a class that is out of range")  # type: ignore[index]


def _room(model: Dense, batch: int) -> tuple[Array, Network]:
    """Room for a peer's training by batches of `batch`, zeros."""
    lanes = VECTOR_BYTES // model.dtype.itemsize
    end = 0

    def place(size: int) -> int:
        nonlocal end
        begin, end = end, end + -(-size // lanes) * lanes
        return begin

    whole = [-(-size // lanes) * lanes for size in model.sizes]
    width = -(-batch // lanes) * lanes
    weights, biases = [], []
    for fan_in, fan_out in pairwise(whole):
        weights.append(place(fan_in * fan_out))
        biases.append(place(fan_out))
    parameters = end
    place(4 * parameters)
    values = [place(size * width) for size in whole]
    turned = [place(size * width) for size in whole]
    slopes = [place(size * width) for size in whole[:-1]] + [values[-1]]
    worth, spare = place(width), place(2 * width)
    vector = place(model.size + lanes * (max(model.sizes) + lanes))
    raw = np.zeros(end + lanes, model.dtype)
    first = -raw.ctypes.data % VECTOR_BYTES // raw.itemsize
    net = Network(
        np.array(model.sizes), np.array(values), np.array(turned), np.array(slopes), np.array(weights),
        np.array(biases), parameters, width, worth, spare, vector,
    )  # fmt: skip
    return raw[first : first + end], net


@compiled
def _train(
    memory: Array, net: Network, by: Step, course: Course, vectors: Array, pushes: Array, features: Array,
    targets: Array, rows: Array, counts: Array, steps: Array, peers: Array, shares: Array,
) -> int:  # fmt: skip
    """Train peer after peer; the first that has a row or a class out of range, or -1."""
    held, zero = rows.shape[1], memory.dtype.type(0)
    order, starts = np.empty(held, np.int64), np.empty(held + 1, np.int64)
    words, wanted = np.empty(2 * held + 4, np.uint64), np.empty(net.width, targets.dtype)
    for p in range(vectors.shape[0]):
        own, count = rows[p % rows.shape[0]], counts[p]
        if steps[p] == 0:
            continue
        if not _in_range(own[:count], features.shape[0], targets, net.sizes[-1] if course.classes else 0):
            return p
        if course.balanced:
            _balance(shares, own[:count], targets)
        network.load(memory, net, vectors[p], 0)
        memory[2 * net.parameters : 3 * net.parameters] = zero
        if by.proximal != 0:
            network.load(memory, net, vectors[p], 3)
        if course.drifts:
            network.load(memory, net, pushes[p], 4)
        per_epoch = -(-count // course.batch)
        for at in range(steps[p]):
            epoch, part = at // per_epoch, at % per_epoch
            if part == 0:
                shuffle(order, own, count, words, starts, course.seed, peers[p], course.round, epoch)
            some = order[part * course.batch : min((part + 1) * course.batch, count)]
            _gather(memory, net, features, some)
            for i in range(some.size):
                wanted[i] = targets[some[i]]
                share = shares[np.int64(wanted[i])] if course.classes else 1.0
                memory[net.worth + i] = share / some.size
            memory[net.worth + some.size : net.worth + net.width] = zero
            network.forward(memory, net, some.size)
            if course.classes:
                network.class_slopes(memory, net, wanted[: some.size])
            else:
                network.number_slopes(memory, net, wanted[: some.size])
            network.backward(memory, net, some.size, by.weight_decay)
            network.step(memory, net, by, course.drifts)
        network.unload(memory, net, vectors[p])
    return -1


@compiled
def _in_range(rows: Array, samples: int, targets: Array, classes: int) -> bool:
    strays = 0
    for row in rows:
        strays += row < 0 or row >= samples or (classes > 0 and not 0 <= targets[row] < classes)
    return strays == 0


@compiled
def _balance(shares: Array, rows: Array, targets: Array) -> None:
    """Write into `shares` what "balanced" gives each class (see `gossipfl.learn.models.class_weights`)."""
    shares[:] = 0.0
    for row in rows:
        shares[np.int64(targets[row])] += 1.0
    present = 0
    for held in shares:
        present += held > 0
    for i in range(shares.size):
        shares[i] = rows.size / (present * max(shares[i], 1.0))


@compiled
def _gather(memory: Array, net: Network, features: Array, rows: Array) -> None:
    """Lay the features of `rows` out as inputs, both ways round; zeros fill the last vector up."""
    inputs, row = net.sizes[0], padded(net.sizes[0], memory)
    for i in range(rows.size):
        at = net.turned[0] + i * row
        network.copy(memory[at : at + inputs], features[rows[i]])
    at = net.turned[0]
    memory[at + rows.size * row : at + padded(rows.size, memory) * row] = memory.dtype.type(0)
    turn(memory, Matrix(net.values[0], net.width, 1), Matrix(at, row, 1), rows.size, inputs)
