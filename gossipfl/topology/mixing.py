"""Mixing weights: how much of each neighbour a peer takes into its average.

One definition, `metropolis_weight`, serves a peer that knows its neighbours alone and the whole matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Floats, Indices, Integers, Topology

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def metropolis_weight(
    degree: ArrayLike, samples: ArrayLike, their_degree: ArrayLike, their_samples: ArrayLike
) -> NDArray[Any]:
    """What a peer gives each neighbour: min(1 / (d + 1), n' / (n (d' + 1))), in the shape of its arguments.

    Hastings (1970) with proposal 1 / (d + 1) and target n: n_i W_ij = n_j W_ji, so repeated averaging settles
    on the mean weighted by samples. With equal samples it is 1 / (1 + max(d, d')), the Metropolis weights of
    Xiao, Boyd and Kim (2007), "Distributed average consensus with least-mean-square deviation". A peer keeps
    what remains, at least 1 / (d + 1). Samples are positive; pass 1 for both to weigh peers alike.
    """
    mine, theirs = np.asarray(samples, np.float64), np.asarray(their_samples, np.float64)
    return np.minimum(1.0 / (np.asarray(degree) + 1.0), theirs / (mine * (np.asarray(their_degree) + 1.0)))


def mixing_matrix(topology: Topology, samples: ArrayLike | None = None) -> csr_array:
    """The row-stochastic matrix W (peers, peers) of these weights; row i is what peer i applies.

    `samples` (peers,) are positive counts; without them all peers count alike and W is doubly stochastic.
    """
    mine, theirs = both_ways(topology.edges)
    degrees = topology.degrees
    if samples is None:
        weights = metropolis_weight(degrees[mine], 1, degrees[theirs], 1)
    else:
        counts = _checked(samples, topology.peers)
        weights = metropolis_weight(degrees[mine], counts[mine], degrees[theirs], counts[theirs])
    return completed(topology.peers, mine, theirs, weights)


def completed(peers: int, mine: Integers | Indices, theirs: Integers | Indices, weights: Floats) -> csr_array:
    """The W (peers, peers) with W[mine, theirs] = weights (m,), where a peer keeps what remains of 1."""
    from scipy.sparse import csr_array

    here = np.arange(peers)
    own = 1.0 - np.bincount(mine, weights, minlength=peers)
    rows, columns = (np.concatenate((ends, here), dtype=np.int32) for ends in (mine, theirs))
    matrix = csr_array((np.concatenate((weights, own)), (rows, columns)), shape=(peers, peers))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def both_ways(edges: Integers) -> tuple[Indices, Indices]:
    """Who hears and who is heard over undirected `edges` (m, 2): two arrays (2 m,), either way once."""
    low, high = edges.astype(np.int32).T
    return np.concatenate((low, high)), np.concatenate((high, low))


def _checked(samples: ArrayLike, peers: int) -> Floats:
    counts = np.asarray(samples, np.float64)
    if counts.shape != (peers,) or not ((counts > 0) & np.isfinite(counts)).all():
        raise TopologyError(
            f"Weights towards samples need a positive count for each of the {peers} peers; "
            "give every peer at least one sample."
        )
    return counts
