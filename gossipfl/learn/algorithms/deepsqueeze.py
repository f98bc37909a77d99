"""Compressed models with error feedback: what a code leaves out is added to the next one.

Tang, Lian, Qiu, Yuan, Zhang, Zhang and Liu (2019, arXiv 1907.07346), "DeepSqueeze": v = x + e, c = C(v),
e <- v - c, x <- x + step sum_j w_j (c_j - c). Nothing is held of neighbours, so an update lost is lost once,
and graphs may change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.choco import pull
from gossipfl.learn.contracts import ONE, Array, Compressor, Heard, Payload
from gossipfl.learn.options import demand_between


class DeepSqueezeState(NamedTuple):
    """The model, how it was told, and what was left out of that."""

    vector: Array  # (..., d)
    told: Array  # (..., d)
    left: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class DeepSqueeze:
    """Speaks the code of the model and of what was left out; `step` as in choco.py."""

    compressor: Compressor
    step: float = 0.4
    settles: ClassVar[bool] = False

    def __post_init__(self) -> None:
        demand_between("step", self.step, 1e-6, 1.0)

    def start(self, vector: Array, mass: Array = ONE) -> DeepSqueezeState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return DeepSqueezeState(vector, vector, np.zeros_like(vector))

    def model(self, state: DeepSqueezeState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: DeepSqueezeState, vector: Array) -> DeepSqueezeState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(vector=vector)

    def speak(self, state: DeepSqueezeState, share: Array, draws: Draws) -> tuple[Payload, DeepSqueezeState]:
        """The code; what it leaves out is kept for the next."""
        wanted = state.vector + state.left
        code = self.compressor.encode(wanted, draws)
        told = self.compressor.decode(code, wanted)
        return code, DeepSqueezeState(state.vector, told, wanted - told)

    def listen(self, state: DeepSqueezeState, heard: Heard) -> DeepSqueezeState:
        """A step along the differences of what was told."""
        apart = pull(state.told, heard)
        adopts = (heard.own_weight == 0)[..., None]
        vector = np.where(adopts, state.told + apart, state.vector + self.step * apart)
        return state._replace(vector=vector, left=np.where(adopts, 0, state.left).astype(vector.dtype))

    def whole(self, state: DeepSqueezeState, held: Payload = ()) -> Payload:
        """The model itself, for whoever adopts it."""
        return (state.vector,)

    def hear(self, state: DeepSqueezeState, held: Payload, code: Payload) -> Payload:
        """What `code` tells of (..., k, d), whatever was held."""
        return (self.compressor.decode(code, held[0]),)

    def hear_whole(self, state: DeepSqueezeState, held: Payload, whole: Payload) -> Payload:
        """That, whatever was held."""
        return whole
