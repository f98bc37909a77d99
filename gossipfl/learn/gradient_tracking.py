"""Each peer steps along an estimate of everyone's mean gradient, so unlike data leave no bias.

Nedic, Olshevsky and Shi (SIAM J. Optim. 2017, arXiv 1607.03218, DIGing); with stochastic gradients Pu and
Nedic (Math. Program. 2021, arXiv 1805.11454): x <- W (x - y), y <- W y + u' - u, where u and u' are what
two successive local trainings took off x. The mean of y is the mean of u in every round. An update lost
takes its share of that mean with it: the bias that remains is in proportion to the loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Payload, unless_adopted


class TrackingState(NamedTuple):
    """The model, the tracked mean step, and the last own step."""

    vector: Array  # (..., d)
    tracked: Array  # (..., d)
    step: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class GradientTracking:
    """Speaks `(vector - tracked, tracked)`: twice the bytes of D-PSGD."""

    aggregator: Aggregator = field(default_factory=WeightedMean)

    def start(self, vector: Array, mass: Array = ONE) -> TrackingState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return TrackingState(vector, np.zeros_like(vector), np.zeros_like(vector))

    def model(self, state: TrackingState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: TrackingState, vector: Array) -> TrackingState:
        """Local training ended at `vector` (..., d)."""
        step = state.vector - vector
        return TrackingState(state.vector, state.tracked + step - state.step, step)

    def speak(self, state: TrackingState, share: Array, draws: Draws) -> tuple[Payload, TrackingState]:
        """Where the tracked step leads, and that step."""
        return (state.vector - state.tracked, state.tracked), state

    def listen(self, state: TrackingState, heard: Heard) -> TrackingState:
        """Both aggregates."""
        (ahead, tracked), own = heard.payload, state.vector - state.tracked
        mixed = self.aggregator(own, ahead, heard.own_weight, heard.weights)
        mean = self.aggregator(state.tracked, tracked, heard.own_weight, heard.weights)
        return TrackingState(mixed, mean, unless_adopted(heard, state.step, mean))
