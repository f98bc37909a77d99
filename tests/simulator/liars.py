"""Peers that tell their neighbours different things of one round, for tests of who finds out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from worlds import Graph, World, random_graph

from gossipfl.draws import Draws
from gossipfl.protocol.messages import Doubt, Message, PeerId, Proof, Shown, Update, Witness
from gossipfl.simulator.faults import LOST, PASS, Instead, Schedule, Verdict
from gossipfl.topology import build_topology


@dataclass
class Equivocation:
    """From round `begins` on each liar tells those in `lied_to` another model, and says nothing of others."""

    lied_to: dict[PeerId, frozenset[PeerId]]
    begins: int = 5
    _lies: dict[PeerId, tuple[Update, Update]] = field(default_factory=dict)  # the last truth and its lie

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Lie, or not."""
        if sender not in self.lied_to:
            return PASS
        if isinstance(message, Witness | Doubt | Shown | Proof):
            return LOST
        if not isinstance(message, Update) or message.round < self.begins or to not in self.lied_to[sender]:
            return PASS
        truth, lie = self._lies.get(sender, (None, message))
        if truth is not message:
            vector, number = message.payload
            lie = replace(message, payload=(vector + 1.0, number + 1_000_000))
            self._lies[sender] = message, lie
        return Instead((lie,))


def regular(peers: int, degree: int, seed: int) -> Graph:
    graph = build_topology("k-regular", peers, degree=degree, seed=seed)
    return [[int(other) for other in graph.neighbours(peer)] for peer in range(peers)]


def equivocation(graph: Graph, liars: int, seed: int, *, to_one: bool) -> Equivocation:
    """So many liars, drawn at random, who lie to half of their honest neighbours, or to one alone."""
    order = np.argsort(Draws(seed, np.arange(len(graph))).uniform("liars", 1)[:, 0]).tolist()
    chosen = order[:liars]
    lied_to = {}
    for liar in chosen:
        honest = [other for other in order if other in graph[liar] and other not in chosen]
        lied_to[liar] = frozenset(honest[: 1 if to_one else len(honest) // 2])
    return Equivocation(lied_to)


def found_out(world: World, liars: Collection[PeerId], begins: int = 5) -> dict[tuple[PeerId, PeerId], int]:
    """(honest neighbour, liar) -> how many rounds after the first lie it shut the liar out."""
    took: dict[tuple[PeerId, PeerId], int] = {}
    for peer, now, quarantined in world.quarantined:
        if peer not in liars and quarantined.peer in liars:
            closed = sum(closed_at <= now for closed_at in world.ended_s(peer))
            took.setdefault((peer, quarantined.peer), closed + 1 - begins)
    return took


def wronged(world: World, liars: Collection[PeerId]) -> list[PeerId]:
    """The honest peers whom anybody honest has shut out."""
    return [who.peer for peer, _, who in world.quarantined if peer not in liars and who.peer not in liars]


def random_world(seed: int) -> World:
    """Loss, jitter, a slow peer, a kill and a restart; in later rounds training and loss rest."""
    draws = Draws(seed, round=7)
    chance = draws.uniform("world", 8)
    peers = 3 + int(chance[0] * (10))
    slow = {int(chance[1] * peers): 1.0 + 20.0 * chance[2]} if chance[3] < 0.5 else {}
    killed = int(chance[4] * peers)
    schedule = Schedule(
        kills={killed: 1 + int(chance[5] * 10)} if chance[6] < 0.7 else {},
        restarts={killed: 3 + int(chance[5] * 12)} if chance[7] < 0.7 else {},
    )
    return World(
        random_graph(peers, draws),
        rounds=25,
        seed=seed,
        latency_s=0.05,
        jitter_s=0.5 * float(chance[2]),
        loss=0.3 * float(chance[3]),
        slow=slow,
        schedule=schedule,
        calm_after=15,
        samples=[1 + int(word % 50) for word in draws.words("samples", peers)],
    )
