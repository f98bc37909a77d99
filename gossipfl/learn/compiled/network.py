"""One peer's dense network in memory: the way forward, the way back and a step.

Rules:
- Weights lie turned, (out, in), and what passes between layers lies (units, samples): so every product has
  long rows. What a product needs the other way round is turned first.
- Rows are padded to whole vectors (see `vectors`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gossipfl.learn.compiled.jit import compiled, compiled_in_any_order
from gossipfl.learn.compiled.vectors import Matrix, add_product, exp, padded, turn
from gossipfl.learn.contracts import Array


class Network(NamedTuple):
    """Where the parts of a network lie in memory; each array has an entry for each layer.

    Of the inputs and of what each layer makes of them: `sizes`, and places of `values` (units, samples), of
    the same `turned` (samples, units), and of `slopes` (units, samples) of the loss. Of each layer: places of
    `weights` and `biases`; all parameters of the network lie in `parameters` numbers, and once more, behind
    one another, their gradient, velocity, where they began, and what is added at each step.
    """

    sizes: Array
    values: Array
    turned: Array
    slopes: Array
    weights: Array
    biases: Array
    parameters: int
    width: int  # of a row of samples
    worth: int  # how much each sample counts, a row
    spare: int  # a row of samples
    vector: int  # a flat vector as it is outside


class Step(NamedTuple):
    """The hyper-parameters of a step."""

    rate: float
    momentum: float
    weight_decay: float
    proximal: float


@compiled
def load(memory: Array, net: Network, vector: Array, number: int) -> None:
    """Lay `vector` (d,) out as copy `number` of the parameters."""
    copy(memory[net.vector : net.vector + vector.size], vector)
    at = net.vector
    for layer in range(net.weights.size):
        fan_in, fan_out = net.sizes[layer], net.sizes[layer + 1]
        into = Matrix(net.weights[layer] + number * net.parameters, padded(fan_in, memory), 1)
        turn(memory, into, Matrix(at, fan_out, 1), fan_in, fan_out)
        at += fan_in * fan_out
        bias = net.biases[layer] + number * net.parameters
        copy(memory[bias : bias + fan_out], memory[at : at + fan_out])
        at += fan_out


@compiled
def unload(memory: Array, net: Network, vector: Array) -> None:
    """Write the parameters into `vector` (d,)."""
    at = net.vector
    for layer in range(net.weights.size):
        fan_in, fan_out = net.sizes[layer], net.sizes[layer + 1]
        source = Matrix(net.weights[layer], padded(fan_in, memory), 1)
        turn(memory, Matrix(at, fan_out, 1), source, fan_out, fan_in)
        at += fan_in * fan_out
        bias = net.biases[layer]
        copy(memory[at : at + fan_out], memory[bias : bias + fan_out])
        at += fan_out
    copy(vector, memory[net.vector : net.vector + vector.size])


@compiled
def forward(memory: Array, net: Network, samples: int) -> None:
    """From the inputs, to what each layer makes of them; ReLU between layers."""
    columns, last, zero = padded(samples, memory), net.weights.size - 1, memory.dtype.type(0)
    for layer in range(last + 1):
        fan_in, fan_out = net.sizes[layer], net.sizes[layer + 1]
        outputs, bias = net.values[layer + 1], net.biases[layer]
        for unit in range(fan_out):
            at = outputs + unit * net.width
            memory[at : at + columns] = memory[bias + unit]
        weights = Matrix(net.weights[layer], padded(fan_in, memory), 1)
        inputs = Matrix(net.values[layer], net.width, 1)
        add_product(memory, Matrix(outputs, net.width, 1), weights, inputs, fan_out, columns, fan_in)
        if layer < last:
            seen = memory[outputs : outputs + fan_out * net.width]
            for i in range(seen.size):
                seen[i] = max(seen[i], zero)


@compiled
def backward(memory: Array, net: Network, samples: int, decay: float) -> None:
    """From the slopes at the outputs, to the gradient: copy 1 of the parameters."""
    columns, zero = padded(samples, memory), memory.dtype.type(0)
    for layer in range(net.weights.size - 1, -1, -1):
        fan_in, fan_out = net.sizes[layer], net.sizes[layer + 1]
        row, slope = padded(fan_in, memory), Matrix(net.slopes[layer + 1], net.width, 1)
        own = memory[net.weights[layer] : net.weights[layer] + fan_out * row]
        at = net.weights[layer] + net.parameters
        into = memory[at : at + fan_out * row]
        for i in range(into.size):
            into[i] = decay * own[i]
        if layer:
            turn(
                memory,
                Matrix(net.turned[layer], row, 1),
                Matrix(net.values[layer], net.width, 1),
                fan_in,
                samples,
            )
        add_product(
            memory, Matrix(at, row, 1), slope, Matrix(net.turned[layer], row, 1), fan_out, row, samples
        )
        for unit in range(fan_out):
            at = slope.at + unit * net.width
            memory[net.biases[layer] + net.parameters + unit] = _total(memory[at : at + samples], zero)
        if layer:
            at, end = net.slopes[layer], net.slopes[layer] + fan_in * net.width
            memory[at:end] = 0
            weights = Matrix(net.weights[layer], 1, row)
            add_product(memory, Matrix(at, net.width, 1), weights, slope, fan_in, columns, fan_out)
            below, seen = memory[at:end], memory[net.values[layer] : net.values[layer] + fan_in * net.width]
            for i in range(below.size):
                below[i] = below[i] if seen[i] > zero else zero


@compiled
def step(memory: Array, net: Network, by: Step, drifts: bool) -> None:
    """One step of SGD along the gradient, and then what drift adds."""
    many = net.parameters
    own, gradient, velocity = memory[:many], memory[many : 2 * many], memory[2 * many : 3 * many]
    if by.proximal != 0:
        began = memory[3 * many : 4 * many]
        for i in range(many):
            gradient[i] += by.proximal * (own[i] - began[i])
    if by.momentum != 0:
        for i in range(many):
            velocity[i] = by.momentum * velocity[i] + gradient[i]
            own[i] -= by.rate * velocity[i]
    else:
        for i in range(many):
            own[i] -= by.rate * gradient[i]
    if drifts:
        push = memory[4 * many : 5 * many]
        for i in range(many):
            own[i] += push[i]


@compiled
def class_slopes(memory: Array, net: Network, targets: Array) -> None:
    """Write over the outputs the slope of the cross entropy: how much more probable than true, by worth."""
    columns, classes, outputs = padded(targets.size, memory), net.sizes[-1], net.values[-1]
    top, total = (
        memory[net.spare : net.spare + columns],
        memory[net.spare + net.width : net.spare + net.width + columns],
    )
    worth = memory[net.worth : net.worth + columns]
    copy(top, memory[outputs : outputs + columns])
    total[:] = 0
    for unit in range(1, classes):
        at = outputs + unit * net.width
        logits = memory[at : at + columns]
        for i in range(columns):
            top[i] = max(top[i], logits[i])
    for unit in range(classes):
        at = outputs + unit * net.width
        logits = memory[at : at + columns]
        for i in range(columns):
            logits[i] = exp(logits[i] - top[i])
            total[i] += logits[i]
    for i in range(columns):
        total[i] = worth[i] / total[i]
    for unit in range(classes):
        at = outputs + unit * net.width
        logits = memory[at : at + columns]
        for i in range(columns):
            logits[i] *= total[i]
    for i in range(targets.size):
        memory[outputs + np.int64(targets[i]) * net.width + i] -= worth[i]


@compiled
def number_slopes(memory: Array, net: Network, targets: Array) -> None:
    """Write over the only output the slope of half the squared error, by worth."""
    for i in range(targets.size):
        at = net.values[-1] + i
        memory[at] = (memory[at] - targets[i]) * memory[net.worth + i]


@compiled
def copy(into: Array, source: Array) -> None:
    """Copy `source` into an array of its length, which may be of another dtype."""
    for i in range(into.size):
        into[i] = source[i]


@compiled_in_any_order
def _total(row: Array, total: float) -> float:
    for i in range(row.size):
        total += row[i]
    return total
