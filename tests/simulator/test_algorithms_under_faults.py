"""What loss, a crash and a late joiner cost each algorithm is what its docstring promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from quadratics import Quadratics
from worlds import Graph, ring

from gossipfl.learn.registry import build_algorithm
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.protocol.targets import Scheduled
from gossipfl.simulator.faults import PASS, Latency, Loss, Rule, Schedule, Verdict
from gossipfl.topology.scheduling import build_schedule

PEERS, SAMPLES = 6, (10, 20, 15, 10, 20, 15)


class Case(NamedTuple):
    rate: float
    rounds: int
    graph: Graph = ring(PEERS)


CHAIN = [[1], [0, 2], [1, 3], [2, 4], [3, 5], [4]]
EXACT = {
    "gradient-tracking": Case(0.12, 250),
    "exact-diffusion": Case(0.35, 160),
    "extra": Case(0.35, 160),
    "local-exact-diffusion": Case(0.35, 160),
    "relay": Case(0.3, 140, CHAIN),
}
INEXACT = ("dpsgd", "combine-then-adapt", "momentum", "quasi-global", "push-sum")
SLOW, NEAR = Case(0.025, 240), 0.2  # peers that learn alone end up .6 to .9 away
FLOWING = ("exact-diffusion", "extra", "local-exact-diffusion")


class LossUntil:
    """A tenth of the updates of all rounds before `round` is lost."""

    def __init__(self, round: int, share: float = 0.1) -> None:
        self._round = round
        self._loss = Loss(share, 3)

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        verdict = self._loss(sender, to, message, now)
        early = isinstance(message, Update) and message.round < self._round
        return verdict if early else PASS


def world(
    name: str,
    case: Case,
    schedule: Schedule | None = None,
    rules: Sequence[Rule] = (),
    calm_after: int = 1_000_000,
) -> Quadratics:
    return Quadratics(
        lambda: build_algorithm(name),
        case.graph,
        case.rounds,
        case.rate,
        rules=(Latency(0.01), *rules),
        schedule=schedule or Schedule(),
        samples=SAMPLES,
        calm_after=calm_after,
    ).run()


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_method_is_exact_though_a_tenth_of_all_updates_is_lost_for_long(name: str) -> None:
    case = EXACT[name]
    lossy = world(name, case, rules=(LossUntil(case.rounds // 2),))
    assert lossy.network.traffic.messages_lost > 40
    assert lossy.error(lossy.optimum()) < 1e-9


@pytest.mark.parametrize("name", EXACT)
def test_it_is_exact_while_updates_are_being_lost(name: str) -> None:
    """All but the last few rounds: a neighbour whose last word is lost is taken for dead when it leaves."""
    case = EXACT[name]
    lossy = world(name, case, rules=(LossUntil(case.rounds - 5, 0.05),))
    assert lossy.error(lossy.optimum()) < 1e-9


@pytest.mark.parametrize("name", INEXACT)
def test_loss_leaves_an_inexact_method_near_the_optimum(name: str) -> None:
    lossy = world(name, SLOW, rules=(LossUntil(SLOW.rounds // 2),), calm_after=SLOW.rounds // 2)
    assert lossy.network.traffic.messages_lost > 40
    assert lossy.spread < 1e-5
    assert 1e-3 < lossy.error(lossy.optimum()) < NEAR


@pytest.mark.parametrize("kind", ["directed-exponential", "random-peers"])
def test_tracking_is_exact_on_changing_graphs_though_updates_are_lost(kind: str) -> None:
    rounds = build_schedule(kind, PEERS)
    union = rounds.union()
    graph = [list(union.neighbours(peer)) for peer in range(PEERS)]
    targets = [Scheduled(rounds, peer, {other: other for other in graph[peer]}) for peer in range(PEERS)]
    lossy = Quadratics(
        lambda: build_algorithm("gradient-tracking"),
        graph,
        250,
        0.1,
        rules=(Latency(0.01), LossUntil(120)),
        samples=SAMPLES,
        targets=targets,
    ).run()
    assert lossy.network.traffic.messages_lost > 40
    assert lossy.error(lossy.optimum()) < 1e-9


LATE = Schedule(kills={5: 1}, restarts={5: 20})
CRASH = Schedule(kills={5: 1, 2: 40}, restarts={5: 20})
BACK = Schedule(kills={5: 1, 2: 40}, restarts={5: 20, 2: 60})


@pytest.mark.parametrize("name", EXACT)
def test_a_late_joiner_brings_its_data_in_without_a_bias(name: str) -> None:
    late = world(name, EXACT[name], LATE, (LossUntil(60),))
    assert len(late.network.finished) == PEERS
    assert late.error(late.optimum()) < 1e-9


@pytest.mark.parametrize("name", FLOWING)
def test_what_flowed_to_a_dead_peer_is_taken_back(name: str) -> None:
    crashed = world(name, EXACT[name]._replace(rounds=320), CRASH, (LossUntil(60),))
    alive = sorted(crashed.network.finished)
    assert alive == [0, 1, 3, 4, 5]
    assert crashed.error(crashed.optimum(alive)) < 1e-9
    back = world(name, EXACT[name]._replace(rounds=220), BACK, (LossUntil(60),))
    assert back.error(back.optimum()) < 1e-9


def test_a_dead_peers_last_step_stays_in_what_is_tracked() -> None:
    case = EXACT["gradient-tracking"]
    crashed = world("gradient-tracking", case._replace(rounds=300), Schedule(kills={2: 120}))
    alive = sorted(crashed.network.finished)
    best = crashed.optimum()
    assert crashed.error(best) < 1e-5
    assert crashed.error(crashed.optimum(alive)) > 0.05
    back = world("gradient-tracking", case, Schedule(kills={2: 120}, restarts={2: 130}))
    assert back.error(back.optimum(more=back.gradient(2, best))) < 1e-5


def test_a_tree_that_is_cut_is_two_trees_until_it_is_joined_again() -> None:
    cut = world("relay", EXACT["relay"], Schedule(kills={2: 40}))
    models = dict(zip(sorted(cut.network.finished), cut.models, strict=True))
    for part in ([0, 1], [3, 4, 5]):
        for peer in part:
            np.testing.assert_allclose(models[peer], cut.optimum(part), atol=1e-9)
    joined = world("relay", EXACT["relay"]._replace(rounds=180), Schedule(kills={2: 40}, restarts={2: 60}))
    assert joined.error(joined.optimum()) < 1e-9


@pytest.mark.parametrize("name", INEXACT)
def test_a_crash_and_a_late_joiner_leave_an_inexact_method_near_the_optimum(name: str) -> None:
    faulty = world(name, SLOW, CRASH, (LossUntil(60),), calm_after=SLOW.rounds // 2)
    alive = sorted(faulty.network.finished)
    assert alive == [0, 1, 3, 4, 5]
    assert faulty.spread < 1e-3
    assert faulty.error(faulty.optimum(alive)) < NEAR
