"""Mixing weights: how much of each neighbour a peer takes into its average.

One definition, `metropolis_weight`, serves a peer that knows its neighbours alone and the whole matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Floats, Integers, Topology

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
    counts, degrees = _counts(topology, samples), topology.degrees
    mine, theirs = both_ways(topology.edges)
    weights = metropolis_weight(degrees[mine], counts[mine], degrees[theirs], counts[theirs])
    return completed(topology.peers, mine, theirs, weights)


def completed(peers: int, mine: Integers, theirs: Integers, weights: Floats) -> csr_array:
    """The W (peers, peers) with W[mine, theirs] = weights (m,), where a peer keeps what remains of 1."""
    from scipy.sparse import csr_array

    here = np.arange(peers)
    own = 1.0 - np.bincount(mine, weights, minlength=peers)
    rows, columns = np.concatenate((mine, here)), np.concatenate((theirs, here))
    matrix = csr_array((np.concatenate((weights, own)), (rows, columns)), shape=(peers, peers))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def both_ways(edges: Integers) -> tuple[Integers, Integers]:
    """Who hears and who is heard over undirected `edges` (m, 2): two arrays (2 m,), either way once."""
    return np.concatenate((edges[:, 0], edges[:, 1])), np.concatenate((edges[:, 1], edges[:, 0]))


def _counts(topology: Topology, samples: ArrayLike | None) -> Floats:
    if samples is None:
        return np.ones(topology.peers)
    counts = np.asarray(samples, np.float64)
    if counts.shape != (topology.peers,) or not ((counts > 0) & np.isfinite(counts)).all():
        raise TopologyError(
            f"Weights towards samples need a positive count for each of the {topology.peers} peers; "
            "give every peer at least one sample."
        )
    return counts
