"""Mass that is handed on, with a count of it, so that the mean comes out right where links go one way only.

Kempe, Dobra and Gehrke (FOCS 2003), "push-sum"; Nedic and Olshevsky (IEEE Trans. Autom. Control 2016, arXiv
1406.2075) with gradients; Assran, Loizou, Ballas and Rabbat (ICML 2019, arXiv 1811.10792), "stochastic
gradient push". A peer holds x = weight * model and its weight, splits both evenly among itself and those to
whom it speaks, and adds up what it hears; a training that takes u off the model takes mass * u off x.

What a lost update carried comes with the next one heard on its link, so that it costs delay and no bias. A
peer that dies takes along the weight that it holds and that is on the way to it; the others' model stays a
mean of models, in which it counts for what it had given away. Counts are believed: a neighbour that claims
many samples has much weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.links import Sums, credible, summed
from gossipfl.learn.contracts import ONE, Array, Heard, Link, Payload

LEAST = 1 / 16
"""A peer that holds less than this part of its own mass gives nothing until it has received, and learns as if
it held so much: its steps are at most so many times its own. Our guess."""


class PushSumState(NamedTuple):
    """The model x / weight, how much of it there is, and how much the peer began with."""

    vector: Array  # (..., d)
    weight: Array  # (...), float64, at least `LEAST` / (targets + 1) of the mass
    mass: Array  # (...)


@dataclass(frozen=True, slots=True)
class PushSum:
    """Speaks `(share * x, share * weight)` in float64, and so does change by speaking."""

    link: ClassVar[Link] = Sums((0, 1))

    def start(self, vector: Array, mass: Array = ONE) -> PushSumState:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass`."""
        masses = np.broadcast_to(mass, vector.shape[:-1]).astype(np.float64)
        return PushSumState(vector, masses, masses)

    def model(self, state: PushSumState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: PushSumState, vector: Array) -> PushSumState:
        """Local training ended at `vector` (..., d)."""
        pace = np.minimum(state.mass / state.weight, 1 / LEAST)[..., None]
        moved = state.vector + pace * (vector - state.vector)
        return state._replace(vector=moved.astype(vector.dtype))

    def speak(self, state: PushSumState, share: Array, draws: Draws) -> tuple[Payload, PushSumState]:
        """What each neighbour is given; as much is kept."""
        given, kept = split(state.weight, state.mass, share)
        return (given[..., None] * state.vector, given[..., None]), state._replace(weight=kept)

    def listen(self, state: PushSumState, heard: Heard) -> PushSumState:
        """All that was given; a peer that adopts brings its mass in with the model that it was given."""
        given, weights = (summed(part) for part in credible(*heard.payload))
        adopts = heard.own_weight == 0
        held = np.where(adopts, 0.0, state.weight)[..., None] + weights
        moved = state.vector + (given - weights * state.vector) / np.where(held == 0, 1.0, held)
        weight = held[..., 0] + np.where(adopts, state.mass, 0.0)
        return PushSumState(moved.astype(state.vector.dtype), weight, state.mass)


def split(weight: Array, mass: Array, share: Array) -> tuple[Array, Array]:
    """What a peer with `weight` (...) gives to each neighbour, and what it keeps for itself."""
    part = weight * share
    gives = weight >= LEAST * mass
    return np.where(gives, part, 0.0), np.where(gives, part, weight)
