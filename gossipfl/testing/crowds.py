"""The crowd on which all checks are made: five peers in a ring, each of which hears all others."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array, Payload

PEERS, NEIGHBOURS, _SIZE, SEED = 5, 4, 17, 20_170_901
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def mixture(dtype: np.dtype[Any]) -> tuple[Array, Array, Array, Array]:
    """Own vectors (n, d), heard ones (n, k, d), own weights (n,) and weights (n, k) that sum to 1."""
    draws = Draws(SEED, np.arange(PEERS))
    own = draws.normal("own", _SIZE).astype(dtype)
    heard = draws.normal("heard", NEIGHBOURS * _SIZE).reshape(PEERS, NEIGHBOURS, _SIZE).astype(dtype)
    parts = 0.1 + draws.uniform("weights", NEIGHBOURS + 1)
    parts /= parts.sum(axis=1, keepdims=True)
    return own, heard, parts[:, 0].copy(), parts[:, 1:].copy()


def from_neighbours(part: Array) -> Array:
    """What each of n peers on a ring hears of `part` (n, ...), as (n, k, ...)."""
    return np.stack([np.roll(part, shift, axis=0) for shift in range(1, NEIGHBOURS + 1)], axis=1)


def to_neighbours(part: Array) -> Array:
    """What each of n peers tells each of k neighbours, (n, k, ...), where it says `part` (n, ...) to all."""
    return np.repeat(part[:, None], NEIGHBOURS, axis=1)


def across(told: Array) -> Array:
    """What is told over each link (n, k, ...), at its other end."""
    return np.stack([np.roll(told[:, -shift], shift, axis=0) for shift in range(1, NEIGHBOURS + 1)], axis=1)


def row(payload: Payload, peer: int) -> Payload:
    """What one of n peers has of `payload`."""
    return tuple(part[peer] for part in payload)


def spread(vector: Array) -> Array:
    """`vector` (n, d), a little apart for each peer, so that a mix-up between peers shows."""
    noise = Draws(SEED, np.arange(len(vector))).normal("spread", vector.shape[-1])
    return (vector + 0.05 * noise).astype(vector.dtype)


def stacked(ones: list[Array]) -> Array:
    """What a crowd has, from what each of its peers has."""
    return np.stack([np.asarray(one) for one in ones])
