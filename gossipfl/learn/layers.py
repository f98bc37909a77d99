"""Dense layers over stacks: views of a flat vector, the way forward and the way back.

Rules:
- Weights (p, in, out) come before biases (p, 1, out) for each layer, in the order of the layers.
- Every product is one `np.matmul` per peer whose shape does not depend on how many peers there are, so that
  one peer and a crowd round alike; sums over samples are products with ones for the same reason.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array

Sizes = tuple[int, ...]


class Layer(NamedTuple):
    """One layer of each of p peers, as views."""

    weights: Array  # (p, in, out)
    biases: Array  # (p, 1, out)


def parameters(sizes: Sizes) -> int:
    """How many parameters a network with layers of `sizes` has."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))


def layers(vector: Array, sizes: Sizes) -> list[Layer]:
    """The layers of `vector` (p, d), as views of it."""
    views, at = [], 0
    for fan_in, fan_out in pairwise(sizes):
        middle, end = at + fan_in * fan_out, at + (fan_in + 1) * fan_out
        weights = vector[:, at:middle].reshape(-1, fan_in, fan_out)
        views.append(Layer(weights, vector[:, middle:end].reshape(-1, 1, fan_out)))
        at = end
    return views


def first_weights(sizes: Sizes, draws: Draws) -> Array:
    """A first vector (..., d), float64; zeros where there is no hidden layer, for then the loss is convex.

    He, Zhang, Ren and Sun (ICCV 2015): the variance of a layer's weights is 2 / inputs before a ReLU; biases
    are 0.
    """
    peers = np.shape(draws.peer)
    if len(sizes) == 2:
        return np.zeros((*peers, parameters(sizes)))
    gains = [2.0] * (len(sizes) - 2) + [1.0]
    spread = [
        np.repeat((np.sqrt(gain / fan_in), 0.0), (fan_in * fan_out, fan_out))
        for gain, (fan_in, fan_out) in zip(gains, pairwise(sizes), strict=True)
    ]
    first: Array = draws.normal("first weights", parameters(sizes)) * np.concatenate(spread)
    return first


def forward(network: list[Layer], inputs: Array) -> list[Array]:
    """`inputs` (p, b, in) and what each layer makes of it, (p, b, out); ReLU between layers."""
    seen = [inputs]
    for index, layer in enumerate(network):
        outputs = seen[-1] @ layer.weights
        outputs += layer.biases
        if index < len(network) - 1:
            np.maximum(outputs, 0, out=outputs)
        seen.append(outputs)
    return seen


def backward(network: list[Layer], seen: list[Array], slope: Array, into: list[Layer]) -> None:
    """Write the gradient of the loss `into` layers, given its `slope` (p, b, out) at the outputs."""
    ones = np.ones((1, slope.shape[1]), slope.dtype)
    for index in reversed(range(len(network))):
        np.matmul(seen[index].swapaxes(-1, -2), slope, out=into[index].weights)
        np.matmul(ones, slope, out=into[index].biases)
        if index:
            slope = slope @ network[index].weights.swapaxes(-1, -2)
            slope *= seen[index] > 0
