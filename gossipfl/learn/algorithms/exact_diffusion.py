"""D-PSGD that remembers what flowed between peers, and so reaches the common optimum whatever their data.

Tang, Lian, Yan, Zhang and Liu (ICML 2018, arXiv 1803.07068), "D2"; Yuan, Ying, Zhao and Sayed (IEEE Trans.
Signal Process. 2019, arXiv 1702.05122), "exact diffusion": x'' = V (2 x' - x - (u' - u)) with V = (I + W) /
2, where u is what local training took off x. Here as primal and dual: phi = x - u + dual, x' = V phi, and the
dual is all that (V - I) phi ever came to. With V no eigenvalue is below 0, so every connected graph will do;
with W itself (`lazy` off) mixing is faster, and the least eigenvalue must be above -1/3. W are Metropolis
weights by samples, from what each neighbour says of its share.

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


class ExactDiffusionState(NamedTuple):
    """The model, by how much the past corrects it, and how much the peer counts."""

    vector: Array  # (..., d)
    dual: Array  # (..., d), float64
    mass: Array  # (...)


@dataclass(frozen=True, slots=True)
class ExactDiffusion:
    """Speaks `(phi, what flowed, how wide)`: twice the bytes of D-PSGD."""

    lazy: bool = True
    link: ClassVar[Link] = Flows()

    def start(self, vector: Array, mass: Array = ONE) -> ExactDiffusionState:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass`."""
        masses = np.broadcast_to(mass, vector.shape[:-1]).astype(np.float64)
        return ExactDiffusionState(vector, np.zeros(vector.shape), masses)

    def model(self, state: ExactDiffusionState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: ExactDiffusionState, vector: Array) -> ExactDiffusionState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(vector=(vector + state.dual).astype(vector.dtype))

    def speak(
        self, state: ExactDiffusionState, share: Array, draws: Draws
    ) -> tuple[Payload, ExactDiffusionState]:
        """The corrected model; nothing changes by speaking."""
        width = (state.mass * share)[..., None]
        return (state.vector, np.zeros_like(state.vector), width), state

    def listen(self, state: ExactDiffusionState, heard: Heard) -> ExactDiffusionState:
        """One step of the flow for the model, all of it for the dual; who adopts takes the plain mean."""
        pace = ((0.5 if self.lazy else 1.0) / state.mass)[..., None]
        flow, since = gains(heard)
        mean = summed(heard.payload[0] * heard.weights[..., None])
        vector = unless_adopted(heard.own_weight, state.vector + pace * flow, mean).astype(state.vector.dtype)
        return ExactDiffusionState(
            vector, unless_adopted(heard.own_weight, state.dual) + pace * since, state.mass
        )
