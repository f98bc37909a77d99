"""Chosen weights for a graph that stays: one constant for all edges, or the fastest that the graph allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Floats, Topology
from gossipfl.topology.mixing import both_ways, completed, mixing_matrix
from gossipfl.topology.spectrum import DENSE_PEERS_MAX

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FASTEST_PEERS_MAX = 400
"""Each step of the search takes all eigenvectors of a matrix of this many rows, some 50 ms."""
SHOWN_PEERS_MAX = 100
"""Up to here the search takes less than about a second."""
_SMOOTHINGS = tuple(10.0 ** (-power / 2) for power in range(3, 11))  # 0.03 down to 1e-5


def best_constant(topology: Topology) -> csr_array:
    """W = I - a L (peers, peers) with the constant a that mixes fastest.

    a = 2 / (the smallest positive + the largest eigenvalue of the Laplacian L): Xiao and Boyd (2004), "Fast
    linear iterations for distributed averaging". A peer's own weight may be negative. Raises TopologyError
    for a disconnected graph and above DENSE_PEERS_MAX peers.
    """
    _refuse(topology, DENSE_PEERS_MAX)
    adjacency = topology.adjacency().toarray()
    eigenvalues = np.linalg.eigvalsh(np.diag(adjacency.sum(axis=0)) - adjacency)
    return _weighted(topology, np.full(len(topology.edges), 2.0 / (eigenvalues[1] + eigenvalues[-1])))


def fastest_mixing(topology: Topology) -> csr_array:
    """The symmetric W (peers, peers) on the edges whose norm |W - J| is least, so that peers agree fastest.

    Boyd, Diaconis and Xiao (2004), "Fastest mixing Markov chain on a graph"; as in Xiao and Boyd (2004), own
    weights may be negative. The norm is convex in the weights of edges. It is smoothed to
    m log sum exp(+-eigenvalues / m), within m log 2n, and minimised by L-BFGS for ever smaller m; the result
    is never worse than `best_constant` and `mixing_matrix`. Raises TopologyError for a disconnected graph and
    above FASTEST_PEERS_MAX peers.
    """
    from scipy.optimize import minimize

    _refuse(topology, FASTEST_PEERS_MAX)
    starts = [best_constant(topology), mixing_matrix(topology)]
    best = min((_on_edges(topology, matrix) for matrix in starts), key=lambda w: _norm(topology, w))
    weights = best
    for smoothing in _SMOOTHINGS:
        found = minimize(_smoothed, weights, (topology, smoothing), method="L-BFGS-B", jac=True)
        weights = np.asarray(found.x, np.float64)
        best = min((best, weights), key=lambda w: _norm(topology, w))
    return _weighted(topology, best)


def chosen_gaps(topology: Topology) -> dict[str, float]:
    """The spectral gap with each of these weights, ready for JSON.

    Nothing above SHOWN_PEERS_MAX peers, nor for a disconnected graph, which no weights bring together.
    """
    if topology.peers > SHOWN_PEERS_MAX or not topology.connected:
        return {}
    return {
        "spectral_gap_best_constant": 1.0 - _norm(topology, _on_edges(topology, best_constant(topology))),
        "spectral_gap_fastest": 1.0 - _norm(topology, _on_edges(topology, fastest_mixing(topology))),
    }


def _smoothed(weights: Floats, topology: Topology, smoothing: float) -> tuple[float, Floats]:
    """The smoothed norm of W - J, and its slope (m,) in the weights of the edges."""
    eigenvalues, vectors = np.linalg.eigh(_apart(topology, weights))
    both = np.concatenate((eigenvalues, -eigenvalues)) / smoothing
    top = both.max()
    shares = np.exp(both - top)
    value = smoothing * (top + np.log(shares.sum()))
    shares /= shares.sum()
    pull = (vectors * (shares[: len(vectors)] - shares[len(vectors) :])) @ vectors.T
    one, other = topology.edges.T
    return float(value), 2.0 * pull[one, other] - pull[one, one] - pull[other, other]


def _norm(topology: Topology, weights: Floats) -> float:
    return float(np.abs(np.linalg.eigvalsh(_apart(topology, weights))).max())


def _apart(topology: Topology, weights: Floats) -> Floats:
    """W - J (peers, peers) of edges with `weights` (m,)."""
    matrix: Floats = _weighted(topology, weights).toarray() - 1.0 / topology.peers
    return matrix


def _weighted(topology: Topology, weights: Floats) -> csr_array:
    return completed(topology.peers, *both_ways(topology.edges), np.tile(weights, 2))


def _on_edges(topology: Topology, matrix: csr_array) -> Floats:
    return np.asarray(matrix.toarray()[topology.edges[:, 0], topology.edges[:, 1]], np.float64)


def _refuse(topology: Topology, most: int) -> None:
    topology.refuse_disconnected()
    if topology.peers > most:
        raise TopologyError(
            f"These weights are searched for up to {most} peers, and {topology.name} has {topology.peers};"
            " take Metropolis weights (mixing_matrix)."
        )
