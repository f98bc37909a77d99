"""What no cooperation, all rows in one place, or a server would have given: loops to hold gossip against.

Rules:
- A peer trains here as it does in gossip, from the same first model and with the same draws; only what
  becomes of its model afterwards differs.
- Nothing is lost, late or killed, and no graph is looked at: these are bounds, not networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array

FitMany = Callable[[Array, Array, int], Array]
"""(peers (m,), vectors (m, d), round) -> vectors (m, d)."""

FitAll = Callable[[Array, int], Array]
"""(vector (d,), round) -> vector (d,), trained on the rows of all peers."""

BASELINES = {
    "local": "each peer trains alone and never speaks",
    "fedavg": "a server averages what a fraction of the peers train (McMahan et al. 2017, arXiv 1602.05629)",
    "pooled": "one model is trained on the rows of all peers, as if they could be brought together",
}
"""What each baseline does."""


class Closed(NamedTuple):
    """One round: the model that each peer would use after it, and who of them spoke with the server."""

    vectors: Array  # (n, d)
    asked: NDArray[np.bool_]  # (n,)


def local_only(start: Array, peers: int, rounds: int, fit_many: FitMany) -> Iterator[Closed]:
    """Each of `peers` trains from `start` (d,) on its own rows; nobody says anything."""
    vectors, nobody = np.tile(start, (peers, 1)), np.zeros(peers, np.bool_)
    for round in range(1, rounds + 1):
        vectors = fit_many(np.arange(peers), vectors, round)
        yield Closed(vectors, nobody)


def pooled(start: Array, peers: int, rounds: int, fit_all: FitAll) -> Iterator[Closed]:
    """One model, from `start` (d,), is trained on all rows and judged as that of every peer.

    A round is as many epochs over all rows as it is for a peer over its own, so that each row is seen as
    often as in gossip; where training counts steps, it is as many steps as one peer takes.
    """
    vector, nobody = start, np.zeros(peers, np.bool_)
    for round in range(1, rounds + 1):
        vector = fit_all(vector, round)
        yield Closed(np.broadcast_to(vector, (peers, len(vector))), nobody)


def federated_averaging(
    start: Array, masses: Array, rounds: int, fit_many: FitMany, *, participation: float, seed: int
) -> Iterator[Closed]:
    """A server asks a random `participation` of the peers, one at least, and takes the mean by `masses` (n,).

    McMahan, Moore, Ramage, Hampson and Agüera y Arcas (AISTATS 2017, arXiv 1602.05629), "FederatedAveraging",
    whose weights are those of the peers that were asked. The server's model is judged as that of every peer.
    Whoever is asked is sent a model and returns one; the last model of all is not counted as sent.
    """
    peers, vector = len(masses), start
    for round in range(1, rounds + 1):
        asked = participants(peers, participation, seed, round)
        fitted = fit_many(asked, np.tile(vector, (len(asked), 1)), round)
        weights = masses[asked] if masses[asked].any() else np.ones(len(asked))
        vector = np.average(fitted.astype(np.float64), axis=0, weights=weights).astype(start.dtype)
        yield Closed(np.broadcast_to(vector, (peers, len(vector))), np.isin(np.arange(peers), asked))


def participants(peers: int, participation: float, seed: int, round: int) -> Array:
    """Who is asked in `round`: sorted numbers of max(1, round(participation * peers)) peers."""
    count = max(1, int(participation * peers + 0.5))
    return np.sort(Draws(seed, round=round).permutation("participants", peers)[:count])
