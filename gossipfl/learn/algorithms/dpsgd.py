"""D-PSGD: train, tell the neighbours, take the mean.

Lian, Zhang, Zhang, Hsieh, Zhang and Liu (NeurIPS 2017, arXiv 1705.09056), "Can decentralized algorithms
outperform centralized algorithms?", in its adapt-then-combine form: what is mixed is the model after local
training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean, combined
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload


class DpsgdState(NamedTuple):
    """The model is all there is."""

    vector: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class Dpsgd:
    """Speaks `(vector,)`, whole, to every neighbour; combines with `aggregator`."""

    aggregator: Aggregator = field(default_factory=WeightedMean)

    def start(self, vector: Array, mass: Array = ONE) -> DpsgdState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return DpsgdState(vector)

    def model(self, state: DpsgdState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: DpsgdState, vector: Array) -> DpsgdState:
        """Local training ended at `vector` (..., d)."""
        return DpsgdState(vector)

    def speak(self, state: DpsgdState, share: Array, draws: Draws) -> tuple[Payload, DpsgdState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: DpsgdState, heard: Heard) -> DpsgdState:
        """The aggregate of the own vector and those heard."""
        mean = combined(self.aggregator, state.vector, heard)
        return self.mixed(state, mean, heard.own_weight)

    def mixed(self, state: DpsgdState, mean: Array, own_weight: Array) -> DpsgdState:
        """The aggregate is the model."""
        return DpsgdState(mean)
