"""A schedule: mixing matrices in time, so that the graph may change from round to round.

Rules:
- The first round is round 1.
- What a schedule promises (exact agreement, weights that sum to 1, symmetry) is checked when it is made.
- A round is worked out once and then held, so that asking for one peer costs what that peer hears.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gossipfl.errors import TopologyError
from gossipfl.topology.building import EDGES_MAX
from gossipfl.topology.graph import Floats, Topology
from gossipfl.topology.lattices import complete
from gossipfl.topology.mixing import mixing_matrix

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

RESIDUAL_MAX = 1e-12
"""How far the product of one period may be from exact averaging where a schedule promises it."""
ROUNDS_HELD_MAX = 16
"""How many rounds of a schedule without a period are held at once."""
PEERS_HELD_MAX = 1 << 20
"""So many peers' rows of such rounds, if that is fewer: at a million peers one round takes 300 MB."""
MULTIPLIED_PEERS_MAX = 512
"""Up to here a period is multiplied out; above, it is applied to PROBES random vectors."""
PROBES = 16
PROBED_NUMBERS_MAX = 1 << 20
"""Fewer vectors where these would hold more numbers; what is not exact shows in one of them."""


class _Round:
    """A round: row i of `heard` is what peer i hears."""

    def __init__(self, heard: csr_array) -> None:
        heard.sort_indices()
        self.heard = heard

    @cached_property
    def sent(self) -> csc_array:
        """Column i: who hears peer i."""
        sent = self.heard.tocsc()
        sent.sort_indices()
        return sent


@dataclass(frozen=True, eq=False)
class Schedule:
    """In each round who speaks to whom, and how much each counts: W[i, j] is what i gives to what j says.

    `period` is after how many rounds it repeats (None: drawn afresh each round); `finite_time`, that one
    period makes all peers exactly equal to their mean, W_period ... W_1 = J = 11'/n; `draw` gives the matrix
    (peers, peers) of a round, and `again` the same family for another number of peers. Those who are `absent`
    speak to nobody, and the promise is not about them. Raises TopologyError where a matrix breaks a promise.
    """

    name: str
    peers: int
    period: int | None
    finite_time: bool
    doubly_stochastic: bool
    symmetric: bool
    names: tuple[str, ...]
    draw: Callable[[int], csr_array] = field(repr=False)
    again: Callable[[int], Schedule] | None = field(default=None, repr=False)
    absent: frozenset[int] = frozenset()
    _held: Callable[[int], _Round] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rounds = self.period or max(1, min(ROUNDS_HELD_MAX, PEERS_HELD_MAX // self.peers))
        held = lru_cache(rounds)(lambda round: _Round(self.draw(round)))
        object.__setattr__(self, "_held", held)
        _check(self)

    @classmethod
    def of(cls, topology: Topology, matrix: csr_array | None = None) -> Schedule:
        """The same graph in every round, with the weights `matrix` (peers, peers) or, without, Metropolis's.

        Raises TopologyError for rows that do not sum to 1 and for a weight between peers that share no edge.
        """
        weights = mixing_matrix(topology) if matrix is None else matrix.tocsr()
        if weights.shape != (topology.peers, topology.peers):
            raise TopologyError(
                f"Weights of shape {weights.shape} do not fit {topology.name}; give each of its"
                f" {topology.peers} peers a row and a column."
            )
        mine, theirs = (ends.astype(np.int64) for ends in weights.nonzero())
        pairs = np.minimum(mine, theirs) * topology.peers + np.maximum(mine, theirs)
        if not np.isin(pairs[mine != theirs], topology.edges @ (topology.peers, 1)).all():
            raise TopologyError(
                f"The weights are not those of the topology {topology.name}: two peers that share no edge"
                " weigh each other; give such pairs 0."
            )
        return repeating(topology.name, [weights], names=topology.names, finite_time=is_exact([weights]))

    def mixing(self, round: int) -> csr_array:
        """The matrix W (peers, peers) of `round` (1 is the first); its rows sum to 1."""
        return self._at(round).heard

    def speaks_to(self, peer: int, round: int) -> tuple[int, ...]:
        """Who hears `peer` in `round`, ascending: all j != peer with W[j, peer] != 0."""
        sent = self._at(round).sent
        ends: list[int] = sent.indices[sent.indptr[peer] : sent.indptr[peer + 1]].tolist()
        return tuple(end for end in ends if end != peer)

    def waits_for(self, peer: int, round: int) -> tuple[int, ...]:
        """Whom `peer` hears in `round`, ascending: all j != peer with W[peer, j] != 0."""
        heard = self._at(round).heard
        ends: list[int] = heard.indices[heard.indptr[peer] : heard.indptr[peer + 1]].tolist()
        return tuple(end for end in ends if end != peer)

    def weight(self, peer: int, other: int, round: int) -> float:
        """What `peer` gives in `round` to what `other` says, who may be itself; W[peer, other]."""
        heard = self._at(round).heard
        first, last = heard.indptr[peer], heard.indptr[peer + 1]
        place = first + int(np.searchsorted(heard.indices[first:last], other))
        return float(heard.data[place]) if place < last and heard.indices[place] == other else 0.0

    def union(self) -> Topology:
        """The undirected graph of all who ever speak or, without a period, may: everyone to everyone.

        Raises TopologyError where that is more than EDGES_MAX edges.
        """
        if self.period is None:
            matrix = self.mixing(1)
            hears, is_heard = np.diff(matrix.indptr), np.diff(matrix.tocsc().indptr)
            taking_part = np.flatnonzero((hears > 1) | (is_heard > 1))
            _refuse_all_to_all(self.name, len(taking_part))
            edges = taking_part[complete(len(taking_part))]
            return Topology(self.name, self.peers, edges, self.names)
        pairs = [np.stack(self.mixing(round).nonzero(), axis=1) for round in range(1, self.period + 1)]
        return Topology.from_edges(
            self.peers, np.concatenate(pairs).astype(np.int64), self.names, name=self.name
        )

    def _at(self, round: int) -> _Round:
        if round < 1:
            raise ValueError(f"rounds begin at 1, not {round}")
        return self._held(round if self.period is None else (round - 1) % self.period + 1)


def repeating(
    name: str,
    rounds: Sequence[csr_array],
    *,
    finite_time: bool,
    names: Sequence[str] | None = None,
    again: Callable[[int], Schedule] | None = None,
) -> Schedule:
    """The schedule that goes through the matrices `rounds` again and again; it sees itself what they are."""
    peers = rounds[0].shape[0]
    return Schedule(
        name,
        peers,
        len(rounds),
        finite_time,
        all(_is_one(matrix.sum(axis=0)) for matrix in rounds),
        all(_is_symmetric(matrix) for matrix in rounds),
        tuple(names or map(str, range(peers))),
        partial(_pick, tuple(rounds)),
        again,
    )


def is_exact(rounds: Sequence[csr_array]) -> bool:
    """Whether these matrices, applied in turn, make all peers equal to their mean."""
    return residual(rounds) < RESIDUAL_MAX


def residual(rounds: Sequence[csr_array], absent: Collection[int] = ()) -> float:
    """max |W_T ... W_1 - J| of matrices (n, n) over all who are not `absent`.

    Above MULTIPLIED_PEERS_MAX it is what random vectors see of it.
    """
    peers = rounds[0].shape[0]
    values = np.eye(peers) if peers <= MULTIPLIED_PEERS_MAX else _probes(peers)
    here = np.ones(peers, np.bool_)
    here[[*absent]] = False
    mean = values[here].mean(axis=0)
    for matrix in rounds:
        values = matrix @ values
    return float(np.abs(values[here] - mean).max())


def _refuse_all_to_all(name: str, peers: int) -> None:
    edges = peers * (peers - 1) // 2
    if edges > EDGES_MAX:
        raise TopologyError(
            f"In the schedule {name} any two of {peers} peers may meet, {edges:.2g} pairs, and at most"
            f" {EDGES_MAX} are joined; take fewer peers, or a schedule that repeats itself."
        )


def _pick(rounds: tuple[csr_array, ...], round: int) -> csr_array:
    return rounds[round - 1]


def _probes(peers: int) -> Floats:
    from gossipfl.draws import Draws

    probes = max(1, min(PROBES, PROBED_NUMBERS_MAX // peers))
    return Draws(0).normal("probes", peers * probes).reshape(peers, probes)


def _check(schedule: Schedule) -> None:
    promise = f"The schedule {schedule.name} of {schedule.peers} peers promises"
    matrices = [schedule.mixing(round) for round in range(1, (schedule.period or 1) + 1)]
    for round, matrix in enumerate(matrices, 1):
        if not _is_one(matrix.sum(axis=1)):
            raise TopologyError(f"{promise} weights that sum to 1, but not in round {round}; correct them.")
        if schedule.doubly_stochastic and not _is_one(matrix.sum(axis=0)):
            raise TopologyError(
                f"{promise} to keep the mean, but in round {round} the weights that a peer is given do not"
                " sum to 1; correct them, or say that it is not doubly stochastic."
            )
        if schedule.symmetric and not _is_symmetric(matrix):
            raise TopologyError(
                f"{promise} that two peers weigh each other alike, but they do not in round {round};"
                " correct the weights, or say that it is not symmetric."
            )
    if schedule.finite_time and (
        schedule.period is None or (left := residual(matrices, schedule.absent)) >= RESIDUAL_MAX
    ):
        found = "it has no period" if schedule.period is None else f"one period leaves {left:.2g}"
        raise TopologyError(
            f'{promise} exact agreement, but {found}; take "base", which agrees exactly for any number of'
            " peers, or say that it is not finite-time."
        )


def _is_one(sums: ArrayLike) -> bool:
    return bool(np.abs(np.asarray(sums) - 1.0).max() < RESIDUAL_MAX)


def _is_symmetric(matrix: csr_array) -> bool:
    skew = abs(matrix - matrix.T)
    return not skew.nnz or float(skew.max()) < RESIDUAL_MAX
