"""Verdicts on messages: what each comes to, alone, after others, and in a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from worlds import World, complete, ring

from gossipfl.errors import SettingsError
from gossipfl.protocol.events import Effect, Event, Joined, Left, Received
from gossipfl.protocol.messages import Message, Missed, PeerId, Update
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.simulator.faults import (
    Corrupt,
    Deliver,
    Fate,
    Instead,
    Lost,
    Pass,
    Rule,
    Verdict,
    judge,
)

UPDATE = Update(1, 0, 1, 10, 2, (np.zeros(1),))
OTHER = replace(UPDATE, sequence=2)


def always(verdict: Verdict) -> Rule:
    return lambda *_: verdict


def on(sender: PeerId, to: PeerId, round: int, verdict: Callable[[Update], Verdict]) -> Rule:
    """`verdict` on what `sender` tells `to` of `round`."""

    def rule(one: PeerId, other: PeerId, message: Message, now: float) -> Verdict:
        it = isinstance(message, Update) and (one, other, message.round) == (sender, to, round)
        return verdict(message) if it and isinstance(message, Update) else Pass()

    return rule


def fates(*verdicts: Verdict) -> float | list[Fate]:
    return judge([always(verdict) for verdict in verdicts], 0, 1, UPDATE, 0.0)


def test_what_is_only_delayed_is_told_by_its_delay() -> None:
    assert fates() == 0.0
    assert fates(Deliver(2.0), Pass(), Deliver(0.5)) == 2.5


def test_the_first_loss_is_final_and_nothing_more_is_asked() -> None:
    def never(*_: object) -> Verdict:
        raise AssertionError("a lost message was judged")

    assert judge([always(Lost()), never], 0, 1, UPDATE, 0.0) == [Fate(UPDATE, 0.0, lost=True)]


def test_what_may_be_overtaken_stays_so() -> None:
    assert fates(Deliver(1.0, in_order=False), Deliver(2.0)) == [Fate(UPDATE, 3.0, in_order=False)]


def test_what_is_said_instead_is_judged_each_for_itself() -> None:
    def only_the_other(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        return Lost() if message is OTHER else Deliver(1.0)

    rules = [always(Deliver(2.0)), always(Instead((UPDATE, OTHER))), only_the_other]
    assert judge(rules, 0, 1, UPDATE, 0.0) == [Fate(UPDATE, 3.0), Fate(OTHER, 2.0, lost=True)]
    assert fates(Instead(())) == []


def test_what_arrives_broken_keeps_its_delay() -> None:
    assert fates(Corrupt(), Deliver(1.0)) == [Fate(UPDATE, 1.0, corrupt=True)]


def test_what_is_no_verdict_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"returned True.*Instead\(messages\)"):
        judge([lambda *_: True], 0, 1, UPDATE, 0.0)  # type: ignore[list-item]


# In a network


class Log:
    """What each peer was told."""

    def __init__(self) -> None:
        self.events: list[tuple[PeerId, float, Event]] = []

    def __call__(self, peer: RoundPeer, now: float, event: Event, effects: list[Effect]) -> None:
        self.events.append((peer.number, now, event))

    def of(self, to: PeerId, sender: PeerId) -> list[tuple[float, Event]]:
        """What `to` heard of `sender`, and when."""
        return [
            (now, event)
            for peer, now, event in self.events
            if peer == to
            and (event.sender if isinstance(event, Received) else getattr(event, "peer", None)) == sender
        ]

    def rounds(self, to: PeerId, sender: PeerId) -> list[int]:
        """Of the updates of `sender` in the order in which `to` heard them."""
        return [
            event.message.round
            for _, event in self.of(to, sender)
            if isinstance(event, Received) and isinstance(event.message, Update)
        ]


def test_what_is_not_in_order_is_overtaken() -> None:
    log = Log()
    late = on(0, 1, 2, lambda _: Deliver(4.0, in_order=False))
    world = World(complete(5), rounds=8, rules=(late,), witness=log).run()
    assert log.rounds(1, 0) != sorted(log.rounds(1, 0))
    assert sorted(log.rounds(1, 0)) == list(range(1, 9))
    assert world.network.finished == set(range(5))


def test_what_is_altered_is_heard_altered_by_whom_it_is_told_to_alone() -> None:
    def louder(update: Update) -> Verdict:
        return Instead((replace(update, payload=(update.payload[0] + 100.0, update.payload[1])),))

    clean = World(complete(3), rounds=2).run()
    lied = World(complete(3), rounds=2, rules=(on(0, 1, 2, louder),)).run()
    changed = (clean.models != lied.models).any(axis=1)
    assert changed.tolist() == [False, True, False]
    assert lied.network.traffic == clean.network.traffic


def test_what_is_said_twice_counts_twice_and_is_used_once() -> None:
    twice = on(0, 1, 2, lambda update: Instead((update, update)))
    clean = World(complete(3), rounds=4).run()
    world = World(complete(3), rounds=4, rules=(twice,)).run()
    traffic = world.network.traffic
    assert traffic.messages_sent == clean.network.traffic.messages_sent + 1
    assert traffic.messages_duplicated == 1
    assert [refused.reason for _, refused in world.refused] == ["replay"]


def test_silence_in_the_place_of_words_was_never_sent() -> None:
    silent = on(0, 1, 2, lambda _: Instead(()))
    world = World(complete(3), rounds=3, rules=(silent,)).run()
    assert world.network.traffic.messages_sent == 3 * 2 * 3 - 1
    assert world.network.traffic.messages_lost == 0


def test_a_broken_message_closes_its_link_which_is_dialled_again() -> None:
    log = Log()
    broken = on(0, 1, 3, lambda _: Corrupt())
    world = World(ring(5), rounds=12, rules=(broken,), witness=log).run()
    assert [(peer, refused.sender, refused.reason) for peer, refused in world.refused] == [(1, 0, "corrupt")]
    for peer, other in ((0, 1), (1, 0)):
        seen = [(type(event), now) for now, event in log.of(peer, other) if isinstance(event, Joined | Left)]
        assert [kind for kind, _ in seen] == [Joined, Left, Joined, Left][: len(seen)]
        assert 0 < seen[2][1] - seen[1][1] <= 5.0
    assert 3 not in log.rounds(1, 0)
    traffic = world.network.traffic
    assert (traffic.messages_corrupted, traffic.messages_lost) == (1, 1)
    assert world.network.finished == set(range(5))


def test_a_flood_of_what_is_no_update_counts_as_bytes_alone() -> None:
    flood = on(0, 1, 2, lambda update: Instead((update, *(Missed() for _ in range(5)))))
    clean, world = World(complete(3)).run(), World(complete(3), rules=(flood,)).run()
    traffic = world.network.traffic
    assert traffic.messages_sent == clean.network.traffic.messages_sent
    assert traffic.bytes_sent == clean.network.traffic.bytes_sent + 5 * 100
