"""Each peer steps along an estimate of everyone's mean gradient, so unlike data leave no bias.

Nedic, Olshevsky and Shi (SIAM J. Optim. 2017, arXiv 1607.03218), "DIGing"; Pu, Shi, Xu and Nedic (IEEE Trans.
Autom. Control 2021, arXiv 1810.06653), "push-pull", and Xin and Khan (IEEE Control Syst. Lett. 2018, arXiv
1803.02503), "AB", for directed graphs. Models are pulled: x <- W (x - y). Steps are pushed: every peer adds
mass * (u' - u) to what it holds of them, where u and u' are what two successive local trainings took off its
model, and splits that, with a count of samples, evenly among itself and those to whom it speaks; y is steps
by samples. Without loss, on a regular graph of equal peers, that is y <- W y + u' - u.

A peer feels a change of its own step at once, by its samples in proportion to those that the steps it holds
stand for. That would be many times the change at a peer with many samples, the more so after updates were
lost, so it takes in at most the change itself in one round, and the rest in later ones (our addition).

The steps held and on the way always sum to all peers' last mass * u. What a lost update carried comes with
the next one on its link: it costs delay and no bias. The last step of a peer that dies stays in the sum for
good, less what it held: the others settle where all steps sum to 0, that one among them as it last was. If
it comes back, it counts anew beside it. Counts of samples are believed, as in push_sum.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean, combined
from gossipfl.learn.algorithms.links import Sums, credible, summed
from gossipfl.learn.algorithms.push_sum import split
from gossipfl.learn.contracts import ONE, Aggregator, Array, Heard, Link, Payload


class TrackingState(NamedTuple):
    """The model, the tracked mean step, for how many samples it stands, and the own step."""

    vector: Array  # (..., d)
    tracked: Array  # (..., d), float64
    samples: Array  # (...), float64
    step: Array  # (..., d), float64: what of it is taken in
    mass: Array  # (...)


@dataclass(frozen=True, slots=True)
class GradientTracking:
    """Speaks `(vector - tracked, share * steps, share * samples)`, the last two in float64."""

    aggregator: Aggregator = field(default_factory=WeightedMean)
    link: ClassVar[Link] = Sums((1, 2))

    def start(self, vector: Array, mass: Array = ONE) -> TrackingState:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass`."""
        masses = np.broadcast_to(mass, vector.shape[:-1]).astype(np.float64)
        nothing = np.zeros(vector.shape)
        return TrackingState(vector, nothing, masses, nothing, masses)

    def model(self, state: TrackingState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: TrackingState, vector: Array) -> TrackingState:
        """Local training ended at `vector` (..., d); the model moves by the mean step, not by the own one."""
        change = state.vector.astype(np.float64) - vector - state.step
        part = np.minimum(1.0, state.samples / state.mass)[..., None]
        tracked = state.tracked + np.minimum(1.0, (state.mass / state.samples)[..., None]) * change
        ahead = (state.vector - tracked).astype(vector.dtype)
        return state._replace(vector=ahead, tracked=tracked, step=state.step + part * change)

    def speak(self, state: TrackingState, share: Array, draws: Draws) -> tuple[Payload, TrackingState]:
        """Where the tracked step leads, and a share of the steps; as much of them is kept."""
        given, kept = split(state.samples, state.mass, share)
        pushed = given[..., None] * state.tracked
        return (state.vector, pushed, given[..., None]), state._replace(samples=kept)

    def listen(self, state: TrackingState, heard: Heard) -> TrackingState:
        """Models are aggregated, steps added; a peer that adopts brings in the mean step as its own."""
        steps, counts = (summed(part) for part in credible(*heard.payload[1:]))
        mixed = combined(self.aggregator, state.vector, heard)
        adopts = heard.own_weight == 0
        held = np.where(adopts, 0.0, state.samples)[..., None] + counts
        tracked = state.tracked + (steps - counts * state.tracked) / np.where(held == 0, 1.0, held)
        samples = held[..., 0] + np.where(adopts, state.mass, 0.0)
        step = np.where(adopts[..., None], tracked, state.step)
        return TrackingState(mixed, tracked, samples, step, state.mass)
