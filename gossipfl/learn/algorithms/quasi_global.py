"""Momentum along the path of the mixed model, so that unlike peers do not pull apart.

Lin, Karimireddy, Stich and Jaggi (ICML 2021, arXiv 2102.04761), "Quasi-global momentum": m = b q + u; y = x
- m, or with Nesterov's look-ahead y = x - u - b m; x' = W y; q <- c q + (1 - c) (x - x'), where u is what
local training took off x. Both factors are .9 in the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean, combined
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload, unless_adopted
from gossipfl.learn.options import demand_between


class QuasiGlobalState(NamedTuple):
    """The model, what it was when the round began, and the momentum in its units."""

    vector: Array  # (..., d)
    before: Array  # (..., d)
    momentum: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class QuasiGlobal:
    """Speaks `(vector,)`."""

    aggregator: Aggregator = field(default_factory=WeightedMean)
    decay: float = 0.9
    kept: float = 0.9
    nesterov: bool = True

    def __post_init__(self) -> None:
        demand_between("decay", self.decay, 0.0, 1.0)
        demand_between("kept", self.kept, 0.0, 1.0)

    def start(self, vector: Array, mass: Array = ONE) -> QuasiGlobalState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return QuasiGlobalState(vector, vector, np.zeros_like(vector))

    def model(self, state: QuasiGlobalState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: QuasiGlobalState, vector: Array) -> QuasiGlobalState:
        """Local training ended at `vector` (..., d)."""
        step = state.vector - vector
        momentum = self.decay * state.momentum + step
        ahead = step + self.decay * momentum if self.nesterov else momentum
        return QuasiGlobalState(state.vector - ahead, state.vector, state.momentum)

    def speak(self, state: QuasiGlobalState, share: Array, draws: Draws) -> tuple[Payload, QuasiGlobalState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: QuasiGlobalState, heard: Heard) -> QuasiGlobalState:
        """The aggregate, and the momentum of the way to it."""
        mean = combined(self.aggregator, state.vector, heard)
        return self.mixed(state, mean, heard.own_weight)

    def mixed(self, state: QuasiGlobalState, mean: Array, own_weight: Array) -> QuasiGlobalState:
        """The aggregate is the model, and the way to it moves the momentum."""
        moved = self.kept * state.momentum + (1.0 - self.kept) * (state.before - mean)
        return QuasiGlobalState(mean, mean, unless_adopted(own_weight, moved))
