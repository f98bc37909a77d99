"""D-PSGD as first published: mix the models, then step along the gradient taken before mixing.

Lian, Zhang, Zhang, Hsieh, Zhang and Liu (NeurIPS 2017, arXiv 1705.09056): x <- W x - u, where u is what
local training took off x. The vector spoken is known before training, so training and talking could
overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean, combined
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload


class CombineThenAdaptState(NamedTuple):
    """The model, and what the last training took off it."""

    vector: Array  # (..., d)
    step: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class CombineThenAdapt:
    """Speaks `(vector,)`, the model before its training; combines with `aggregator`."""

    aggregator: Aggregator = field(default_factory=WeightedMean)

    def start(self, vector: Array, mass: Array = ONE) -> CombineThenAdaptState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return CombineThenAdaptState(vector, np.zeros_like(vector))

    def model(self, state: CombineThenAdaptState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: CombineThenAdaptState, vector: Array) -> CombineThenAdaptState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(step=state.vector - vector)

    def speak(
        self, state: CombineThenAdaptState, share: Array, draws: Draws
    ) -> tuple[Payload, CombineThenAdaptState]:
        """The model before its training; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: CombineThenAdaptState, heard: Heard) -> CombineThenAdaptState:
        """The aggregate, less the step."""
        mean = combined(self.aggregator, state.vector, heard)
        return self.mixed(state, mean, heard.own_weight)

    def mixed(self, state: CombineThenAdaptState, mean: Array, own_weight: Array) -> CombineThenAdaptState:
        """The step is taken from the aggregate."""
        return self.start(mean - state.step)
