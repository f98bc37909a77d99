"""How a model trains locally: the hyper-parameters of minibatch stochastic gradient descent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gossipfl.errors import SettingsError

ClassWeights = Literal["balanced"] | tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Training:
    """One round of local training: `epochs` over a peer's samples, or `steps` batches if that is given.

    `weight_decay` pulls weights (not biases) towards 0; `class_weights` multiply a sample's loss, and
    "balanced" makes the classes that a peer holds weigh alike. With `decay_rounds` the learning rate falls
    along half a cosine, to 0 after so many rounds (Loshchilov and Hutter, ICLR 2017, arXiv 1608.03983): peers
    agree more closely as their steps shrink. `proximal` pulls all parameters towards where the round began
    (FedProx: Li, Sahu, Zaheer, Sanjabi, Talwalkar and Smith, MLSys 2020, arXiv 1812.06127): many local steps
    drift less far apart. A value out of its range raises `SettingsError`.
    """

    learning_rate: float = 0.1
    batch: int = 32
    epochs: int = 1
    steps: int | None = None
    momentum: float = 0.0
    weight_decay: float = 0.0
    class_weights: ClassWeights = None
    decay_rounds: int | None = None
    proximal: float = 0.0

    def rate(self, round: int) -> float:
        """The learning rate of `round`, the first being 1."""
        if self.decay_rounds is None:
            return self.learning_rate
        past = min(max(round - 1, 0) / self.decay_rounds, 1.0)
        return self.learning_rate * (1.0 + math.cos(math.pi * past)) / 2.0

    def __post_init__(self) -> None:
        _demand(0 < self.learning_rate < float("inf"), "learning_rate", self.learning_rate, "above 0")
        _demand(self.batch >= 1, "batch", self.batch, "1 or more")
        _demand(self.epochs >= 0, "epochs", self.epochs, "0 or more")
        _demand(self.steps is None or self.steps >= 0, "steps", self.steps, "0 or more")
        _demand(0 <= self.momentum < 1, "momentum", self.momentum, "from 0 to below 1")
        _demand(0 <= self.weight_decay < float("inf"), "weight_decay", self.weight_decay, "0 or more")
        _demand(0 <= self.proximal < float("inf"), "proximal", self.proximal, "0 or more")
        _demand(
            self.decay_rounds is None or self.decay_rounds >= 1,
            "decay_rounds",
            self.decay_rounds,
            "1 or more",
        )
        weights = self.class_weights
        fits = all(0 <= w < float("inf") for w in weights) if isinstance(weights, tuple) else True
        fits = fits and (weights is None or weights == "balanced" or isinstance(weights, tuple))
        _demand(fits, "class_weights", weights, '"balanced" or one number of 0 or more per class')


def _demand(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise SettingsError(f"{name} is {value!r}: set it to {wanted}.")


DEFAULT = Training()
