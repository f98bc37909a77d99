"""Who hears whom in a round of a crowd, and how much each counts: rows of a mixing matrix.

Rules:
- Whoever is absent neither speaks nor is spoken to; what an absent neighbour counts, a peer keeps itself.
- A peer hears its neighbours in growing order, as it does over a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gossipfl.learn.contracts import Array
from gossipfl.topology import Schedule, Topology
from gossipfl.topology.mixing import metropolis_weight

Integers = NDArray[Any]
Present = NDArray[np.bool_]
Block = slice | Integers
"""Some peers: those from one to another, or any."""


class Ties(NamedTuple):
    """Peer i hears `senders[first:last]`, where first, last = `starts[i:i+2]`."""

    starts: Integers  # (n + 1,)
    senders: Integers  # (m,)
    weights: Array  # (m,), float64
    own_weights: Array  # (n,), what each keeps of its own
    shares: Array  # (n,), the part of its mass that a peer gives to each to whom it speaks

    @property
    def degrees(self) -> Integers:
        """How many each peer hears, (n,)."""
        return np.diff(self.starts)

    def slots(self, peers: Integers, degree: int) -> Integers:
        """The places (b, k) in `senders` of `peers` (b,) who hear k = `degree` each."""
        return self.starts[peers][:, None] + np.arange(degree)

    def among(self, present: Present, newcomers: Present) -> Ties:
        """What is left of them where only those `present` (n,) speak, and `newcomers` (n,) hear them too.

        Newcomers adopt what they hear, all alike.
        """
        receivers = np.repeat(np.arange(len(self.shares)), self.degrees)
        kept = present[self.senders] & (present | newcomers)[receivers]
        ties = _ties(len(self.shares), receivers[kept], self.senders[kept], self.weights[kept])
        adopts = newcomers & (ties.degrees > 0)
        alike = np.repeat(np.where(adopts, 1.0 / np.maximum(ties.degrees, 1), 0.0), ties.degrees)
        weights = np.where(alike > 0, alike, ties.weights)
        return ties._replace(weights=weights, own_weights=np.where(adopts, 0.0, ties.own_weights))


TiesOf = Callable[[int], Ties]
"""The ties of a round, the first being round 1."""


def neighbours_ties(topology: Topology, counts: Array | None) -> TiesOf:
    """The same in every round, weighed by `counts` (n,) of samples as peers weigh what each claims."""
    starts, senders = topology.rows
    degrees = topology.degrees
    mass = np.ones(topology.peers) if counts is None else np.maximum(counts, 1)
    claims = np.maximum(degrees, 1)
    mine = np.repeat(np.arange(topology.peers), degrees)
    weights = metropolis_weight(claims[mine], mass[mine], claims[senders], mass[senders])
    ties = Ties(starts, senders, weights, _own_weights(starts, weights), 1.0 / (degrees + 1.0))
    return lambda _: ties


def schedule_ties(schedule: Schedule) -> TiesOf:
    """What the rows of each round's matrix say."""

    def of(round: int) -> Ties:
        matrix = schedule.mixing(round)
        receivers = np.repeat(np.arange(schedule.peers), np.diff(matrix.indptr))
        apart = (matrix.indices != receivers) & (matrix.data != 0)
        return _ties(schedule.peers, receivers[apart], matrix.indices[apart], matrix.data[apart])

    return of


def _ties(peers: int, receivers: Integers, senders: Integers, weights: Array) -> Ties:
    """Of `senders` in the order of their `receivers`; all arrays (m,)."""
    starts = np.concatenate(([0], np.cumsum(np.bincount(receivers, minlength=peers))))
    own_weights = _own_weights(starts, weights)
    return Ties(starts, senders, weights, own_weights, 1.0 / (np.bincount(senders, minlength=peers) + 1.0))


def _own_weights(starts: Integers, weights: Array) -> Array:
    """What is left of 1 for each peer (n,), summed as one peer sums what it heard."""
    degrees, own = np.diff(starts), np.ones(len(starts) - 1)
    for degree in np.unique(degrees[degrees > 0]):
        peers = np.flatnonzero(degrees == degree)
        own[peers] = 1.0 - weights[starts[peers][:, None] + np.arange(degree)].sum(axis=-1)
    return own
