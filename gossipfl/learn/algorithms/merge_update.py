"""Gossip learning that merges and then learns: each model heard is averaged with the one heard before it.

Ormandi, Hegedus and Jelasity (Concurrency and Computation 2013, arXiv 1109.1396), "Gossip learning with
linear models on fully distributed data", CREATEMODEL-MU: update(merge(m, last)), then last <- m. For peers
that train on what they hear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.merging import halved
from gossipfl.learn.contracts import ONE, Array, Heard, Payload


class MergeUpdateState(NamedTuple):
    """The model, and what was heard last."""

    vector: Array  # (..., d)
    last: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class MergeUpdate:
    """Speaks `(vector,)`; merges by halves, whatever the weights, one after another in the order heard.

    Where models are `aged`, as those of Pegasos, the last parameter is the age, of which the greater is kept:
    with the mean of both, steps stay so large that the error stays a third higher.
    """

    aged: bool = False

    def start(self, vector: Array, mass: Array = ONE) -> MergeUpdateState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return MergeUpdateState(vector, vector)

    def model(self, state: MergeUpdateState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: MergeUpdateState, vector: Array) -> MergeUpdateState:
        """Local training ended at `vector` (..., d)."""
        return MergeUpdateState(vector, state.last)

    def speak(self, state: MergeUpdateState, share: Array, draws: Draws) -> tuple[Payload, MergeUpdateState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: MergeUpdateState, heard: Heard) -> MergeUpdateState:
        """The mean of what was heard and of what was heard before it; a newcomer has heard nothing before."""
        vector, last = state
        adopts = (heard.own_weight == 0)[..., None]
        for index in range(heard.payload[0].shape[-2]):
            came = heard.payload[0][..., index, :]
            before = np.where(adopts, came, last) if index == 0 else last
            vector, last = halved(came, before, aged=self.aged), came
        return MergeUpdateState(vector, last)
