"""A world as a value: peers, how they are joined, and what befalls them.

Rules:
- Times are in virtual seconds, in which a training takes about one. Until `heals_s` things happen; then none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gossipfl.learn.registry import build_algorithm
from gossipfl.learn.robust.catalogue import build_rule
from gossipfl.protocol.targets import Neighbours, Scheduled, Targets
from gossipfl.topology import SCHEDULES, build_schedule

HEALS_S = 11.0
"""Enough for a dozen rounds, several lives and a partition or two."""

FOR_GOOD = float("inf")

CALM_ROUNDS = 20
"""Within so many rounds after the healing all must be well."""


@dataclass(frozen=True, slots=True)
class Ailment:
    """What befalls `peers` from `at_s` on, for `for_s` seconds; `size` is a factor or a share.

    crash, leave: gone, and back after `for_s`, or for good if that is infinite. pause: stands still.
    slow: these train `size` times slower. clog: what passes between the two waits for its end. cut: no word
    passes between these and all others.
    """

    kind: str
    at_s: float
    for_s: float
    peers: tuple[int, ...]
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of all updates are lost, doubled, overtaken or broken, in [0, 1)."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """Peers 0 .. n-1, each with its `neighbours`, its pace, its samples, and what befalls them."""

    seed: int
    graph: str
    neighbours: tuple[tuple[int, ...], ...]
    algorithm: str = "dpsgd"
    compressor: str | None = None
    aggregator: str = "mean"
    withstands: int = 0  # so many hostile neighbours each, by its aggregator
    trains: bool = True  # until all is healed; else in the first round alone
    gather_s: float = 3.0
    latency_s: float = 0.01
    jitter_s: float = 0.0
    samples: tuple[int, ...] = ()
    training_s: tuple[float, ...] = ()
    skew_s: tuple[float, ...] = ()
    shares: Shares = Shares()
    ailments: tuple[Ailment, ...] = ()
    attackers: tuple[tuple[int, str], ...] = ()  # who, and what it does
    heals_s: float = HEALS_S
    watched: bool = False  # peers prove that one of them contradicts itself, and shut it out

    @property
    def peers(self) -> int:
        """How many there are."""
        return len(self.neighbours)

    @property
    def rounds(self) -> int:
        """Of a run: as many as the quickest can do until all is healed, and the calm ones."""
        return int(self.heals_s / min(self.training_s)) + CALM_ROUNDS + 2

    @property
    def honest(self) -> list[int]:
        """Who is no attacker, in growing order."""
        hostile = {peer for peer, _ in self.attackers}
        return [peer for peer in range(self.peers) if peer not in hostile]

    @property
    def gone(self) -> frozenset[int]:
        """Who never comes back."""
        return frozenset(peer for each in self.ailments if each.for_s == FOR_GOOD for peer in each.peers)

    def new_algorithm(self) -> Any:
        """The algorithm of one peer."""
        options = {"bits": 12, "reach": 64.0} if self.algorithm == "moniqua" else {}
        compression = {"share": 0.5} if self.compressor and self.compressor.endswith("-k") else {}
        rule = None if self.aggregator == "mean" else build_rule(self.aggregator, self.withstands)
        return build_algorithm(
            self.algorithm, rule, compressor=self.compressor, compression=compression, options=options
        )

    def new_targets(self) -> list[Targets]:
        """Whom each peer speaks to."""
        if self.graph not in SCHEDULES:
            return [Neighbours(others) for others in self.neighbours]
        schedule = build_schedule(self.graph, self.peers, seed=self.seed)
        return [
            Scheduled(schedule, peer, {o: o for o in self.neighbours[peer]}) for peer in range(self.peers)
        ]
