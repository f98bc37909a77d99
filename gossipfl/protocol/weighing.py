"""How much each update heard counts: all weights sum to 1, whoever is missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gossipfl.learn.contracts import Heard, Payload
from gossipfl.protocol.messages import Update
from gossipfl.topology.mixing import metropolis_weight


def mixed(updates: Sequence[Update], degree: int, samples: int | None) -> Heard:
    """`updates` (one or more) by Metropolis weights, for a peer of `degree` that holds `samples`.

    The peer keeps what is left, at least 1 / (degree + 1), so missing neighbours count for the peer itself
    and no claim counts for more than 1 / (degree + 1). With `samples` None all peers weigh alike.
    """
    counts = [1 if samples is None else update.samples for update in updates]
    degrees = [update.degree for update in updates]
    weights = metropolis_weight(degree, samples or 1, degrees, counts)
    return Heard(_stacked(updates), weights, np.asarray(1.0 - weights.sum()))


def adopted(updates: Sequence[Update]) -> Heard:
    """`updates` (one or more) in place of what the peer itself has, all alike."""
    return Heard(_stacked(updates), np.full(len(updates), 1.0 / len(updates)), np.asarray(0.0))


def _stacked(updates: Sequence[Update]) -> Payload:
    return tuple(map(np.stack, zip(*(update.payload for update in updates), strict=True)))
