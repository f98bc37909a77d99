"""What befalls peers and their network: lives, pauses, cuts, clocks and conditions, each as a claim."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from test_verdicts import Log
from worlds import Graph, World, complete, random_graph, ring

from gossipfl.draws import Draws
from gossipfl.protocol.events import Joined, Left, Received
from gossipfl.protocol.gathering import GATHER_S
from gossipfl.protocol.messages import PeerId, Update
from gossipfl.protocol.round_peer import Phase
from gossipfl.simulator.faults import (
    Absence,
    Back,
    Bandwidth,
    Churn,
    Corruption,
    Deliver,
    DropOut,
    Duplication,
    Fault,
    Kill,
    LatencyMatrix,
    Leave,
    LogNormalLatency,
    Partition,
    Pause,
    Reordering,
    Schedule,
    Sessions,
    Skew,
    Slow,
)
from gossipfl.simulator.faults.attendance import Churned
from gossipfl.simulator.faults.cuts import cut_links
from gossipfl.simulator.links import DETECTED_S, REDIAL_S

UPDATE = Update(1, 0, 1, 10, 2, (np.zeros(1),))


def world(graph: Graph, *faults: Fault, rounds: int = 20, **others: object) -> tuple[World, Log]:
    log = Log()
    made = World(graph, rounds=rounds, schedule=Schedule(more=faults), witness=log, **others)  # type: ignore[arg-type]
    return made.run(), log


def seen(log: Log, by: PeerId, of: PeerId) -> list[tuple[str, float]]:
    return [(type(event).__name__, now) for now, event in log.of(by, of) if isinstance(event, Joined | Left)]


# Lives


def test_a_peer_may_die_and_come_back_many_times() -> None:
    faults = (Kill(2, 4), Back(2, 7), Kill(2, 12), Back(2, 15), Leave(2, 20), Back(2, 23))
    made, log = world(complete(5), *faults, rounds=30)
    kinds = [what for what, _, _ in made.happened]
    assert kinds == ["killed", "back", "killed", "back", "left", "back"]
    assert made.network.finished == set(range(5))
    assert {
        event.message.epoch
        for _, event in log.of(0, 2)
        if isinstance(event, Received) and isinstance(event.message, Update)
    } == {0, 1, 2, 3}


def test_who_leaves_is_gone_at_once_and_has_not_finished() -> None:
    made, log = world(complete(4), Leave(1, 6))
    assert made.network.finished == {0, 2, 3}
    assert seen(log, 0, 1)[1][0] == "Left"
    assert max(log.rounds(0, 1)) == 5
    durations = [record.duration_s for peer in (0, 2, 3) for _, record in made.closed[peer]]
    assert max(durations) <= 2 * float(np.median(durations))


def test_a_share_dies_at_once_and_the_rest_finish() -> None:
    made, _ = world(complete(10), DropOut(0.3, 8))
    killed = [(now, peers[0]) for what, now, peers in made.happened if what == "killed"]
    assert len({now for now, _ in killed}) == 1
    assert made.network.finished == set(range(10)) - {peer for _, peer in killed}
    assert len(killed) == 3


def test_churn_takes_and_brings_back_as_many_as_it_says() -> None:
    churned = Churned(Churn(0.2, 0.5), 400, 3)
    away = np.stack([churned.away(round) for round in range(1, 60)])
    leaves = (away[1:] & ~away[:-1]).sum() / (~away[:-1]).sum()
    returns = (away[:-1] & ~away[1:]).sum() / away[:-1].sum()
    assert not away[0].any()
    assert leaves == pytest.approx(0.2, abs=0.02)
    assert returns == pytest.approx(0.5, abs=0.02)


def test_churn_never_takes_all() -> None:
    churned = Churned(Churn(0.99, 0.01), 3, 0)
    assert all((~churned.away(round)).any() for round in range(50))


@pytest.mark.parametrize(
    "fault", [Churn(0.2, 0.5, True), Sessions(8.0, 3.0, True), Churn(0.2, 0.5), Sessions(8.0, 3.0)]
)
def test_who_comes_and_goes_holds_nobody_up(fault: Fault) -> None:
    made, _ = world(complete(8), fault, rounds=25)
    last = {peers[0]: what for what, _, peers in made.happened}
    stayed = {peer for peer in range(8) if last.get(peer) != "left"}
    assert made.network.finished >= {peer for peer in range(8) if peer not in last}
    assert made.network.finished <= stayed
    assert len(made.network.finished) >= 3
    assert Counter(what for what, _, _ in made.happened)["back"] > 3


def test_who_is_away_by_a_trace_is_away_then() -> None:
    made, log = world(complete(4), Absence(1, 5.5, 9.5), Absence(2, 12.2))
    assert [(what, now) for what, now, _ in made.happened] == [("left", 5.5), ("back", 9.5), ("left", 12.2)]
    assert made.network.finished == {0, 1, 3}
    assert [kind for kind, _ in seen(log, 0, 1)][:3] == ["Joined", "Left", "Joined"]


@pytest.mark.parametrize("forgets", [False, True])
def test_who_was_switched_off_goes_on_with_what_it_has_unless_it_forgets(forgets: bool) -> None:
    made, log = world(complete(4), Absence(1, 5.5, 9.5, forgets))
    rounds = [record.round for _, record in made.closed[1]]
    assert made.network._lives.count[1] == forgets
    assert made.network.finished == {0, 1, 2, 3}
    assert rounds == sorted(rounds)
    assert [kind for kind, _ in seen(log, 0, 1)][:3] == ["Joined", "Left", "Joined"]


def test_newcomers_do_not_wait_for_one_another_to_begin() -> None:
    made, _ = world(complete(8), Churn(0.3, 0.5, forgets=True), rounds=25)
    longest_s = max(record.duration_s for closed in made.closed.values() for _, record in closed)
    assert longest_s < GATHER_S / 2


# Standing still, slowness, clocks


def test_a_short_pause_is_seen_by_nobody() -> None:
    made, log = world(complete(4), Pause(1, 6, 3.0))
    assert [kind for kind, _ in seen(log, 0, 1)].count("Left") <= 1  # when it finished
    assert made.network.finished == set(range(4))


def test_a_long_pause_is_given_up_after_five_seconds_and_dialled_again() -> None:
    made, log = world(complete(5), Pause(1, 6, 12.0), rounds=30)
    (_, began, _), (_, ended, _) = made.happened
    assert ended - began == pytest.approx(12.0)
    kinds = seen(log, 0, 1)
    assert [kind for kind, _ in kinds[:3]] == ["Joined", "Left", "Joined"]
    assert kinds[1][1] == began + DETECTED_S
    assert kinds[2][1] == pytest.approx(ended + REDIAL_S, abs=0.1)
    assert [kind for kind, _ in seen(log, 1, 0)[:3]] == ["Joined", "Left", "Joined"]
    assert made.network.finished == set(range(5))


def test_nothing_comes_to_a_peer_that_stands_still() -> None:
    made, log = world(complete(4), Pause(1, 6, 12.0))
    (_, began, _), (_, ended, _) = made.happened
    assert not [now for peer, now, _ in log.events if peer == 1 and began < now < ended]


def test_a_slow_phase_slows_its_peer_alone_and_no_longer() -> None:
    made, _ = world(complete(5), Slow(2, 5, 8, 8.0), rounds=60)
    swift = World(complete(5), rounds=60).run()
    for peer in (0, 1, 3, 4):
        assert made.ended_s(peer)[-1] <= 1.2 * swift.ended_s(peer)[-1]
    late = {record.round: record.duration_s for _, record in made.closed[2]}
    assert max(late.values()) >= 8.0
    assert late[60] < 3.0


def test_a_clock_that_is_off_changes_nothing() -> None:
    right, _ = world(complete(4))
    off, _ = world(complete(4), Skew(1, 3600.0), Skew(2, -3600.0), Skew(3, 0.0, drift=0.01))
    assert right.models.tobytes() == off.models.tobytes()
    assert all(np.allclose(right.ended_s(peer), off.ended_s(peer)) for peer in range(4))


# Cuts


@pytest.mark.parametrize("peers", [5, 8, 20, 21])
def test_in_the_ring_of_majorities_no_two_see_the_same_one(peers: int) -> None:
    cut = cut_links(Partition("majorities-ring", 2, 3), complete(peers), 0)
    views = [frozenset(other for other in range(peers) if (other, peer) not in cut) for peer in range(peers)]
    assert all(2 * len(view) > peers for view in views)
    assert len(set(views)) == peers


def test_each_cut_separates_what_it_says() -> None:
    graph = complete(6)

    def cut(kind: str, **options: object) -> set[tuple[int, int]]:
        return set(cut_links(Partition(kind, 2, 3, **options), graph, 0))  # type: ignore[arg-type]

    across = {(one, other) for one in range(6) for other in range(6) if (one < 3) != (other < 3)}
    assert cut("halves") == across
    assert cut("one-way") == {(one, other) for one, other in across if one < 3}
    assert cut("bridge", peer=4) == {link for link in across if 4 not in link}
    assert cut("isolate", peer=2) == {link for other in graph[2] for link in ((2, other), (other, 2))}
    assert len(cut("random", share=1 / 3)) == 2 * 2 * 4


@pytest.mark.parametrize("kind", ["halves", "random", "isolate", "bridge", "majorities-ring", "one-way"])
def test_a_cut_is_seen_heals_and_is_forgotten(kind: str) -> None:
    partition = Partition(kind, 5, 20, peer=1 if kind == "isolate" else None)  # type: ignore[arg-type]
    made, log = world(complete(8), partition, rounds=60, calm_after=20)
    (first, began, _), (second, healed, _) = made.happened
    assert (first, second) == ("partitioned", "healed")
    for one, other in cut_links(partition, complete(8), 0):
        kinds = seen(log, one, other)
        assert [kind for kind, _ in kinds[:3]] == ["Joined", "Left", "Joined"]
        assert kinds[1][1] == pytest.approx(began + DETECTED_S, abs=0.1)
        assert 0 < kinds[2][1] - healed <= 5.0
        assert not [
            now
            for now, event in log.of(other, one)
            if isinstance(event, Received) and began + 1.0 < now < healed
        ]
    assert made.network.finished == set(range(8))
    assert np.ptp(made.models, axis=0).max() < 0.01 * np.abs(made.models).max()


def test_a_cut_by_the_clock_begins_and_heals_when_it_says() -> None:
    made, _ = world(complete(4), Partition("halves", 3.5, 9.25, by_time=True))
    assert [(what, now) for what, now, _ in made.happened] == [("partitioned", 3.5), ("healed", 9.25)]


def test_a_cut_outlasting_the_run_does_not_lengthen_it() -> None:
    made, _ = world(complete(4), Partition("halves", 1e6, 2e6, by_time=True))
    assert made.network.now < 100


# Conditions


def delays(rule: object, count: int = 2000) -> np.ndarray:
    return np.array([rule(0, 1, UPDATE, 0.0).delay_s for _ in range(count)])  # type: ignore[operator]


def test_log_normal_latency_has_the_median_and_the_width_that_it_says() -> None:
    found = np.log(delays(LogNormalLatency(0.05, 0.5, 1)))
    assert np.exp(np.median(found)) == pytest.approx(0.05, rel=0.05)
    assert found.std() == pytest.approx(0.5, rel=0.06)


def test_a_matrix_says_what_each_pair_takes() -> None:
    rule = LatencyMatrix(np.array([[0.0, 0.1], [0.7, 0.0]]))
    assert (rule(0, 1, UPDATE, 0.0), rule(1, 0, UPDATE, 0.0)) == (Deliver(0.1), Deliver(0.7))


def test_on_a_narrow_link_messages_queue() -> None:
    rule = Bandwidth(8_000.0, lambda _: 1_000)
    said = [rule(0, 1, UPDATE, now) for now in (0.0, 0.0, 0.5, 10.0)]
    assert said == [Deliver(1.0), Deliver(2.0), Deliver(2.5), Deliver(1.0)]
    assert rule(0, 2, UPDATE, 10.0) == Deliver(1.0)


def test_duplicates_overtaking_and_corruption_stop_nobody_and_close_no_sound_link() -> None:
    rules = (Duplication(0.5, 1), Reordering(0.3, 1))
    made = World(complete(6), rounds=20, rules=rules).run()
    assert made.network.finished == set(range(6))
    assert {refused.reason for _, refused in made.refused} == {"replay"}
    assert made.network.traffic.messages_duplicated == pytest.approx(0.5 * 6 * 5 * 20, rel=0.15)
    broken = World(complete(6), rounds=20, rules=(Corruption(0.1, 1),)).run()
    assert broken.network.finished == set(range(6))
    assert broken.network.traffic.messages_corrupted > 20


@pytest.mark.parametrize("seed", range(6))
def test_with_every_fault_at_once_the_same_seed_gives_the_same_run(seed: int) -> None:
    def everything() -> World:
        faults = (
            Kill(1, 4), Back(1, 8), Leave(2, 5), Back(2, 9), Pause(3, 6, 9.0), Slow(0, 3, 6, 5.0),
            Partition("random", 5, 12), Churn(0.05, 0.5), Skew(4, 3600.0), DropOut(0.1, 15),
        )  # fmt: skip
        rules = (
            Duplication(0.2, seed),
            Reordering(0.1, seed),
            Corruption(0.02, seed),
            LogNormalLatency(0.02, 1.0, seed),
        )
        graph = random_graph(12, Draws(seed))
        return World(graph, rounds=30, seed=seed, loss=0.2, rules=rules, schedule=Schedule(more=faults)).run()

    once, again = everything(), everything()
    assert once.network.trace_hash == again.network.trace_hash
    assert once.happened == again.happened
    assert once.network.finished
    lives = once.network._lives
    for stuck in lives.present & lives.awake:  # it came back when all whom it knows were gone
        assert once.lives[stuck].phase is Phase.GATHERING
    assert np.isfinite(once.models).all()
    assert replace(once, seed=seed + 100).run().network.trace_hash != once.network.trace_hash


def test_a_ring_of_two_survives_a_cut() -> None:
    made, _ = world(ring(2), Partition("halves", 4, 8), rounds=16)
    assert made.network.finished == {0, 1}
