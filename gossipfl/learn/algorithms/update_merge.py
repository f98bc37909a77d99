"""Gossip learning that learns and then merges: what is heard is trained, then averaged with the last one.

Ormandi, Hegedus and Jelasity (Concurrency and Computation 2013, arXiv 1109.1396), "Gossip learning with
linear models on fully distributed data", CREATEMODEL-UM: merge(update(m), update(last)), then last <- m.
Here update(last) is what training made of it when it came, which is the same where training draws nothing.
For peers that train on what they hear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.merging import come_together, halved
from gossipfl.learn.contracts import ONE, Array, Heard, Payload, unless_adopted


class UpdateMergeState(NamedTuple):
    """The model, and what was last made of one that was heard."""

    vector: Array  # (..., d); once something is heard and until it is trained, that
    made: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class UpdateMerge:
    """Speaks `(vector,)`; merges by halves. Of several that are heard at once, it takes the mean.

    Where models are `aged`, as those of Pegasos, the last parameter is the age, of which the greater is kept.
    """

    aged: bool = False

    def start(self, vector: Array, mass: Array = ONE) -> UpdateMergeState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return UpdateMergeState(vector, vector)

    def model(self, state: UpdateMergeState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: UpdateMergeState, vector: Array) -> UpdateMergeState:
        """Training made `vector` (..., d) of what was heard."""
        return UpdateMergeState(halved(vector, state.made, aged=self.aged), vector)

    def speak(self, state: UpdateMergeState, share: Array, draws: Draws) -> tuple[Payload, UpdateMergeState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: UpdateMergeState, heard: Heard) -> UpdateMergeState:
        """What was heard, to be trained; whoever adopts it has made nothing before."""
        if not heard.weights.shape[-1]:
            return state
        came = come_together(heard)
        return UpdateMergeState(came, unless_adopted(heard.own_weight, state.made, instead=came))
