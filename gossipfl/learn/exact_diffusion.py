"""D-PSGD that remembers its last round, and so reaches the common optimum whatever the peers' data.

Tang, Lian, Yan, Zhang and Liu (ICML 2018, arXiv 1803.07068), "D2"; Yuan, Ying, Zhao and Sayed (IEEE Trans.
Signal Process. 2019, arXiv 1702.05122), "exact diffusion": x'' = V (2 x' - x - (u' - u)) with V = (I + W) /
2, where u is what local training took off x. With V no eigenvalue is below 0, so every connected graph will
do. It corrects what mixing did a round ago: an update lost leaves a trace until the mixing of later rounds
wears it off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload, lazily, unless_adopted


class ExactDiffusionState(NamedTuple):
    """The model, what is mixed next, and the model and the step of the round before."""

    vector: Array  # (..., d)
    ahead: Array  # (..., d)
    before: Array  # (..., d)
    step: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class ExactDiffusion:
    """Speaks `(ahead,)`."""

    aggregator: Aggregator = field(default_factory=WeightedMean)

    def start(self, vector: Array, mass: Array = ONE) -> ExactDiffusionState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return ExactDiffusionState(vector, vector, vector, np.zeros_like(vector))

    def model(self, state: ExactDiffusionState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: ExactDiffusionState, vector: Array) -> ExactDiffusionState:
        """Local training ended at `vector` (..., d)."""
        step = state.vector - vector
        ahead = vector + (state.vector - state.before) + state.step
        return ExactDiffusionState(state.vector, ahead, state.before, step)

    def speak(
        self, state: ExactDiffusionState, share: Array, draws: Draws
    ) -> tuple[Payload, ExactDiffusionState]:
        """The corrected model; nothing changes by speaking."""
        return (state.ahead,), state

    def listen(self, state: ExactDiffusionState, heard: Heard) -> ExactDiffusionState:
        """The aggregate, with half as much of the neighbours as their weights say."""
        own_weight, weights = lazily(heard)
        mixed = self.aggregator(state.ahead, heard.payload[0], own_weight, weights)
        before, step = unless_adopted(heard, state.vector, mixed), unless_adopted(heard, state.step)
        return ExactDiffusionState(mixed, mixed, before, step)
