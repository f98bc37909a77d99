"""Small worlds for tests: real peers with a toy model in virtual time, everything they do being watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import ONE, Array, Heard, Payload
from gossipfl.protocol.events import (
    Effect,
    Event,
    Finished,
    Quarantined,
    Record,
    Refused,
    Regarded,
    RoundClosed,
    Send,
    Stop,
)
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.protocol.notary import Sealed, author_of
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Neighbours, Targets
from gossipfl.protocol.watch import Watch
from gossipfl.simulator.faults import Latency, Loss, Rule, Schedule
from gossipfl.simulator.network import Network

Graph = Sequence[Sequence[PeerId]]


def complete(peers: int) -> Graph:
    return [[other for other in range(peers) if other != peer] for peer in range(peers)]


def ring(peers: int) -> Graph:
    return [sorted({(peer - 1) % peers, (peer + 1) % peers}) for peer in range(peers)]


def random_graph(peers: int, draws: Draws) -> Graph:
    """A ring with random chords: connected, and more so for some peers than for others."""
    graph = [set(neighbours) for neighbours in ring(peers)]
    for one, other in draws.integers("chords", 2 * peers, peers).reshape(-1, 2):
        if one != other:
            graph[one].add(int(other))
            graph[other].add(int(one))
    return [sorted(neighbours) for neighbours in graph]


class Toy(NamedTuple):
    """The state of `Watching`."""

    vector: Array


@dataclass
class Watching:
    """D-PSGD whose updates carry a number of their own, so that each use of them can be told."""

    numbers: count[int]
    lies: bool = False  # in round 2 it says NaN
    used: list[int] = field(default_factory=list)

    def start(self, vector: Array, mass: Array = ONE) -> Toy:
        return Toy(vector)

    def model(self, state: Toy) -> Array:
        return state.vector

    def learned(self, state: Toy, vector: Array) -> Toy:
        return Toy(vector)

    def speak(self, state: Toy, share: Array, draws: Draws) -> tuple[Payload, Toy]:
        vector = np.full(2, np.nan) if self.lies and draws.round == 2 else state.vector
        return (vector, np.array([next(self.numbers)])), state

    def listen(self, state: Toy, heard: Heard) -> Toy:
        vectors, numbers = heard.payload
        assert heard.own_weight >= 0
        assert (heard.weights > 0).all()
        assert np.isclose(heard.own_weight + heard.weights.sum(), 1.0, rtol=0, atol=1e-12)
        self.used += numbers[:, 0].tolist()
        return Toy(heard.own_weight * state.vector + heard.weights @ vectors)


class Watched:
    """A peer that tells `witness` what it is given and what it asks for."""

    def __init__(
        self,
        peer: RoundPeer,
        witness: Callable[[RoundPeer, float, Event, list[Effect]], None],
        watch: Watch | None = None,
    ) -> None:
        self.peer = peer
        self._witness = witness
        self._handles = watch or peer

    def handle(self, event: Event, now: float) -> list[Effect]:
        before = self.peer.round
        effects = self._handles.handle(event, now)
        assert self.peer.round >= before, "a peer's round goes back"
        self._witness(self.peer, now, event, effects)
        return effects


@dataclass
class World:
    """`run()` it, then ask it; peer p's training adds p + 1 to its model until `calm_after`, then nothing."""

    neighbours: Graph
    rounds: int = 3
    seed: int = 0
    latency_s: float = 0.01
    jitter_s: float = 0.0
    loss: float = 0.0
    slow: dict[PeerId, float] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    rules: tuple[Rule, ...] = ()
    calm_after: int = 1_000
    fit: Callable[[PeerId, int, Array], Array] | None = None
    samples: Sequence[int] = ()
    liar: PeerId | None = None
    targets: Callable[[PeerId], Targets] | None = None
    watches: bool = False
    witness: Callable[[RoundPeer, float, Event, list[Effect]], None] = lambda *_: None
    message_bytes: Callable[[Message], int] = lambda _: 100

    def __post_init__(self) -> None:
        self.algorithms: list[Watching] = []
        self.lives: dict[PeerId, RoundPeer] = {}
        self.closed: dict[PeerId, list[tuple[float, RoundClosed]]] = {}
        self.refused: list[tuple[PeerId, Refused]] = []
        self.regarded: list[tuple[PeerId, Regarded]] = []
        self.quarantined: list[tuple[PeerId, float, Quarantined]] = []
        self.killed: list[PeerId] = []
        self.happened: list[tuple[str, float, tuple[PeerId, ...]]] = []
        self._numbers = count()
        latency = Latency(self.latency_s, self.jitter_s, self.seed)
        loss = (Loss(self.loss, self.seed),) if self.loss else ()
        self.network = Network(
            self.neighbours,
            self._new_peer,
            self._fit_many,
            rules=(latency, *loss, *self.rules),
            training_s=lambda peer: self.slow.get(peer, 1.0),
            schedule=self.schedule,
            seed=self.seed,
            marked=lambda *facts: self.happened.append(facts),
            message_bytes=self.message_bytes,
            observe=self._observe,
            killed=lambda peer, _: self.killed.append(peer),
        )

    def run(self) -> World:
        self.network.run()
        for algorithm in self.algorithms:
            assert len(set(algorithm.used)) == len(algorithm.used), "an update was used twice"
        return self

    @property
    def models(self) -> Array:
        """Of those who have finished, (n, d)."""
        return np.stack([self.lives[peer].model for peer in sorted(self.network.finished)])

    def ended_s(self, peer: PeerId) -> list[float]:
        """When `peer` closed each of its rounds."""
        return [now for now, _ in self.closed[peer]]

    def _new_peer(self, number: PeerId, epoch: int) -> Watched:
        self.algorithms.append(Watching(self._numbers, number == self.liar))
        targets = self.targets(number) if self.targets else Neighbours(tuple(self.neighbours[number]))
        self.lives[number] = RoundPeer(
            number,
            self.algorithms[-1],
            np.zeros(2),
            targets,
            rounds=self.rounds,
            samples=self.samples[number] if self.samples else 10,
            seed=self.seed,
            epoch=epoch,
        )
        return Watched(self.lives[number], self.witness, self._watch(number, targets))

    def _watch(self, number: PeerId, targets: Targets) -> Watch | None:
        authors = {other: author_of(other) for other in targets.peers}
        return Watch(self.lives[number], targets, authors, Sealed()) if self.watches else None

    def _fit_many(self, peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        if self.fit is not None:
            return np.stack([self.fit(int(p), round, v) for p, v in zip(peers, vectors, strict=True)])
        return vectors + (peers[:, None] + 1.0 if round <= self.calm_after else 0.0)

    def _observe(self, peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, Refused):
            self.refused.append((peer, record))
        elif isinstance(record, Regarded):
            self.regarded.append((peer, record))
        elif isinstance(record, Quarantined):
            self.quarantined.append((peer, now, record))
        else:
            self.closed.setdefault(peer, []).append((now, record))


__all__ = [
    "Effect",
    "Event",
    "Finished",
    "Graph",
    "Send",
    "Stop",
    "Update",
    "World",
    "complete",
    "random_graph",
    "ring",
]
