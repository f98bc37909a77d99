"""Compressed differences to what the neighbours already hold, so that any compressor will do.

Koloskova, Stich and Jaggi (ICML 2019, arXiv 1902.00340), "CHOCO-SGD"; with momentum and deep models
Koloskova, Lin, Stich and Jaggi (ICLR 2020, arXiv 1907.09356): q = C(x - r), r <- r + q at the peer and at
all its neighbours, x <- x + step sum_j w_j (r_j - r). It starts from a model that all hold. An update lost
makes its receiver ask for r, whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import ONE, Array, Compressor, Heard, Payload
from gossipfl.learn.options import demand_between


class ChocoState(NamedTuple):
    """The model, and what the neighbours hold of it."""

    vector: Array  # (..., d)
    replica: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class Choco:
    """Speaks codes; `step` is how far a peer goes towards its neighbours: the coarser the code, the less."""

    compressor: Compressor
    step: float = 0.4

    def __post_init__(self) -> None:
        demand_between("step", self.step, 1e-6, 1.0)

    def start(self, vector: Array, mass: Array = ONE) -> ChocoState:
        """The state of a peer whose first model is `vector` (..., d), which all its neighbours hold."""
        return ChocoState(vector, vector)

    def model(self, state: ChocoState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: ChocoState, vector: Array) -> ChocoState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(vector=vector)

    def speak(self, state: ChocoState, share: Array, draws: Draws) -> tuple[Payload, ChocoState]:
        """The code of what the neighbours lack; from then on they hold it."""
        code = self.compressor.encode(state.vector - state.replica, draws)
        return code, state._replace(replica=self.hear(state, (state.replica,), code)[0])

    def listen(self, state: ChocoState, heard: Heard) -> ChocoState:
        """A step towards what is held of the neighbours, from what they hold of this peer."""
        vector = state.vector + self.step * pull(state.replica, heard)
        adopts = (heard.own_weight == 0)[..., None]
        adopted = np.where(adopts, state.replica + pull(state.replica, heard), vector)
        return ChocoState(adopted, np.where(adopts, adopted, state.replica))

    def whole(self, state: ChocoState) -> Payload:
        """What the neighbours hold, the last code included."""
        return (state.replica,)

    def hear(self, state: ChocoState, held: Payload, code: Payload) -> Payload:
        """What is held of neighbours (..., k, d), and their codes on top."""
        return (held[0] + self.compressor.decode(code, held[0]),)


def pull(own: Array, heard: Heard) -> Array:
    """sum_j w_j (x_j - own) for x_j (..., k, d) heard, neighbour by neighbour; 0 if none was heard."""
    weights = heard.weights.astype(own.dtype, copy=False)
    total = np.zeros_like(own)
    for index in range(heard.weights.shape[-1]):
        total += weights[..., index, None] * (heard.payload[0][..., index, :] - own)
    return total
