"""Gossip learning by random walks: models wander from peer to peer, and each learns where it comes.

Ormandi, Hegedus and Jelasity (Concurrency and Computation 2013, arXiv 1109.1396), "Gossip learning with
linear models on fully distributed data", CREATEMODEL-RW: whatever is heard is taken in the place of the own
model, trained, and sent on. For peers that train on what they hear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.merging import come_together
from gossipfl.learn.contracts import ONE, Array, Heard, Payload


class RandomWalkState(NamedTuple):
    """The model that came last."""

    vector: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class RandomWalk:
    """Speaks `(vector,)`; of several that are heard at once, it takes the mean."""

    def start(self, vector: Array, mass: Array = ONE) -> RandomWalkState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return RandomWalkState(vector)

    def model(self, state: RandomWalkState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: RandomWalkState, vector: Array) -> RandomWalkState:
        """Local training ended at `vector` (..., d)."""
        return RandomWalkState(vector)

    def speak(self, state: RandomWalkState, share: Array, draws: Draws) -> tuple[Payload, RandomWalkState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: RandomWalkState, heard: Heard) -> RandomWalkState:
        """What was heard."""
        return RandomWalkState(come_together(heard)) if heard.weights.shape[-1] else state
