"""How much each update heard counts: all weights sum to 1, whoever is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from gossipfl.learn.contracts import Array, Heard, Payload
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.messages import PeerId, Update
from gossipfl.topology.mixing import metropolis_weight


def claimed_weights(updates: Sequence[Update], degree: int, samples: int | None) -> Array:
    """Metropolis weights (k,) of `updates`, for a peer of `degree` that holds `samples`.

    No claim counts for more than 1 / (degree + 1). With `samples` None all peers weigh alike.
    """
    counts = tuple([1 if samples is None else update.samples for update in updates])
    return _metropolis(degree, samples or 1, tuple([update.degree for update in updates]), counts)


@lru_cache(maxsize=4096)  # what peers claim is the same round after round, and often the same for all of them
def _metropolis(degree: int, samples: int, degrees: tuple[int, ...], counts: tuple[int, ...]) -> Array:
    weights = metropolis_weight(degree, samples, degrees, counts)
    weights.flags.writeable = False
    return weights


def given_weights(senders: Sequence[PeerId], weights: Mapping[PeerId, float]) -> Array:
    """The weights (k,) that `senders` are given; whoever was not due counts for nothing."""
    return np.array([weights.get(sender, 0.0) for sender in senders])


def mixed(taken: Sequence[Taken], weights: Array) -> Heard:
    """What was heard by `weights` (k,); the peer keeps what is left, so the missing count for itself."""
    return _stacked(taken, weights, 1.0 - weights.sum())


def adopted(taken: Sequence[Taken]) -> Heard:
    """What was heard in place of what the peer itself has, all alike."""
    return _stacked(taken, np.full(len(taken), 1.0 / len(taken)), 0.0)


def _stacked(taken: Sequence[Taken], weights: Array, own_weight: float) -> Heard:
    payload, said = _together([one.payload for one in taken]), _together([one.said for one in taken])
    return Heard(payload, weights, np.asarray(own_weight), said)


def _together(words: list[Payload]) -> Payload:
    if len(words) == 1:  # as it is in each message of gossip learning: stacking would take most of its time
        return tuple(part[None] for part in words[0])
    return tuple(map(np.array, zip(*words, strict=True)))
