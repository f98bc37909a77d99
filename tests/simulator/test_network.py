"""The network in virtual time: order, loss, lives, and what each is counted as."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from worlds import World, complete, ring

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Effect, Event, Joined, Left, Received, Started
from gossipfl.protocol.messages import Begun, Message, PeerId, Update
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.simulator.faults import Instead, Loss, Lost, Pass, Schedule, Verdict
from gossipfl.simulator.network import OBJECTS_YOUNG, Network

UPDATE = Update(1, 0, 1, 10, 2, (np.zeros(1),))


class Heard:
    """What each peer heard from whom, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[PeerId, float, Event]] = []

    def witness(self, peer: RoundPeer, now: float, event: Event, effects: list[Effect]) -> None:
        self.events.append((peer.number, now, event))

    def updates(self, sender: PeerId, to: PeerId) -> list[Update]:
        return [
            event.message
            for peer, _, event in self.events
            if peer == to and isinstance(event, Received) and event.sender == sender
            if isinstance(event.message, Update)
        ]


def test_a_link_keeps_order_however_it_jitters() -> None:
    heard = Heard()
    World(complete(4), rounds=20, latency_s=0.1, jitter_s=5.0, witness=heard.witness).run()
    for sender, to in ((0, 1), (2, 3), (3, 0)):
        sequences = [update.sequence for update in heard.updates(sender, to)]
        assert len(sequences) > 5
        assert sequences == sorted(sequences)


def test_loss_never_loses_that_a_peer_has_begun() -> None:
    rule = Loss(0.999, 0)
    assert all(isinstance(rule(0, 1, Begun(1), 0.0), Pass) for _ in range(200))
    assert sum(isinstance(rule(0, 1, UPDATE, 0.0), Lost) for _ in range(200)) > 190


def test_loss_loses_as_many_as_it_says() -> None:
    rule = Loss(0.3, 3)
    lost = sum(isinstance(rule(peer, 0, UPDATE, 0.0), Lost) for peer in range(20) for _ in range(500))
    assert lost == pytest.approx(3_000, abs=150)


def test_only_updates_count_as_messages_but_all_bytes_count() -> None:
    world = World(complete(3), rounds=4, message_bytes=lambda m: 1 if isinstance(m, Begun) else 1_000).run()
    traffic = world.network.traffic
    assert (traffic.messages_sent, traffic.messages_lost) == (3 * 2 * 4, 0)
    assert traffic.bytes_sent == 3 * 2 * 4 * 1_000 + 3 * 2


def test_all_who_are_told_alike_are_told_by_one_object_that_is_measured_once() -> None:
    heard, measured = Heard(), list[Message]()

    def measure(message: Message) -> int:
        measured.append(message)
        return 7

    world = World(complete(4), rounds=5, message_bytes=measure, witness=heard.witness).run()
    for sender in range(4):
        others = [to for to in range(4) if to != sender]
        for said in zip(*(heard.updates(sender, to) for to in others), strict=True):
            assert len({id(update) for update in said}) == 1
    assert len(measured) == 4 * 5 + 4  # what is learnt in each round, and once that the run begins
    assert world.network.traffic.bytes_sent == 7 * 3 * len(measured)


def test_a_message_to_a_peer_that_dies_on_its_way_is_lost() -> None:
    world = World(ring(2), rounds=3, latency_s=0.5, schedule=Schedule(kills={1: 2})).run()
    traffic = world.network.traffic
    said = sum(record.heard for _, record in world.closed[0] + world.closed[1])
    assert traffic.messages_lost == traffic.messages_sent - said


def test_one_lost_update_changes_the_models() -> None:
    def one(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        it = isinstance(message, Update) and (sender, to, message.round) == (0, 1, 2)
        return Lost() if it else Pass()

    clean, torn = World(ring(4)).run(), World(ring(4), rules=(one,)).run()
    assert clean.network.trace_hash != torn.network.trace_hash
    assert not np.array_equal(clean.models, torn.models)
    assert torn.network.traffic.messages_lost == 1


@pytest.mark.parametrize("latency_s", [0.0, 0.01, 3.0])
def test_a_restarted_peer_is_seen_to_leave_and_then_to_come(latency_s: float) -> None:
    """Even when it is back before its last words from its first life have arrived."""
    heard = Heard()
    schedule = Schedule(kills={2: 4}, restarts={2: 4})
    World(complete(3), rounds=12, latency_s=latency_s, schedule=schedule, witness=heard.witness).run()
    for peer in (0, 1):
        seen = [type(event) for p, _, event in heard.events if p == peer and _of(event) == 2]
        assert seen[:3] == [Joined, Left, Joined]
        epochs = [update.epoch for update in heard.updates(2, peer)]
        assert epochs == sorted(epochs)
        assert set(epochs) == {0, 1}


def test_a_restarted_peer_is_used_by_a_neighbour_within_two_rounds() -> None:
    heard = Heard()
    schedule = Schedule(kills={2: 5}, restarts={2: 9})
    world = World(complete(4), rounds=20, schedule=schedule, witness=heard.witness).run()
    first = min(update.round for update in heard.updates(2, 0) if update.epoch == 1)
    assert first <= 9 + 2
    full = [record.round for _, record in world.closed[0] if record.missing == 0]
    assert any(9 < round <= 9 + 2 for round in full)


def test_a_kill_costs_no_round_over_twice_the_median() -> None:
    world = World(ring(8), rounds=20, schedule=Schedule(kills={3: 7})).run()
    durations = [
        record.duration_s for peer, closed in world.closed.items() if peer != 3 for _, record in closed
    ]
    assert max(durations) <= 2 * float(np.median(durations))
    assert world.killed == [3]


@pytest.mark.parametrize("graph", [ring(8), complete(5)], ids=["ring", "complete"])
def test_a_peer_twenty_times_slower_does_not_slow_the_others(graph: list[list[int]]) -> None:
    rounds = 40
    swift = World(graph, rounds=rounds).run()
    with_slow = World(graph, rounds=rounds, slow={0: 20.0}).run()
    for peer in range(1, len(graph)):
        assert with_slow.ended_s(peer)[-1] <= 1.2 * swift.ended_s(peer)[-1]
    assert 0 in with_slow.network.finished


def test_stacked_trainings_are_those_computed_one_by_one() -> None:
    def alone(peer: PeerId, round: int, vector: Array) -> Array:
        return vector + (peer + 1.0)

    graph = World(complete(5), jitter_s=0.3, slow={1: 3.0}, rounds=12)
    single = World(complete(5), jitter_s=0.3, slow={1: 3.0}, rounds=12, fit=alone)
    assert graph.run().models.tobytes() == single.run().models.tobytes()
    assert graph.network.trace_hash == single.network.trace_hash


def test_peers_that_weigh_samples_settle_on_the_mean_by_samples() -> None:
    """Each trains once, by its number; then they only average."""
    counts = [1, 2, 3, 4]
    world = World(complete(4), rounds=200, calm_after=1, samples=counts).run()
    expected = np.average(np.arange(4) + 1.0, weights=counts)
    assert np.allclose(world.models, expected, rtol=1e-9)


def test_isolated_peers_train_alone() -> None:
    world = World([[], []], rounds=3).run()
    assert world.models.tolist() == [[3.0, 3.0], [6.0, 6.0]]


@pytest.mark.parametrize("thresholds", [(700, 10, 10), (0, 10, 10), (10**6, 5, 5)])
def test_a_run_leaves_the_collector_as_it_found_it(thresholds: tuple[int, int, int]) -> None:
    before = gc.get_threshold()

    def torn(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        assert gc.get_threshold()[0] >= OBJECTS_YOUNG or not thresholds[0]
        if now > 1.0:
            raise ZeroDivisionError
        return Pass()

    try:
        gc.set_threshold(*thresholds)
        World(ring(3)).run()
        assert gc.get_threshold() == thresholds
        with pytest.raises(ZeroDivisionError):
            World(ring(3), rules=(torn,)).run()
        assert gc.get_threshold() == thresholds
    finally:
        gc.set_threshold(*before)


def test_chances_do_not_depend_on_who_else_asks() -> None:
    alone, crowd = Loss(0.5, 5), Loss(0.5, 5)
    mine = [type(alone(1, 0, UPDATE, 0.0)) for _ in range(300)]
    theirs = []
    for _ in range(300):
        crowd(2, 0, UPDATE, 0.0)
        theirs.append(type(crowd(1, 0, UPDATE, 0.0)))
    assert mine == theirs
    drawn = Draws(5, 1).uniform("loss", 256)
    assert mine[:256] == [Lost if chance < 0.5 else Pass for chance in drawn]


def _of(event: Event) -> PeerId | None:
    return event.peer if isinstance(event, Joined | Left) else None


def test_a_peer_that_is_back_too_late_for_its_only_neighbour_does_not_gather_for_ever() -> None:
    """One neighbour alone is not believed while it gathers; when it stops, that one has finished."""
    world = World(complete(3), rounds=6, schedule=Schedule(kills={2: 1, 1: 2}, restarts={1: 3})).run()
    assert world.network.finished == {0, 1}
    np.testing.assert_array_equal(world.models[1], world.models[0])


def test_one_of_three_neighbours_cannot_pull_a_peer_ahead_when_the_others_cannot_be_heard() -> None:
    """Peer 3 says that it is in the last round; in round 4 the two others are gone."""

    def lie(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if sender == 3 and isinstance(message, Update) and message.round > 4:
            return Instead((replace(message, round=60),))
        return Pass()

    schedule = Schedule(kills={1: 4, 2: 4})
    world = World(complete(4), rounds=60, rules=(lie,), schedule=schedule).run()
    assert [record.round for _, record in world.closed[0]] == list(range(1, 61))


def test_a_peer_far_ahead_of_its_only_neighbour_still_hears_it() -> None:
    """The middle of a chain dies and comes back beside its slow neighbour, rounds behind its quick one."""
    schedule = Schedule(kills={0: 3}, restarts={0: 12})
    world = World([[1, 2], [0], [0]], rounds=40, slow={1: 2.0, 0: 1.2}, schedule=schedule).run()
    assert sum(record.heard for _, record in world.closed[2] if record.round > 20) > 3


class Recorder:
    """A peer that only listens."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.events.append(event)
        return []


def test_what_waited_for_a_peer_that_stood_still_comes_before_what_comes_as_it_goes_on() -> None:
    """Its neighbour dies meanwhile, and is back at the very moment."""
    still = Recorder()
    network = Network(
        [[1], [0]],
        lambda number, _: still if number == 0 else Recorder(),
        lambda _, vectors, *__: vectors,
        training_s=lambda _: 1.0,
        message_bytes=lambda _: 1,
        observe=lambda *_: None,
    )
    lives = network._lives
    for at_s, happens in (
        (5.0, lambda: lives.boot(1)),
        (1.0, lambda: lives.pause(0, 4.0)),
        (2.0, lambda: lives.kill(1)),
    ):
        lives.later(at_s, happens)
    network.run()
    assert still.events == [Started(), Joined(1), Left(1), Joined(1)]
