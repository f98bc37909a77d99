"""D-PSGD with a correction by the last round that makes a constant step exact.

Shi, Ling, Wu and Yin (SIAM J. Optim. 2015, arXiv 1404.6264), "EXTRA": x'' = (I + W) x' - (I + W) x / 2 -
(u' - u), where u is what local training took off x. An update lost leaves a trace until the mixing of later
rounds wears it off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload, unless_adopted


class ExtraState(NamedTuple):
    """The model, its step and the one before, and (I + W) / 2 of the model before."""

    vector: Array  # (..., d)
    step: Array  # (..., d)
    last_step: Array  # (..., d)
    halfway: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class Extra:
    """Speaks `(vector,)`, the model before its training."""

    aggregator: Aggregator = field(default_factory=WeightedMean)

    def start(self, vector: Array, mass: Array = ONE) -> ExtraState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return ExtraState(vector, np.zeros_like(vector), np.zeros_like(vector), vector)

    def model(self, state: ExtraState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: ExtraState, vector: Array) -> ExtraState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(step=state.vector - vector, last_step=state.step)

    def speak(self, state: ExtraState, share: Array, draws: Draws) -> tuple[Payload, ExtraState]:
        """The model before its training; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: ExtraState, heard: Heard) -> ExtraState:
        """The corrected aggregate."""
        mixed = self.aggregator(state.vector, heard.payload[0], heard.own_weight, heard.weights)
        moved = state.vector + mixed - state.halfway - (state.step - state.last_step)
        vector = unless_adopted(heard, moved, mixed)
        step = unless_adopted(heard, state.step)
        halfway = unless_adopted(heard, (state.vector + mixed) / 2, mixed)
        return ExtraState(vector, step, step, halfway)
