"""Spectral facts: how fast averaging over a graph brings its peers together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from gossipfl.topology.graph import Floats, Integers, Topology
from gossipfl.topology.mixing import mixing_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from gossipfl.topology.schedule import Schedule

DENSE_PEERS_MAX = 1_000
AVERAGED_ROUNDS = 20
"""Of a schedule without a period: its gap is that of their product, per round."""
_LANCZOS = 40
_STEPS_MAX = 10_000_000_000
_RESTARTS = (20, 300)  # with fewer there is little hope, with more little gain
_TRUSTED_GAP = 1e-5
_SYMMETRY = 1e-9
_CONSENSUS_FACTOR = 1e-3


def spectral_gap(matrix: csr_array, samples: ArrayLike | None = None) -> float | None:
    """1 - |second eigenvalue| of a mixing matrix (n, n), in [0, 1]: differences shrink by 1 - gap per round.

    `samples` (n,) must be those that the matrix was made for: n_i W_ij = n_j W_ji makes it similar to a
    symmetric matrix, whose eigenvalues are exact up to DENSE_PEERS_MAX peers and to about six digits above;
    None if it is too small to be found, as on a huge ring, or if the search would take minutes, as for a
    million peers. Raises ValueError if the matrix is not reversible.
    """
    peers = matrix.shape[0]
    root = np.sqrt(np.ones(peers) if samples is None else np.asarray(samples, np.float64))
    symmetric = _symmetrised(matrix, root)
    if peers <= DENSE_PEERS_MAX:
        eigenvalues = np.linalg.eigvalsh(symmetric.toarray())
        second = float(np.sort(np.abs(eigenvalues))[-2])
        return min(1.0, max(0.0, 1.0 - second))
    if symmetric.nnz <= 3 * peers:
        return _thin_gap(symmetric)
    return _lanczos_gap(symmetric, root / np.linalg.norm(root))


def rounds_to_consensus(gap: float, factor: float = _CONSENSUS_FACTOR) -> int | None:
    """After how many rounds differences have shrunk to `factor` of what they were; None if never."""
    if not 0.0 < factor < 1.0:
        raise ValueError(f"factor is between 0 and 1, not {factor}")
    if gap <= 0.0:
        return None
    return 1 if gap >= 1.0 else math.ceil(math.log(factor) / math.log1p(-gap))


def schedule_gap(schedule: Schedule) -> float | None:
    """1 - |product of a period - J|^(1 / period) in the spectral norm: the gap of one round, on average.

    A schedule without a period is judged by AVERAGED_ROUNDS rounds. None where no dense matrix of its size is
    multiplied, or where a gap is too small to be found.
    """
    if schedule.finite_time:
        return 1.0
    if schedule.period == 1 and schedule.symmetric:
        return spectral_gap(schedule.mixing(1))
    if schedule.peers > DENSE_PEERS_MAX:
        return None
    rounds = schedule.period or AVERAGED_ROUNDS
    product = np.eye(schedule.peers)
    for round in range(1, rounds + 1):
        product = schedule.mixing(round) @ product
    apart = product - product.mean(axis=0)  # also where the mean moves
    return float(1.0 - np.linalg.norm(apart, 2) ** (1 / rounds))


def facts(topology: Topology, samples: ArrayLike | None = None) -> dict[str, Any]:
    """What is worth knowing about a topology, ready for JSON.

    `diameter` is None where there is none or the graph is too large to search; then `diameter_at_least` is a
    lower bound. `rounds_to_consensus` is to a thousandth of the first differences.
    """
    gap = spectral_gap(mixing_matrix(topology, samples), samples) if topology.connected else 0.0
    return {
        "topology": topology.name,
        **topology.figures(),
        "connected": topology.connected,
        "components": topology.components,
        "diameter": topology.diameter,
        "diameter_at_least": topology.diameter_at_least,
        "spectral_gap": gap,
        "rounds_to_consensus": None if gap is None else rounds_to_consensus(gap),
    }


def schedule_facts(schedule: Schedule) -> dict[str, Any]:
    """What is worth knowing about a schedule, ready for JSON; `degree` is to how many others a peer speaks.

    Of a schedule without a period, AVERAGED_ROUNDS rounds are counted. `rounds_to_consensus` is to exact
    agreement where it is `finite_time`, else to a thousandth of the first differences.
    """
    rounds = range(1, (schedule.period or AVERAGED_ROUNDS) + 1)
    sent = np.stack([_sent(schedule.mixing(round)) for round in rounds])
    gap = schedule_gap(schedule)
    to_agree = None if gap is None else rounds_to_consensus(gap)
    return {
        "schedule": schedule.name,
        "peers": schedule.peers,
        "period": schedule.period,
        "finite_time": schedule.finite_time,
        "doubly_stochastic": schedule.doubly_stochastic,
        "symmetric": schedule.symmetric,
        "degree_min": int(sent.min()),
        "degree_mean": float(sent.mean()),
        "degree_max": int(sent.max()),
        "spectral_gap": gap,
        "rounds_to_consensus": schedule.period if schedule.finite_time else to_agree,
    }


def _sent(matrix: csr_array) -> Integers:
    """To how many others each peer speaks, (peers,)."""
    mine, theirs = matrix.nonzero()
    return np.bincount(theirs[mine != theirs], minlength=matrix.shape[0])


def _symmetrised(matrix: csr_array, root: Floats) -> csr_array:
    from scipy.sparse import diags_array

    similar = diags_array(root) @ matrix @ diags_array(1.0 / root)
    skew = similar - similar.T
    if skew.nnz and abs(skew).max() > _SYMMETRY:
        raise ValueError("the matrix is not reversible for these samples: n_i W_ij must equal n_j W_ji")
    return cast("csr_array", ((similar + similar.T) / 2).tocsr())


def _lanczos_gap(symmetric: csr_array, first: Floats) -> float | None:
    """The gap by the largest eigenvalue in modulus of the matrix without its `first` eigenvector."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    def without_first(vector: Floats) -> Floats:
        flat = vector.ravel()
        return cast("Floats", symmetric @ flat - first * (first @ flat))

    operator: LinearOperator = LinearOperator(symmetric.shape, matvec=without_first, dtype=np.float64)
    restarts = _STEPS_MAX // (_LANCZOS * (symmetric.nnz + _LANCZOS * len(first)))
    if restarts < _RESTARTS[0]:
        return None
    limits: dict[str, Any] = {"ncv": _LANCZOS, "tol": 1e-8, "maxiter": min(restarts, _RESTARTS[1])}
    try:
        found = eigsh(operator, 1, which="LM", v0=_start(first), return_eigenvectors=False, **limits)
    except ArpackNoConvergence:
        return None
    gap = 1.0 - float(abs(found[0]))
    return gap if gap > _TRUSTED_GAP else None


def _thin_gap(symmetric: csr_array) -> float | None:
    """The gap of a ring or tree by the eigenvalues nearest to 1, where factors stay sparse and gaps are tiny.

    No eigenvalue is below 2 min(W_ii) - 1 (Gershgorin), so a gap under 2 min(W_ii) is the gap; else None.
    """
    from scipy.sparse.linalg import eigsh

    near: dict[str, Any] = {"sigma": 1.0 + 1e-9, "v0": _start(symmetric), "return_eigenvectors": False}
    gap = max(0.0, 1.0 - float(np.min(eigsh(symmetric.tocsc(), 2, **near))))
    return gap if gap < 2.0 * float(symmetric.diagonal().min()) else None


def _start(like: csr_array | Floats) -> Floats:
    """A fixed first vector, so that the gap is the same each time."""
    return np.asarray(np.cos(np.arange(like.shape[0], dtype=np.float64)), np.float64)
