"""Real peers in virtual time that start from vectors of our own, and what becomes of them round by round.

The peers, their messages, their patience and their network are those of `gossipfl.simulate`; only the vectors
are ours, so that laws about averaging can be measured without a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.learn.contracts import Algorithm
from gossipfl.protocol.events import Record, Refused, RoundClosed
from gossipfl.protocol.messages import PeerId, Traffic
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Neighbours, Scheduled, Targets
from gossipfl.protocol.wire import message_bytes
from gossipfl.simulator.faults import PASS, Latency, Loss, Rule
from gossipfl.simulator.network import Network
from gossipfl.topology import Topology, build_topology
from gossipfl.topology.schedule import Schedule

Vectors = NDArray[Any]
"""(n, d): one row per peer."""

Fit = Callable[[Vectors, Vectors, int], Vectors]
"""(peers (m,), vectors (m, d), round) -> vectors (m, d)."""

TRAINING_S, LATENCY_S = 1.0, 0.01
FIRST_S = 1.5
"""All have spoken in the first round, and nobody in the second."""


@dataclass
class Gossip:
    """`rounds` of `algorithm` among peers that begin at the rows of `starts` (n, d) and train by `fit`.

    `measure(vectors)` is asked once every peer has closed a round; its answers are `measured`, the first of
    them for `starts`. `vectors` are the last. Without `fit` nobody trains.
    """

    algorithm: Algorithm[Any]
    starts: Vectors
    graph: Topology | Schedule
    rounds: int
    measure: Callable[[Vectors], Any]
    fit: Fit | None = None
    loss: float = 0.0
    seed: int = 0
    measured: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.vectors = self.starts.copy()
        self._open: dict[int, dict[PeerId, Vectors]] = {}

    def run(self) -> Gossip:
        """Let it happen."""
        union = _all_who_meet(self.graph)
        network = Network(
            [union.neighbours(peer) for peer in range(union.peers)],
            self._new_peer,
            lambda peers, vectors, round, *_: self._trained(peers, vectors, round),
            rules=(Latency(LATENCY_S), self._losing(Loss(self.loss, self.seed))),
            training_s=lambda _: TRAINING_S,
            message_bytes=message_bytes,
            observe=self._observe,
            killed=lambda *_: None,
        )
        self.measured.append(self.measure(self.starts))
        network.run()
        self.traffic: Traffic = network.traffic
        return self

    def _losing(self, rule: Rule) -> Rule:
        """`rule` from the second round on: who has heard nobody yet takes what it first hears for its own."""
        return lambda sender, to, message, now: rule(sender, to, message, now) if now > FIRST_S else PASS

    def _trained(self, peers: Vectors, vectors: Vectors, round: int) -> Vectors:
        return vectors if self.fit is None else self.fit(peers, vectors, round)

    def _new_peer(self, number: PeerId, epoch: int) -> RoundPeer:
        return RoundPeer(
            number,
            self.algorithm,
            self.starts[number],
            self._targets(number),
            rounds=self.rounds,
            samples=1,
            seed=self.seed,
            epoch=epoch,
            weigh_samples=False,
        )

    def _targets(self, number: PeerId) -> Targets:
        if isinstance(self.graph, Topology):
            return Neighbours(self.graph.neighbours(number))
        met = _all_who_meet(self.graph).neighbours(number)
        return Scheduled(self.graph, number, {peer: peer for peer in met})

    def _observe(self, peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, Refused):
            if record.reason != "stale":  # as happens where messages are lost
                raise RuntimeError(f"peer {peer} refused peer {record.sender}: {record.reason}")
            return
        if not isinstance(record, RoundClosed):
            return
        self.vectors[peer] = record.vector
        closed = self._open.setdefault(record.round, {})
        closed[peer] = record.vector
        if len(closed) == len(self.starts):
            del self._open[record.round]
            self.measured.append(self.measure(np.stack([closed[each] for each in sorted(closed)])))


def _all_who_meet(graph: Topology | Schedule) -> Topology:
    if isinstance(graph, Topology):
        return graph
    return build_topology("complete", graph.peers) if graph.period is None else graph.union()


def squared_distance(vectors: Vectors) -> float:
    """The squared distance (1/n) sum |x_i - mean|^2 of vectors (n, d)."""
    apart = vectors - vectors.mean(axis=0)
    return float((apart * apart).sum() / len(vectors))
