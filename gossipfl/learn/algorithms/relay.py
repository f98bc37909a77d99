"""Sums relayed through a tree, so that every peer takes the plain mean of all, though of older rounds.

Vogels, He, Koloskova, Lin, Karimireddy, Stich and Jaggi (NeurIPS 2021, arXiv 2110.04175), "RelaySGD": each
tells a neighbour the sum of its own model and of all that the others told it, with a count. Here both are by
samples, and the mean is over those heard of so far: after as many rounds as the tree is deep, that is all.

A lost update costs delay and no bias: the sum heard before it stands until the next. A tree has no second
way: when a peer dies or an edge is cut, its neighbours take back what came through it, and the parts go on
as trees of their own, each to the optimum of its own peers, until it is there again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.links import Relayed, credible, summed
from gossipfl.learn.contracts import ONE, Array, Heard, Link, Payload


class RelayState(NamedTuple):
    """The model, and of what it is the mean: the model trained, and what all neighbours told, by samples."""

    vector: Array  # (..., d)
    trained: Array  # (..., d)
    total: Array  # (..., d), float64
    samples: Array  # (...), float64
    mass: Array  # (...)


@dataclass(frozen=True, slots=True)
class RelaySum:
    """Speaks `(mass * vector + total, mass + samples)`, of which a link tells all but what came over it."""

    link: ClassVar[Link] = Relayed()

    def start(self, vector: Array, mass: Array = ONE) -> RelayState:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass`."""
        masses = np.broadcast_to(mass, vector.shape[:-1]).astype(np.float64)
        return RelayState(vector, vector, np.zeros(vector.shape), np.zeros_like(masses), masses)

    def model(self, state: RelayState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: RelayState, vector: Array) -> RelayState:
        """Local training ended at `vector` (..., d); what was told before counts on, heard again or not."""
        trained = state._replace(trained=vector)
        return trained._replace(vector=_mean(trained, state.mass))

    def speak(self, state: RelayState, share: Array, draws: Draws) -> tuple[Payload, RelayState]:
        """The sum of all that is known, in float64; nothing changes by speaking."""
        total = state.mass[..., None] * state.trained + state.total
        return (total, (state.mass + state.samples)[..., None]), state

    def listen(self, state: RelayState, heard: Heard) -> RelayState:
        """The mean of all that is known; a peer that adopts leaves itself out."""
        total = state.total + summed(heard.payload[0])
        samples = state.samples + summed(heard.payload[1])[..., 0]
        known = state._replace(total=total, samples=samples)
        return known._replace(vector=_mean(known, np.where(heard.own_weight == 0, 0.0, state.mass)))


def _mean(state: RelayState, own: Array) -> Array:
    """Of all that is known (..., d), in which the peer itself counts for `own` (...) samples."""
    total, samples = credible(state.total, state.samples[..., None])
    known = own[..., None] + samples
    apart = total - samples * state.trained
    mean: Array = (state.trained + apart / np.where(known == 0, 1.0, known)).astype(state.trained.dtype)
    return mean
