"""D-PSGD with a correction by all past rounds that makes a constant step exact.

Shi, Ling, Wu and Yin (SIAM J. Optim. 2015, arXiv 1404.6264), "EXTRA": x'' = (I + W) x' - (I + W) x / 2 -
(u' - u), where u is what local training took off x. Here as primal and dual: x' = W x - u + dual, and the
dual is all that (W - I) x / 2 came to in the rounds before. W are Metropolis weights by samples, from what
each neighbour says of its share.

What flows over a link is agreed upon by its two ends. A lost update costs delay: once both have heard each
other again, the one has gained what the other lost, and no bias remains. What a dead peer's links brought is
taken back: the others go on to the optimum of those who are left, or who are there again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.links import Flows, gains, summed
from gossipfl.learn.contracts import ONE, Array, Heard, Link, Payload, unless_adopted


class ExtraState(NamedTuple):
    """The model and that before its training, by how much the past corrects it, how much the peer counts."""

    vector: Array  # (..., d)
    before: Array  # (..., d)
    dual: Array  # (..., d), float64
    mass: Array  # (...)


@dataclass(frozen=True, slots=True)
class Extra:
    """Speaks `(model before its training, what flowed, how wide)`: twice the bytes of D-PSGD."""

    link: ClassVar[Link] = Flows()

    def start(self, vector: Array, mass: Array = ONE) -> ExtraState:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass`."""
        masses = np.broadcast_to(mass, vector.shape[:-1]).astype(np.float64)
        return ExtraState(vector, vector, np.zeros(vector.shape), masses)

    def model(self, state: ExtraState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: ExtraState, vector: Array) -> ExtraState:
        """Local training ended at `vector` (..., d)."""
        corrected = (vector + state.dual).astype(vector.dtype)
        return state._replace(vector=corrected, before=state.vector)

    def speak(self, state: ExtraState, share: Array, draws: Draws) -> tuple[Payload, ExtraState]:
        """The model before its training; nothing changes by speaking."""
        width = (state.mass * share)[..., None]
        return (state.before, np.zeros_like(state.before), width), state

    def listen(self, state: ExtraState, heard: Heard) -> ExtraState:
        """One step of the flow for the model, half of all of it for the dual; who adopts takes the mean."""
        pace = (1.0 / state.mass)[..., None]
        flow, since = gains(heard)
        mean = summed(heard.payload[0] * heard.weights[..., None])
        vector = unless_adopted(heard.own_weight, state.vector + pace * flow, mean).astype(state.vector.dtype)
        dual = unless_adopted(heard.own_weight, state.dual) + pace * since / 2
        return ExtraState(vector, vector, dual, state.mass)
