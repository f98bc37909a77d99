"""Worlds of real peers whose training is a step down an unlike quadratic each, for tests of algorithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from worlds import Graph

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Algorithm, Array
from gossipfl.protocol.events import Record, Refused
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Neighbours, Targets
from gossipfl.simulator.faults import Rule, Schedule
from gossipfl.simulator.network import Network

SIZE = 3


def targets_of(graph: Graph) -> list[Targets]:
    return [Neighbours(tuple(others)) for others in graph]


@dataclass
class Quadratics:
    """`run()` it; peer p, who holds `samples[p]`, is pulled to `wanted[p]` with `curvature[p]`."""

    new_algorithm: Callable[[], Algorithm[Any]]
    graph: Graph
    rounds: int
    rate: float = 0.1
    rules: Sequence[Rule] = ()
    schedule: Schedule = field(default_factory=Schedule)
    samples: Sequence[int] = ()
    starts: Array | None = None
    targets: Sequence[Targets] = ()
    calm_after: int = 1_000_000  # rounds; then nobody learns any more

    def __post_init__(self) -> None:
        count = len(self.graph)
        draws = Draws(7, np.arange(count))
        self.samples = self.samples or [10] * count
        self.curvature = 1 + draws.uniform("curvature", SIZE)
        self.wanted = 2 + draws.normal("wanted", SIZE)
        self.lives: dict[PeerId, RoundPeer] = {}
        self.refused: list[Refused] = []
        self.network = Network(
            self.graph,
            self._new_peer,
            self._fit_many,
            rules=self.rules,
            training_s=lambda _: 1.0,
            schedule=self.schedule,
            message_bytes=lambda _: 100,
            observe=self._observe,
            killed=lambda *_: None,
        )

    def run(self) -> Quadratics:
        self.network.run()
        assert not self.refused, self.refused
        return self

    @property
    def models(self) -> Array:
        """Of those who have finished, (n, d)."""
        return np.stack([self.lives[peer].model for peer in sorted(self.network.finished)])

    @property
    def spread(self) -> float:
        """How far apart the models are."""
        return float(np.ptp(self.models, axis=0).max())

    def error(self, wanted: Array) -> float:
        """How far the models are from `wanted`."""
        return float(np.abs(self.models - wanted).max())

    def optimum(self, peers: Sequence[PeerId] | None = None, more: Array | float = 0.0) -> Array:
        """Where the gradients of `peers`, of all unless told, sum to -`more`."""
        some = list(range(len(self.graph)) if peers is None else peers)
        mass = np.array(self.samples, float)[some, None] * self.curvature[some]
        best: Array = ((mass * self.wanted[some]).sum(0) - more) / mass.sum(0)
        return best

    def gradient(self, peer: PeerId, vector: Array) -> Array:
        """Of the peer's objective, by samples."""
        slope: Array = self.samples[peer] * self.curvature[peer] * (vector - self.wanted[peer])
        return slope

    def _new_peer(self, number: PeerId, epoch: int) -> RoundPeer:
        targets = self.targets or targets_of(self.graph)
        self.lives[number] = RoundPeer(
            number,
            self.new_algorithm(),
            np.zeros(SIZE) if self.starts is None else self.starts[number],
            targets[number],
            rounds=self.rounds,
            samples=self.samples[number],
            seed=0,
            epoch=epoch,
        )
        return self.lives[number]

    def _fit_many(self, peers: Array, vectors: Array, round: int, drift: Array | None = None) -> Array:
        if round > self.calm_after:
            return vectors
        fitted: Array = vectors - self.rate * self.curvature[peers] * (vectors - self.wanted[peers])
        return fitted if drift is None else fitted + drift

    def _observe(self, peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, Refused):
            self.refused.append(record)
