"""One peer's dense network in memory: the way forward, the way back and a step.

Rules:
- Weights lie turned, (out, in), and what passes between layers lies (units, samples): so every product has
  long rows. What a product needs the other way round is turned first.
- Rows are padded to whole vectors (see `vectors`).
"""

from __future__ import annotations

from typing import NamedTuple

from gossipfl.learn.compiled.exponential import exp
from gossipfl.learn.compiled.jit import compiled, compiled_in_any_order
from gossipfl.learn.compiled.places import Network
from gossipfl.learn.compiled.vectors import Matrix, multiply, padded, turn
from gossipfl.learn.contracts import Array


class Step(NamedTuple):
    """The hyper-parameters of a step."""

    rate: float
    momentum: float
    weight_decay: float
    proximal: float


@compiled
def load(memory: Array, net: Network, vector: Array, begin: int) -> None:
    """Lay `vector` (d,) out like the parameters, from `begin` on."""
    copy(memory[net.vector : net.vector + vector.size], vector)
    at = net.vector
    for layer in range(net.weights.size):
        fan_in, fan_out = net.sizes[layer], net.sizes[layer + 1]
        into = Matrix(net.weights[layer] + begin, padded(fan_in, memory), 1)
        turn(memory, into, Matrix(at, fan_out, 1), fan_in, fan_out)
        at += fan_in * fan_out
        bias = net.biases[layer] + begin
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
def gather(memory: Array, net: Network, features: Array, rows: Array) -> None:
    """Lay the features of `rows` out as inputs, both ways round; zeros fill the last vector up."""
    inputs, row = net.sizes[0], padded(net.sizes[0], memory)
    for i in range(rows.size):
        at = net.turned[0] + i * row
        copy(memory[at : at + inputs], features[rows[i]])
    at = net.turned[0]
    memory[at + rows.size * row : at + padded(rows.size, memory) * row] = memory.dtype.type(0)
    turn(memory, Matrix(net.values[0], net.width, 1), Matrix(at, row, 1), rows.size, inputs)


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
        multiply(memory, Matrix(outputs, net.width, 1), weights, inputs, fan_out, columns, fan_in, True)
        if layer < last:
            seen = memory[outputs : outputs + fan_out * net.width]
            for i in range(seen.size):
                seen[i] = max(seen[i], zero)


@compiled
def backward(memory: Array, net: Network, samples: int) -> None:
    """From the slopes at the outputs to the gradient."""
    columns, zero = padded(samples, memory), memory.dtype.type(0)
    for layer in range(net.weights.size - 1, -1, -1):
        fan_in, fan_out = net.sizes[layer], net.sizes[layer + 1]
        row, slopes = padded(fan_in, memory), Matrix(net.slopes[layer + 1], net.width, 1)
        values, turned = Matrix(net.values[layer], net.width, 1), Matrix(net.turned[layer], row, 1)
        if layer:
            turn(memory, turned, values, fan_in, samples)
        into = Matrix(net.gradient + net.weights[layer], row, 1)
        multiply(memory, into, slopes, turned, fan_out, row, samples, False)
        for unit in range(fan_out):
            at = slopes.at + unit * net.width
            memory[net.gradient + net.biases[layer] + unit] = _total(memory[at : at + samples], zero)
        if layer:
            weights, below = Matrix(net.weights[layer], 1, row), Matrix(net.slopes[layer], net.width, 1)
            multiply(memory, below, weights, slopes, fan_in, columns, fan_out, False)
            passed = memory[below.at : below.at + fan_in * net.width]
            seen = memory[values.at : values.at + passed.size]
            for i in range(passed.size):
                slope = passed[i]  # read in any case: no branch
                passed[i] = slope if seen[i] > zero else zero


@compiled
def step(memory: Array, net: Network, by: Step, drifts: bool) -> None:
    """One step of SGD along the gradient, and then what drift adds."""
    many = net.parameters
    own, gradient = memory[:many], memory[net.gradient : net.gradient + many]
    if by.weight_decay != 0:
        for i in range(net.biases[0]):  # weights come first
            gradient[i] += by.weight_decay * own[i]
    if by.proximal != 0:
        began = memory[net.began : net.began + many]
        for i in range(many):
            gradient[i] += by.proximal * (own[i] - began[i])
    if by.momentum != 0:
        velocity = memory[net.velocity : net.velocity + many]
        for i in range(many):
            velocity[i] = by.momentum * velocity[i] + gradient[i]
            own[i] -= by.rate * velocity[i]
    else:
        for i in range(many):
            own[i] -= by.rate * gradient[i]
    if drifts:
        push = memory[net.push : net.push + many]
        for i in range(many):
            own[i] += push[i]


@compiled
def class_slopes(memory: Array, net: Network, classes: Array, rows: Array) -> None:
    """Write over the outputs the slope of the cross entropy: how much more probable than true, by worth."""
    columns = padded(rows.size, memory)
    find_top(memory, net, columns)
    exponentiate(memory, net, columns)
    worth, total = memory[net.worth : net.worth + columns], memory[net.total : net.total + columns]
    for i in range(columns):
        total[i] = worth[i] / total[i]
    for unit in range(net.sizes[-1]):
        at = net.values[-1] + unit * net.width
        outputs = memory[at : at + columns]
        for i in range(columns):
            outputs[i] *= total[i]
    for i in range(rows.size):
        memory[net.values[-1] + classes[rows[i]] * net.width + i] -= worth[i]


@compiled
def find_top(memory: Array, net: Network, columns: int) -> None:
    """The largest output of each sample, NaN where one is, and as its answer the first unit that has it."""
    top, answer = memory[net.top : net.top + columns], memory[net.answer : net.answer + columns]
    copy(top, memory[net.values[-1] : net.values[-1] + columns])
    answer[:] = memory.dtype.type(0)
    for unit in range(1, net.sizes[-1]):
        at, number = net.values[-1] + unit * net.width, memory.dtype.type(unit)
        outputs = memory[at : at + columns]
        for i in range(columns):
            output, highest, its = outputs[i], top[i], answer[i]  # read in any case: no branch
            higher = (output > highest) | (output != output)
            top[i] = output if higher else highest
            answer[i] = number if higher else its


@compiled
def exponentiate(memory: Array, net: Network, columns: int) -> None:
    """Write exp(output - top) over the outputs, and sum them up to the total of each sample."""
    top, total = memory[net.top : net.top + columns], memory[net.total : net.total + columns]
    total[:] = memory.dtype.type(0)
    for unit in range(net.sizes[-1]):
        at = net.values[-1] + unit * net.width
        outputs = memory[at : at + columns]
        for i in range(columns):
            outputs[i] = exp(outputs[i] - top[i])
            total[i] += outputs[i]


@compiled
def number_slopes(memory: Array, net: Network, numbers: Array, rows: Array) -> None:
    """Write over the only output the slope of half the squared error, by worth."""
    for i in range(rows.size):
        at = net.values[-1] + i
        memory[at] = (memory[at] - numbers[rows[i]]) * memory[net.worth + i]


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
