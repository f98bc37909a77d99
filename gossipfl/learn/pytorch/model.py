"""A PyTorch module as a model: whatever a factory makes, by the contract that all models keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn import metrics
from gossipfl.learn.batches import Plan
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.minibatches import Task, judge, train
from gossipfl.learn.models import FloatName
from gossipfl.learn.pytorch.factory import Factory, find_factory, require_torch
from gossipfl.learn.training import DEFAULT, Training

if TYPE_CHECKING:
    from gossipfl.learn.pytorch.training import Trainer

_PREDICTED_ROWS = 1024


@dataclass(frozen=True)
class TorchModel:
    """The module that `factory(features, classes)` makes, with cross entropy, or half the squared error.

    It takes rows (b, features), which it may unflatten, and makes logits (b, classes), or numbers
    (b, 1) where `classes` is None. It begins as it is made, under a seed of the run. A factory is a function
    or the name of one, "cnn.py:cnn" or "package.module:cnn". `training` means what it means to all models;
    weight decay pulls what has two axes or more. `device` is "cpu", "cuda", or "auto" for whatever is there.

    Peers train together, and one alone comes to the same but for rounding. A module that draws at random or
    keeps what it saw, such as Dropout and BatchNorm, raises `SettingsError`, as does all else that cannot be.
    """

    factory: Factory | str
    features: int
    classes: int | None = None
    training: Training = DEFAULT
    precision: FloatName = "float32"
    device: str = "auto"
    _trainer: Trainer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_torch()
        from gossipfl.learn.pytorch.training import Trainer

        if self.precision not in ("float32", "float64"):
            raise SettingsError(f'dtype is {self.precision!r}: set it to "float32" or "float64".')
        _check_class_weights(self.training, self.classes)
        factory = find_factory(self.factory) if isinstance(self.factory, str) else self.factory
        made = Trainer(factory, self.features, self.classes, self.precision, self.device)
        object.__setattr__(self, "_trainer", made)

    @property
    def size(self) -> int:
        """d, the number of parameters."""
        return self._trainer.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the vector: float32 or float64."""
        return np.dtype(self.precision)

    @property
    def block_bytes_max(self) -> int:
        """What the vectors of peers that train together may take: more on a card than on a processor."""
        return self._trainer.block_bytes_max

    def start(self, draws: Draws) -> Array:
        """A first vector (..., d), with the leading axes of `draws.peer`."""
        peers = np.asarray(draws.peer)
        firsts = [
            self._trainer.first(Draws(draws.seed, int(peer), draws.round)) for peer in peers.reshape(-1)
        ]
        return np.stack(firsts).reshape(*peers.shape, self.size)

    def fit(self, vector: Array, samples: Samples, draws: Draws, drift: Array | None = None) -> Array:
        """The vector (..., d) after one round of SGD on `samples`; a peer without any keeps its own.

        With each step the same part of `drift` (..., d) is added. There is no hidden state: momentum starts
        from rest in each `fit`. Training that diverges returns what it came to, infinite or NaN.
        """

        def trained(block: Array, plan: Plan, own: Draws, push: Array | None) -> Array:
            return self._trainer.trained(self.training, block, samples, plan, own, push)

        return train(vector, samples, draws, drift, self.training, self._trainer.peers_max, trained)

    def predict(self, vector: Array, features: Array) -> Array:
        """Class probabilities (..., N, classes), or numbers (..., N), for `features` (N, f)."""
        flat = vector.reshape(-1, self.size)
        outputs = np.empty((len(flat), len(features), self.classes or 1), self.dtype)
        block = self._trainer.peers_max(_PREDICTED_ROWS)
        for at in range(0, len(features), _PREDICTED_ROWS):
            rows = np.arange(at, min(at + _PREDICTED_ROWS, len(features)))[None]
            for first in range(0, len(flat), block):
                made = self._trainer.outputs(flat[first : first + block], features, rows)
                outputs[first : first + block, at : at + _PREDICTED_ROWS] = made
        outputs = outputs.reshape(*vector.shape[:-1], *outputs.shape[1:])
        with np.errstate(all="ignore"):
            return outputs[..., 0] if self.classes is None else metrics.softmax(outputs)

    def score(self, vector: Array, samples: Samples) -> dict[str, Array]:
        """Metrics by name, each (...): `accuracy` and `loss` for classes; `r2` and `loss` for numbers."""
        task: Task = "numbers" if self.classes is None else "classes"

        def outputs(block: Array, rows: Array) -> Array:
            return self._trainer.outputs(block, samples.features, rows)

        return judge(vector, samples, task, self._trainer.peers_max, outputs)


def _check_class_weights(training: Training, classes: int | None) -> None:
    weights = training.class_weights
    if weights is not None and classes is None:
        raise SettingsError("class_weights need classes: leave them out where the target is a number.")
    if isinstance(weights, tuple) and len(weights) != classes:
        raise SettingsError(
            f"class_weights has {len(weights)} numbers: give one for each of {classes} classes."
        )
