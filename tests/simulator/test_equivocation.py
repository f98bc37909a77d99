"""Whoever tells its neighbours different things of one round is shut out within two, and nobody else is."""

from __future__ import annotations

import numpy as np
import pytest
from liars import Equivocation, equivocation, found_out, random_world, regular, wronged
from worlds import World, complete, ring

from gossipfl.draws import Draws
from gossipfl.protocol.messages import Doubt, Message, PeerId, Proof, Shown, Statement, Update, Witness
from gossipfl.protocol.notary import author_of, claim_of
from gossipfl.protocol.watch import WITNESS_S
from gossipfl.simulator.faults import PASS, Deliver, Instead, Lost, Schedule, Verdict

PEERS, DEGREE, ROUNDS = 20, 8, 9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("liars", [1, 4])
@pytest.mark.parametrize("to_one", [False, True], ids=["to half", "to one"])
def test_all_neighbours_of_a_liar_shut_it_out_in_the_next_round(seed: int, liars: int, to_one: bool) -> None:
    graph = regular(PEERS, DEGREE, seed)
    rule = equivocation(graph, liars, seed, to_one=to_one)
    world = World(graph, rounds=ROUNDS, seed=seed, jitter_s=0.05, rules=(rule,), watches=True).run()
    took = found_out(world, rule.lied_to)
    honest = {(peer, liar) for liar in rule.lied_to for peer in graph[liar] if peer not in rule.lied_to}
    assert set(took) == honest
    assert set(took.values()) == {1}
    assert not wronged(world, rule.lied_to)
    assert {refused.sender for _, refused in world.refused} <= set(rule.lied_to)


def test_in_a_ring_nobody_can_find_out() -> None:
    """The two neighbours of a peer in a ring have no other neighbour in common."""
    rule = Equivocation({3: frozenset({4})})
    world = World(ring(8), rounds=ROUNDS, rules=(rule,), watches=True).run()
    assert not world.quarantined


def test_without_a_watch_nobody_is_shut_out() -> None:
    rule = Equivocation({3: frozenset({4})})
    world = World(complete(5), rounds=ROUNDS, rules=(rule,)).run()
    assert not world.quarantined


def test_what_a_liar_says_from_then_on_is_not_used() -> None:
    """It is in its neighbours' fourth round alone, in which it lies."""
    rule = Equivocation({0: frozenset({1, 2})}, begins=4)
    world = World(complete(6), rounds=ROUNDS, rules=(rule,), watches=True).run()
    told = [record for peer in range(1, 6) for _, record in world.closed[peer] if record.round >= 5]
    assert all(record.heard == 4 for record in told)
    assert {peer for peer, _, _ in world.quarantined} >= {1, 2, 3, 4, 5}


def test_a_late_joiner_is_told_of_the_proof() -> None:
    rule = Equivocation({0: frozenset({1})}, begins=2)
    schedule = Schedule(kills={4: 1}, restarts={4: 6})
    world = World(complete(5), rounds=12, schedule=schedule, rules=(rule,), watches=True).run()
    assert {peer for peer, _, who in world.quarantined if who.peer == 0} >= {1, 2, 3, 4}


def test_who_was_killed_and_trains_a_round_again_is_no_liar() -> None:
    for seed in range(10):
        schedule = Schedule(kills={1: 3}, restarts={1: 4})
        world = World(complete(5), rounds=8, seed=seed, schedule=schedule, watches=True, jitter_s=0.3).run()
        assert not world.quarantined


# Nobody honest is shut out, whatever happens


class Repeats:
    """Some messages are said twice, or come late; a cut that heals parts the even from the odd."""

    def __init__(self, seed: int) -> None:
        self._chances = iter(Draws(seed, 0).uniform("repeats", 200_000).tolist())

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if 8.0 < now < 14.0 and sender % 2 != to % 2:
            return Lost()
        chance = next(self._chances)
        if chance < 0.1 and isinstance(message, Update):
            return Instead((message, message))
        return Deliver(2.0, in_order=False) if chance > 0.97 else PASS


@pytest.mark.parametrize("seed", range(100))
def test_in_a_random_world_nobody_honest_is_shut_out(seed: int) -> None:
    """Loss, repeats, a partition, a slow peer, a crash, a restart, and in two of three worlds a liar."""
    world = random_world(seed)
    graph, liars = world.neighbours, frozenset[PeerId]()
    rules: tuple[object, ...] = (Repeats(seed),)
    if seed % 3:
        lying = equivocation(graph, 1, seed, to_one=bool(seed % 2))
        liars, rules = frozenset(lying.lied_to), (lying, *rules)
    world.rules, world.watches, world.rounds = rules, True, 25  # type: ignore[assignment]
    world.__post_init__()
    world.run()
    assert not wronged(world, liars)
    gone = {peer for peer in world.killed if peer not in world.schedule.restarts}
    assert world.network.finished >= set(range(len(graph))) - gone - liars


# Slander


class Slanderer:
    """Peer 0 claims and shows what nobody said, all of it forged, each time that it says anything."""

    def __init__(self, peers: int) -> None:
        self._peers = peers
        self._sayings = 0

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if sender != 0 or not isinstance(message, Update):
            return PASS
        self._sayings += 1
        forged = [
            Statement(author_of(peer), 0, message.round, bytes([self._sayings % 256]) * 16, b"\0" * 16)
            for peer in range(1, self._peers)
        ]
        claims = b"".join(
            claim_of(peer, statement.round, statement.said) for peer, statement in enumerate(forged, 1)
        )
        shown: list[Message] = [
            *map(Shown, forged),
            *(Doubt(claims[at : at + 24]) for at in range(0, len(claims), 24)),
        ]
        return Instead((message, *[Witness(claims)] * 50, *shown))


def test_a_slanderer_has_nobody_shut_out_but_itself_and_makes_few_messages() -> None:
    told: list[Message] = []

    def count(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if sender != 0:
            told.append(message)
        return PASS

    world = World(complete(6), rounds=20, rules=(Slanderer(6), count), watches=True).run()
    assert {(who.peer, who.why) for _, _, who in world.quarantined} == {(0, "forged")}
    doubts = [message for message in told if isinstance(message, Doubt)]
    seconds = world.network.now
    assert 0 < len(doubts) <= 5 * 2 * (8 + seconds)  # of each honest peer, about a peer and a second one
    assert not any(isinstance(message, Proof) for message in told)


@pytest.mark.parametrize("honest_half", [False, True])
def test_a_forged_proof_costs_its_bringer_the_link(honest_half: bool) -> None:
    """Even if one of its two statements is what an honest peer really said."""
    heard: list[Update] = []

    def forge(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if sender == 1 and isinstance(message, Update):
            heard.append(message)
        if sender != 0 or not isinstance(message, Update) or message.round != 4:
            return PASS
        real = heard[-1].statement
        one = real if honest_half and real else Statement(author_of(1), 0, 3, b"a" * 16, b"b" * 16)
        assert one.author == author_of(1)
        return Instead((message, Proof(one, one._replace(said=b"c" * 16))))

    world = World(complete(4), rounds=8, rules=(forge,), watches=True).run()
    assert not world.quarantined
    assert {(refused.sender, refused.reason) for _, refused in world.refused} == {(0, "forged")}


def test_telling_costs_a_message_to_each_neighbour_a_round() -> None:
    told: list[float] = []

    def count(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if isinstance(message, Witness):
            assert len(message.claims) == 24 * 8
            told.append(now)
        return PASS

    World(regular(PEERS, DEGREE, 0), rounds=ROUNDS, rules=(count,), watches=True).run()
    assert len(told) == PEERS * DEGREE * (ROUNDS - 1)
    assert np.diff(sorted(set(told))).min() >= WITNESS_S
