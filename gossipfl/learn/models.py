"""Linear regression, softmax regression and the multi-layer perceptron: one dense network over stacks.

Rules:
- Every array is a crowd (p, ...) inside; one peer is a crowd of one, so that both round alike.
- Peers go through training in blocks that fit a processor's cache; features are gathered batch by batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn import layers, metrics
from gossipfl.learn.batches import Plan
from gossipfl.learn.compiled import Kernels, demand_numba
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.minibatches import judge, lessons, metrics_of, train
from gossipfl.learn.training import DEFAULT, Training

FloatName = Literal["float32", "float64"]

_TRAIN_BLOCK_BYTES = 4 << 20
_SCORE_BLOCK_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Dense:
    """A dense feed-forward network: `sizes` are inputs, hidden layers (ReLU) and outputs.

    With `task` "classes" it is trained by cross entropy, with "numbers" (one output) by half the squared
    error. Compiled `kernels` train it faster, to the same numbers but for rounding.
    """

    sizes: tuple[int, ...]
    task: Literal["classes", "numbers"]
    training: Training = DEFAULT
    precision: FloatName = "float32"
    kernels: Kernels = "numpy"

    def __post_init__(self) -> None:
        if self.kernels == "compiled":
            demand_numba()
        if min(self.sizes) < 1:
            raise SettingsError(f"A network's layers are {self.sizes}: give each a size of 1 or more.")
        if self.precision not in ("float32", "float64"):
            raise SettingsError(f'dtype is {self.precision!r}: set it to "float32" or "float64".')
        weights = self.training.class_weights
        if weights is not None and self.task == "numbers":
            raise SettingsError("class_weights need classes: leave them out where the target is a number.")
        if isinstance(weights, tuple) and len(weights) != self.sizes[-1]:
            raise SettingsError(
                f"class_weights has {len(weights)} numbers: give one for each of {self.sizes[-1]} classes."
            )

    @property
    def size(self) -> int:
        """d, the number of parameters."""
        return layers.parameters(self.sizes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the vector: float32 or float64."""
        return np.dtype(self.precision)

    def start(self, draws: Draws) -> Array:
        """A first vector (..., d), with the leading axes of `draws.peer`."""
        return layers.first_weights(self.sizes, draws).astype(self.dtype)

    def fit(self, vector: Array, samples: Samples, draws: Draws, drift: Array | None = None) -> Array:
        """The vector (..., d) after one round of SGD on `samples`; a peer without any keeps its own.

        With each step the same part of `drift` (..., d) is added, and that of momentum is none of it.

        There is no hidden state: momentum starts from rest in each `fit`. Training that diverges returns what
        it came to, infinite or NaN, without a warning.
        """
        if self.kernels == "compiled":
            from gossipfl.learn.compiled import training

            fitted = vector.reshape(-1, self.size).copy()
            peers, steps, pushes = lessons(vector, samples, draws, drift, self.training)
            training.train(self, fitted, samples, steps, Draws(draws.seed, peers, draws.round), pushes)
            return fitted.reshape(vector.shape)

        def trained(block: Array, plan: Plan, own: Draws, push: Array | None) -> Array:
            return self._trained(block.copy(), samples, plan, own, push)

        with np.errstate(all="ignore"):
            return train(vector, samples, draws, drift, self.training, self._trained_together, trained)

    def predict(self, vector: Array, features: Array) -> Array:
        """Class probabilities (..., N, classes), or numbers (..., N), for `features` (N, f)."""
        with np.errstate(all="ignore"):
            outputs = self._outputs(vector.reshape(-1, self.size), features[None])
            outputs = outputs.reshape(*vector.shape[:-1], *outputs.shape[1:])
            return metrics.softmax(outputs) if self.task == "classes" else outputs[..., 0]

    def score(self, vector: Array, samples: Samples) -> dict[str, Array]:
        """Metrics by name, each (...): `accuracy` and `loss` for classes; `r2` and `loss` for numbers.

        The rows of `samples` may be each peer's own (..., k), or (k,) for all peers alike.
        """
        if self.kernels == "compiled":
            from gossipfl.learn.compiled import scoring

            sums = scoring.sums(self, vector.reshape(-1, self.size), samples)
            return metrics_of(self.task, sums, vector.shape[:-1], samples)

        def outputs(block: Array, rows: Array) -> Array:
            return self._outputs(block, self._gathered(samples.features, rows))

        return judge(vector, samples, self.task, self._judged_together, outputs)

    def _trained(
        self, vector: Array, samples: Samples, plan: Plan, draws: Draws, push: Array | None
    ) -> Array:
        """`vector` (p, d), which is private and changed, after the steps of `plan`, each with a `push`."""
        training = self.training
        network, gradient = layers.layers(vector, self.sizes), np.empty_like(vector)
        into = layers.layers(gradient, self.sizes)
        velocity = np.zeros_like(vector) if training.momentum else gradient
        began = vector.copy() if training.proximal else vector
        weights = class_weights(training, samples, plan, self.sizes[-1])
        for rows, valid in plan.batches(draws):
            active = len(rows)
            if active < len(vector):
                network = [layers.Layer(*(part[:active] for part in layer)) for layer in network]
                into = [layers.Layer(*(part[:active] for part in layer)) for layer in into]
            targets = samples.targets[rows]
            worth = valid / np.count_nonzero(valid, axis=1, keepdims=True).astype(self.dtype)
            if weights is not None:
                worth *= np.take_along_axis(weights[:active], targets, axis=1)
            seen = layers.forward(network, self._gathered(samples.features, rows))
            layers.backward(network, seen, self._slope(seen[-1], targets, worth), into)
            crowd = _Moving(*(part[:active] for part in (vector, gradient, velocity, began)))
            self._move(crowd, network, into, training.rate(draws.round))
            if push is not None:
                vector[:active] += push[:active]
        return vector

    def _move(
        self, crowd: _Moving, network: list[layers.Layer], into: list[layers.Layer], rate: float
    ) -> None:
        """One step of SGD, in place, along the gradient that `into` views."""
        training, (vector, gradient, velocity, began) = self.training, crowd
        if training.weight_decay:
            for layer, slope in zip(network, into, strict=True):
                slope.weights[...] += training.weight_decay * layer.weights
        if training.proximal:
            gradient += training.proximal * (vector - began)
        if training.momentum:
            velocity *= training.momentum
            velocity += gradient
            np.multiply(velocity, rate, out=gradient)
        else:
            gradient *= rate
        vector -= gradient

    def _slope(self, outputs: Array, targets: Array, worth: Array) -> Array:
        """The gradient (p, b, out) of the loss at the outputs, written over them; `worth` is (p, b)."""
        if self.task == "classes":
            flat = metrics.softmax(outputs).reshape(-1, outputs.shape[-1])
            flat[np.arange(len(flat)), targets.reshape(-1)] -= 1
        else:
            outputs[..., 0] -= targets
        outputs *= worth[..., None]
        return outputs

    def _gathered(self, features: Array, rows: Array) -> Array:
        return np.take(features, rows, axis=0).astype(self.dtype, copy=False)

    def _outputs(self, flat: Array, inputs: Array) -> Array:
        return layers.forward(layers.layers(flat, self.sizes), inputs.astype(self.dtype, copy=False))[-1]

    def _trained_together(self, width: int) -> int:
        return self._peers_max(_TRAIN_BLOCK_BYTES, width)

    def _judged_together(self, width: int) -> int:
        return self._peers_max(_SCORE_BLOCK_BYTES, width)

    def _peers_max(self, bytes_max: int, width: int) -> int:
        """How many peers with batches of `width` rows a block may hold."""
        numbers = 3 * self.size + 2 * width * sum(self.sizes)
        return max(1, bytes_max // (numbers * self.dtype.itemsize))


class _Moving(NamedTuple):
    """What a step changes, and where the round began; each (p, d)."""

    vector: Array
    gradient: Array
    velocity: Array
    began: Array


def class_weights(training: Training, samples: Samples, plan: Plan, classes: int) -> Array | None:
    """How much a sample of each class weighs, (p, classes), or None where all weigh 1.

    "balanced" gives each class that a peer holds the same total weight, and an average weight of 1.
    """
    weights = training.class_weights
    if weights is None:
        return None
    peers = len(plan.peers)
    if weights != "balanced":
        return np.broadcast_to(np.asarray(weights), (peers, classes))
    held = np.arange(plan.rows.shape[1]) < plan.counts[:, None]
    slots = samples.targets[plan.rows] + classes * np.arange(peers)[:, None]
    counts = np.bincount(slots[held], minlength=peers * classes).reshape(peers, classes)
    present = np.count_nonzero(counts, axis=1)
    balanced: Array = plan.counts[:, None] / (present[:, None] * np.maximum(counts, 1))
    return balanced


def linear(features: int, training: Training = DEFAULT, dtype: FloatName = "float32") -> Dense:
    """Linear regression: no hidden layer, half the squared error."""
    return Dense((features, 1), "numbers", training, dtype)


def softmax(features: int, classes: int, training: Training = DEFAULT, dtype: FloatName = "float32") -> Dense:
    """Softmax (multinomial logistic) regression: no hidden layer, cross entropy."""
    return Dense((features, classes), "classes", training, dtype)


def mlp(
    features: int,
    classes: int | None,
    hidden: tuple[int, ...] = (64,),
    training: Training = DEFAULT,
    dtype: FloatName = "float32",
) -> Dense:
    """A multi-layer perceptron with ReLU; `classes` None means regression."""
    if classes is None:
        return Dense((features, *hidden, 1), "numbers", training, dtype)
    return Dense((features, *hidden, classes), "classes", training, dtype)
