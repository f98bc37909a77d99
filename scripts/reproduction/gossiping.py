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
from gossipfl.protocol.events import Refused, RoundClosed
from gossipfl.protocol.messages import PeerId, Traffic
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Neighbours, Scheduled, Targets
from gossipfl.protocol.wire import message_bytes
from gossipfl.simulator.faults import Latency, Loss
from gossipfl.simulator.network import FitMany, Network
from gossipfl.topology import Topology
from gossipfl.topology.schedule import Schedule

Vectors = NDArray[Any]
"""(n, d): one row per peer."""

LATENCY_S = 0.01


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
    fit: FitMany | None = None
    loss: float = 0.0
    seed: int = 0
    measured: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.vectors = self.starts.copy()
        self._open: dict[int, dict[PeerId, Vectors]] = {}

    def run(self) -> Gossip:
        """Let it happen."""
        union = self.graph.union() if isinstance(self.graph, Schedule) else self.graph
        network = Network(
            [union.neighbours(peer) for peer in range(union.peers)],
            self._new_peer,
            self.fit or _untrained,
            rules=(Latency(LATENCY_S), *([Loss(self.loss, self.seed)] if self.loss else [])),
            training_s=lambda _: 1.0,
            message_bytes=message_bytes,
            observe=self._observe,
            killed=lambda *_: None,
        )
        self.measured.append(self.measure(self.starts))
        network.run()
        self.traffic: Traffic = network.traffic
        return self

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
        met = self.graph.union().neighbours(number)
        return Scheduled(self.graph, number, {peer: peer for peer in met})

    def _observe(self, peer: PeerId, now: float, record: RoundClosed | Refused) -> None:
        if isinstance(record, Refused):
            raise RuntimeError(f"peer {peer} refused what peer {record.sender} said: {record.reason}")
        self.vectors[peer] = record.vector
        closed = self._open.setdefault(record.round, {})
        closed[peer] = record.vector
        if len(closed) == len(self.starts):
            del self._open[record.round]
            self.measured.append(self.measure(np.stack([closed[each] for each in sorted(closed)])))


def _untrained(_peers: Vectors, vectors: Vectors, _round: int) -> Vectors:
    return vectors


def squared_distance(vectors: Vectors) -> float:
    """The squared distance (1/n) sum |x_i - mean|^2 of vectors (n, d)."""
    apart = vectors - vectors.mean(axis=0)
    return float((apart * apart).sum() / len(vectors))
