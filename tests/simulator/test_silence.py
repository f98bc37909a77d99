"""Neighbours that fall silent, are slow or are gone: what they cost, who stands in, and who plans anew."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from worlds import World, complete, random_graph, ring

from gossipfl.draws import Draws
from gossipfl.experiment.meeting import drawn_reserves
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.contracts import Array
from gossipfl.protocol.acquaintance import SILENCE_MAX
from gossipfl.protocol.events import Record, Regarded, RoundClosed
from gossipfl.protocol.messages import Message, PeerId
from gossipfl.protocol.patience import FACTOR, FLOOR_S, OWN_MAX
from gossipfl.protocol.replanning import Replanning
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.stand_ins import STAND_INS_MAX, StandIns
from gossipfl.protocol.targets import Scheduled, Targets
from gossipfl.simulator.faults import Latency, Loss, Lost, Pass, Rule, Schedule, Verdict
from gossipfl.simulator.network import Network
from gossipfl.topology import Topology, build_schedule

TRAINING_S = 1.0


class Mute:
    """Nothing that `peer` says arrives from `from_s` on, and its links stay up."""

    def __init__(self, peer: PeerId, from_s: float = 5.0, to_s: float = np.inf) -> None:
        self.peer, self.from_s, self.to_s = peer, from_s, to_s

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        return Lost() if sender == self.peer and self.from_s <= now < self.to_s else Pass()


def suspicions(world: World, of: PeerId) -> list[PeerId]:
    """Who suspects it, once for each time."""
    return [peer for peer, record in world.regarded if record == Regarded(of, "suspected")]


@pytest.mark.parametrize("graph", [ring(8), complete(6)], ids=["ring", "complete"])
def test_a_silent_peer_costs_each_neighbour_two_waits_and_is_suspected_once(graph: list[list[int]]) -> None:
    rounds = 60
    quiet = World(graph, rounds=rounds, rules=(Mute(0),)).run()
    swift = World(graph, rounds=rounds).run()
    assert sorted(suspicions(quiet, 0)) == graph[0]
    for peer in range(1, len(graph)):
        lost_s = quiet.ended_s(peer)[-1] - swift.ended_s(peer)[-1]
        assert lost_s <= SILENCE_MAX * FACTOR * TRAINING_S
        assert quiet.ended_s(peer)[-1] <= 1.2 * swift.ended_s(peer)[-1]


@pytest.mark.parametrize("seed", range(6))
def test_no_round_is_over_its_deadline_whatever_is_silent_slow_or_gone(seed: int) -> None:
    graph = random_graph(9, Draws(seed))
    world = World(
        graph,
        rounds=40,
        seed=seed,
        loss=0.1 * (seed % 3),
        slow={1: 20.0},
        rules=(Mute(2),),
        schedule=Schedule(kills={3: 9}),
    ).run()
    deadline_s = TRAINING_S + max(FLOOR_S, OWN_MAX * TRAINING_S)
    for peer in set(range(9)) - {1}:
        durations = [record.duration_s for _, record in world.closed[peer]]
        assert max(durations) <= deadline_s


@pytest.mark.parametrize(
    ("rules", "slow", "kills"),
    [((), {0: 20.0}, {}), ((Mute(0, 3.0),), {}, {}), ((), {}, {0: 4})],
    ids=["slow", "silent", "gone"],
)
def test_survivors_finish_within_1_2_times(
    rules: tuple[Mute, ...], slow: dict[int, float], kills: dict[int, int]
) -> None:
    rounds, graph = 60, ring(8)
    swift = World(graph, rounds=rounds).run()
    hurt = World(graph, rounds=rounds, rules=rules, slow=slow, schedule=Schedule(kills=kills)).run()
    for peer in range(1, len(graph)):
        assert len(hurt.closed[peer]) == rounds
        assert hurt.ended_s(peer)[-1] <= 1.2 * swift.ended_s(peer)[-1]


def test_a_suspected_peer_is_waited_for_again_once_it_speaks() -> None:
    world = World(complete(4), rounds=40, rules=(Mute(0, 5.0, 20.0),)).run()
    assert sorted(suspicions(world, 0)) == [1, 2, 3]
    for peer in (1, 2, 3):
        late = [record.heard for now, record in world.closed[peer] if now > 25.0]
        assert late
        assert min(late) == 3


# Stand-ins

KILLED = (2, 3, 4, 7, 8, 9, 12, 13, 14, 15)
"""Ten of sixteen around a ring, so that three pairs are left, cut off from one another."""


def ring_with_reserves(seed: int, reserves: int, kills: dict[PeerId, int], rounds: int = 120) -> World:
    topology = Topology.from_edges(16, np.array([(peer, (peer + 1) % 16) for peer in range(16)]))
    known = drawn_reserves(topology, reserves, seed) or ((),) * 16
    graph = ring(16)

    def targets(peer: PeerId) -> Targets:
        return StandIns(tuple(graph[peer]), known[peer], Draws(seed, peer), rounds)

    links = [sorted((*graph[peer], *known[peer])) for peer in range(16)]
    schedule = Schedule(kills=kills)
    return World(links, rounds=rounds, seed=seed, schedule=schedule, calm_after=20, targets=targets)


def spread(world: World) -> float:
    """How far the models of those who have finished are apart."""
    return float(np.ptp(world.models[:, 0]))


@pytest.mark.parametrize("seed", range(5))
def test_the_living_of_a_ring_that_is_cut_apart_agree_by_stand_ins(seed: int) -> None:
    kills = dict.fromkeys(KILLED, 15)
    apart = ring_with_reserves(seed, 0, kills).run()
    together = ring_with_reserves(seed, 3, kills).run()
    assert len(apart.network.finished) == len(together.network.finished) == 6
    assert spread(apart) > 1.0
    assert spread(together) < 1e-3 * spread(apart)
    for peer in together.network.finished:
        degree = len(together.lives[peer]._targets.speaks_to(120))
        assert degree <= 2 + 2 + 1 + 2


def test_reserves_that_nobody_needs_change_nothing() -> None:
    with_them, without = ring_with_reserves(1, 3, {}).run(), ring_with_reserves(1, 0, {}).run()
    assert with_them.models.tobytes() == without.models.tobytes()
    assert not with_them.regarded
    assert with_them.network.traffic.messages_sent == without.network.traffic.messages_sent


@pytest.mark.parametrize("seed", range(12))
def test_in_random_worlds_stand_ins_are_bounded_and_all_finish(seed: int) -> None:
    """Inside, each use of an update is the first, and the weights of a round are positive and sum to 1."""
    draws, rounds, peers = Draws(seed, round=3), 50, 12
    graph = random_graph(peers, draws)
    edges = [(one, other) for one in range(peers) for other in graph[one] if one < other]
    known = drawn_reserves(Topology.from_edges(peers, np.array(edges)), 2, seed)
    killed = draws.permutation("killed", peers)[:7].tolist()
    kills = {peer: 3 + place for place, peer in enumerate(killed)}
    restarts = dict.fromkeys(killed[::3], 25)
    world = World(
        [sorted((*graph[peer], *known[peer])) for peer in range(peers)],
        rounds=rounds,
        seed=seed,
        loss=0.2 * (seed % 2),
        jitter_s=0.3 * (seed % 3),
        slow={0: 6.0} if seed % 4 == 1 else {},
        schedule=Schedule(kills=kills, restarts=restarts),
        targets=lambda peer: StandIns(tuple(graph[peer]), known[peer], Draws(seed, peer), rounds),
    ).run()
    assert world.network.finished == set(range(peers)) - (set(killed) - set(restarts))
    for peer in world.network.finished:
        more = len(world.lives[peer]._targets.speaks_to(rounds)) - len(graph[peer])
        assert 0 <= more <= STAND_INS_MAX + max(1, len(graph[peer]) // 2)
    assert {refused.reason for _, refused in world.refused} <= {"stale"}


# Plans made anew


@dataclass
class Planned:
    """Peers of a base graph that add their number to their model until `calm_after`, then only average."""

    peers: int = 25
    rounds: int = 40
    replan: bool = True
    kills: dict[PeerId, int] = field(default_factory=dict)
    restarts: dict[PeerId, int] = field(default_factory=dict)
    loss: float = 0.0
    jitter_s: float = 0.0
    calm_after: int = 10
    seed: int = 0

    def run(self) -> Planned:
        self.plan = build_schedule("base", self.peers)
        self.vectors: dict[int, dict[PeerId, Array]] = {}
        self.regarded: list[tuple[PeerId, float, Regarded]] = []
        self.ended_s: dict[PeerId, float] = {}
        links = [tuple(self.plan.union().neighbours(peer)) for peer in range(self.peers)]
        if self.replan:
            links = [tuple(map(int, others)) for others in complete(self.peers)]
        self.links = links
        rules: tuple[Rule, ...] = Latency(0.01, self.jitter_s, self.seed), Loss(self.loss, self.seed)
        self.network = Network(
            links,
            self._new_peer,
            self._fit,
            rules=rules,
            training_s=lambda _: TRAINING_S,
            schedule=Schedule(kills=self.kills, restarts=self.restarts),
            message_bytes=lambda _: 1,
            observe=self._observe,
            killed=lambda *_: None,
        )
        self.network.run()
        return self

    def residual(self, round: int) -> float:
        """How far those who closed `round` are from their mean, relative to it."""
        values = np.stack(list(self.vectors[round].values()))
        return float(np.abs(values - values.mean(axis=0)).max() / np.abs(values).max())

    def _new_peer(self, number: PeerId, epoch: int) -> RoundPeer:
        numbers = {other: other for other in self.links[number]}
        targets: Targets = (
            Replanning(self.plan, number, numbers, self.rounds)
            if self.replan
            else Scheduled(self.plan, number, numbers)
        )
        start = Draws(0, number).normal("start", 3)
        return RoundPeer(number, Dpsgd(), start, targets, rounds=self.rounds, samples=1, seed=0, epoch=epoch)

    def _fit(self, peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        return vectors + (peers[:, None] if round <= self.calm_after else 0.0)

    def _observe(self, peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, RoundClosed):
            self.ended_s[peer] = now
            self.vectors.setdefault(record.round, {})[peer] = record.vector
        elif isinstance(record, Regarded):
            self.regarded.append((peer, now, record))


def test_after_a_loss_the_living_agree_exactly_again_after_one_period() -> None:
    killed = {3: 10, 7: 10, 19: 10}
    anew, stalled = Planned(kills=killed).run(), Planned(kills=killed, replan=False).run()
    period = 8  # of the base graph of the 22 who are left
    assert anew.residual(10 + period) < 1e-12
    assert min(stalled.residual(round) for round in range(11, 41)) > 1e-6
    gone = sorted((peer, record.peer) for peer, _, record in anew.regarded if record.state == "gone")
    assert gone == [(peer, lost) for peer in range(25) if peer not in killed for lost in killed]


def test_without_a_loss_links_to_all_change_no_model() -> None:
    anew, before = Planned(peers=9, rounds=20).run(), Planned(peers=9, rounds=20, replan=False).run()
    for round, vectors in anew.vectors.items():
        assert all((vectors[peer] == before.vectors[round][peer]).all() for peer in range(9))
    assert not anew.regarded
    assert anew.network.traffic.messages_sent == before.network.traffic.messages_sent


def test_who_is_back_is_planned_for_again_and_all_agree_exactly() -> None:
    world = Planned(peers=9, rounds=60, kills={4: 8}, restarts={4: 20}, calm_after=25).run()
    assert {record.state for _, _, record in world.regarded} >= {"gone", "back"}
    assert len(world.vectors[60]) == 9
    assert world.residual(60) < 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_in_random_worlds_no_live_peer_is_out_of_the_plan_for_good(seed: int) -> None:
    draws, peers = Draws(seed, round=5), 9 + seed
    killed = draws.permutation("killed", peers)[: 2 + seed % 3].tolist()
    world = Planned(
        peers=peers,
        rounds=80,
        kills={peer: 5 + place for place, peer in enumerate(killed)},
        restarts={peer: 30 + place for place, peer in enumerate(killed[1:])},
        loss=0.15 * (seed % 2),
        jitter_s=0.4 * (seed % 3),
        calm_after=30,
        seed=seed,
    ).run()
    gone: dict[PeerId, dict[PeerId, float]] = {}
    for peer, now, record in world.regarded:
        lost = gone.setdefault(peer, {})
        lost.pop(record.peer, None)
        if record.state == "gone":
            lost[record.peer] = now
    living = set(range(peers)) - {killed[0]}
    assert world.network.finished == living
    for peer in living - set(killed):
        for other, now in gone.get(peer, {}).items():
            assert other == killed[0] or world.ended_s[other] < now, "it has finished, or is dead"
