"""D-PSGD with momentum kept from round to round, each peer its own.

Sutskever, Martens, Dahl and Hinton (ICML 2013) for the momentum, Lian et al. (NeurIPS 2017, arXiv
1705.09056) for the mixing: m <- b m + u, x <- W (x - m), or with Nesterov's look-ahead x <- W (x - u - b
m), where u is what local training took off x. With many local steps a round and u as the outer gradient
this is DiLoCo without a server (Douillard et al. 2023, arXiv 2311.08105). Momentum of unlike peers drifts
apart: see quasi_global.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean, combined
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload, unless_adopted
from gossipfl.learn.options import demand_between


class MomentumState(NamedTuple):
    """The model, and the momentum in its units."""

    vector: Array  # (..., d)
    momentum: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class Momentum:
    """Speaks `(vector,)`; `decay` is what remains of the momentum after a round."""

    aggregator: Aggregator = field(default_factory=WeightedMean)
    decay: float = 0.9
    nesterov: bool = True

    def __post_init__(self) -> None:
        demand_between("decay", self.decay, 0.0, 1.0)

    def start(self, vector: Array, mass: Array = ONE) -> MomentumState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return MomentumState(vector, np.zeros_like(vector))

    def model(self, state: MomentumState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: MomentumState, vector: Array) -> MomentumState:
        """Local training ended at `vector` (..., d)."""
        step = state.vector - vector
        momentum = self.decay * state.momentum + step
        ahead = step + self.decay * momentum if self.nesterov else momentum
        return MomentumState(state.vector - ahead, momentum)

    def speak(self, state: MomentumState, share: Array, draws: Draws) -> tuple[Payload, MomentumState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: MomentumState, heard: Heard) -> MomentumState:
        """The aggregate; the momentum stays here."""
        mean = combined(self.aggregator, state.vector, heard)
        return self.mixed(state, mean, heard.own_weight)

    def mixed(self, state: MomentumState, mean: Array, own_weight: Array) -> MomentumState:
        """The aggregate is the model; the momentum stays."""
        return MomentumState(mean, unless_adopted(own_weight, state.momentum))
