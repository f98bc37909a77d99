"""What must come about once all is healed: all go on, come to agree, and finish.

Rules:
- Where links keep accounts or codes, what attackers said stays in them: there agreement is not promised.
- Nor where somebody was through with its calm rounds before all had begun again: they never met.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import RoundClosed
from gossipfl.protocol.messages import PeerId
from gossipfl.topology import SCHEDULES, Topology, mixing_matrix
from swarming.book import Violation
from swarming.lottery import PLAIN
from swarming.world import CALM_ROUNDS, World

if TYPE_CHECKING:
    from swarming.arena import Arena

SLACK_ROUNDS = 8
"""Of the calm rounds: until everybody is back and in step."""

NEAR = 0.01
"""Peers agree if they differ by less than this share of how far apart they were when all was healed; where
linear mixing itself is slower, by ten times what it leaves."""

APART_MAX = 4.0
"""Where it is not known how fast peers agree, so many times their difference is still no blow-up."""

STEP_MAX = 0.3
"""The share of their difference by which an algorithm that carries something on may move in a calm round:
momentum coasts; and who finished first, or lost a life, leaves a step or a flow that the others go on taking.
Where nobody trains any more no loss holds against it."""

SCALE_MIN = 1.0
"""So far apart they count as having been at least: a training may still be under way."""

LEAD_MAX = 8
"""Rounds that a peer may be ahead of most of its neighbours, or behind them, after the calm ones."""

EQUAL_MAX = 1.5
"""In seconds; nobody trains so long that others overtake it."""

LINEAR = ("dpsgd", "combine-then-adapt")
CARRYING = (
    "momentum",
    "quasi-global",
    "gradient-tracking",
    "extra",
    "exact-diffusion",
    "local-exact-diffusion",
)


class Liveness:
    """Of all live honest peers of `arena`."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._world = arena.world
        self._live = [peer for peer in self._world.honest if peer not in self._world.gone]
        self._scale = math.nan
        self._due: int | None = None  # the round in which all must agree
        self._closed: dict[PeerId, int] = {}  # rounds of each since the healing
        self._rounds: dict[PeerId, int] = {}  # the last one of each since the healing
        self._met = True  # whether all had closed one when the first had closed the one that is due
        self._models: dict[PeerId, Array] = {}

    def healed(self) -> None:
        """From now on rounds are counted."""
        arena = self._arena
        peers = [arena.watched[peer].peer for peer in range(self._world.peers) if arena.is_up(peer)]
        if arena.network.finished - {*self._world.gone}:
            raise Violation("pulled ahead", "Somebody finished before anybody can have trained so often.")
        models = np.stack([np.zeros(len(peers[0].model)), *(peer.model for peer in peers)])
        self._scale = max(SCALE_MIN, float(np.ptp(models, axis=0).max()))
        honest = [peer.round for peer in peers if peer.number in self._world.honest]
        self._due = max(honest, default=1) + CALM_ROUNDS - 1
        if self._due >= self._world.rounds:
            raise Violation("pulled ahead", f"Somebody honest is in round {max(honest)}, where none can be.")

    def closed(self, peer: PeerId, record: RoundClosed) -> None:
        """`peer` closed a round."""
        if self._due is None or peer not in self._live:
            return
        self._rounds[peer] = record.round
        self._closed[peer] = self._closed.get(peer, 0) + 1
        if record.round >= self._due:
            self._met = self._met and all(self._closed.get(live) for live in self._live)
            if not self._models and self._met:
                self._check_in_step()
            self._models.setdefault(peer, record.vector)

    def _check_in_step(self) -> None:
        """Nobody may have lost sight of most of its neighbours, where nobody is so slow that it is overtaken.

        Between halves nothing is promised: who is in step with one of its two neighbours believes neither.
        """
        if max(self._world.training_s) > EQUAL_MAX:
            return
        self._arena.book.checks["live peers are in step"] += 1
        for peer in self._live:
            others = self._world.neighbours[peer]
            leads = [self._rounds[peer] - self._rounds[other] for other in others if other in self._live]
            for lost in ([lead > LEAD_MAX for lead in leads], [lead < -LEAD_MAX for lead in leads]):
                if 2 * sum(lost) > len(others):
                    sentence = f"Peer {peer} is {', '.join(map(str, leads))} rounds ahead of its neighbours."
                    raise Violation("out of step", sentence)

    def check_end(self) -> None:
        """Raise `Violation` unless all came about."""
        arena, checks = self._arena, self._arena.book.checks
        for peer in self._live:
            checks["all live peers finish"] += 1
            if peer not in arena.network.finished:
                raise Violation("stuck", f"Peer {peer} has not finished, though all was healed.")
            if not self._closed.get(peer):
                raise Violation("stuck", f"Peer {peer} closed no round once all was healed.")
            arena.watched[peer].invariants.check_tables()
        self._check_agreement()

    def _check_agreement(self) -> None:
        if self._world.attackers and self._world.algorithm not in PLAIN:
            return
        if not self._met:
            self._arena.book.checks["live peers never met"] += 1
            return
        models = np.stack([self._models[peer] for peer in self._live])
        apart, most = float(np.ptp(models, axis=0).max()), self._scale * allowed(self._world)
        self._arena.book.checks["live peers agree"] += 1
        if not apart <= most + 1e-9:
            sentence = (
                f"Peers differ by {apart:.3g} after {CALM_ROUNDS} calm rounds, and {most:.3g} is allowed"
            )
            raise Violation("apart", f"{sentence}: they differed by {self._scale:.3g} when all was healed.")


def allowed(world: World) -> float:
    """The share of their difference that peers may keep."""
    if world.algorithm in CARRYING:
        return APART_MAX + STEP_MAX * CALM_ROUNDS
    if world.watched and world.attackers:
        return APART_MAX  # who is left may be joined by few
    if world.algorithm not in LINEAR or world.graph in SCHEDULES or world.gone or world.aggregator != "mean":
        return APART_MAX
    edges = [(one, other) for one, others in enumerate(world.neighbours) for other in others if one < other]
    matrix = mixing_matrix(Topology.from_edges(world.peers, edges), world.samples).toarray()
    second = max(
        _second(matrix, world.samples, range(world.peers)), _second(matrix, world.samples, world.honest)
    )
    left = second ** (CALM_ROUNDS - SLACK_ROUNDS) * math.sqrt(world.peers) * 10
    return min(APART_MAX, max(NEAR, left))


def _second(matrix: Array, samples: Sequence[int], peers: Sequence[int]) -> float:
    """The second eigenvalue of what is left of a mixing `matrix` where no other than `peers` are heard."""
    kept = matrix[np.ix_(peers, peers)]
    kept += np.diag(1.0 - kept.sum(axis=1))
    root = np.sqrt(np.asarray(samples)[list(peers)])
    return float(np.sort(np.abs(np.linalg.eigvalsh(kept * root[:, None] / root[None, :])))[-2])
