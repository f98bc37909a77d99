"""D-PSGD whose models travel compressed, each on its own: for fine compressors, which cost half or a quarter.

Carli, Fagnani, Frasca and Zampieri (Automatica 2010), "Gossip consensus algorithms via quantized
communication": x <- x + sum_j w_j (C(x_j) - C(x)), in which a peer takes off what it told, so that the mean
is kept. What the code leaves out stays as a difference between peers: see choco.py for coarse ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.choco import pull
from gossipfl.learn.contracts import ONE, Array, Compressor, Heard, Payload


class DirectState(NamedTuple):
    """The model, and how it was told."""

    vector: Array  # (..., d)
    told: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class Direct:
    """Speaks the code of the model."""

    compressor: Compressor
    settles: ClassVar[bool] = False

    def start(self, vector: Array, mass: Array = ONE) -> DirectState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return DirectState(vector, vector)

    def model(self, state: DirectState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: DirectState, vector: Array) -> DirectState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(vector=vector)

    def speak(self, state: DirectState, share: Array, draws: Draws) -> tuple[Payload, DirectState]:
        """The code of the model."""
        code = self.compressor.encode(state.vector, draws)
        return code, state._replace(told=self.compressor.decode(code, state.vector))

    def listen(self, state: DirectState, heard: Heard) -> DirectState:
        """The mean of what was told, and of the own model what was not told."""
        adopts = (heard.own_weight == 0)[..., None]
        base = np.where(adopts, state.told, state.vector)
        return self.start(base + pull(state.told, heard))

    def whole(self, state: DirectState, held: Payload = ()) -> Payload:
        """The model itself, for whoever adopts it."""
        return (state.vector,)

    def hear(self, state: DirectState, held: Payload, code: Payload) -> Payload:
        """The models (..., k, d) in `code`, whatever was held."""
        return (self.compressor.decode(code, held[0]),)

    def hear_whole(self, state: DirectState, held: Payload, whole: Payload) -> Payload:
        """That, whatever was held."""
        return whole
