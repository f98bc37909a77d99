"""A peer whose neighbours are listed and struck off while it works."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.protocol.events import (
    Admitted,
    Drop,
    Effect,
    Event,
    Expelled,
    Joined,
    Note,
    Received,
    RoundClosed,
    Send,
    Started,
    Train,
    Trained,
)
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.messages import PeerId, Update
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.stand_ins import StandIns

KEY = bytes(32)


class Driven:
    """A peer in rounds with the neighbours 1 and 2."""

    def __init__(self) -> None:
        self.peer = RoundPeer(
            0, Dpsgd(), np.zeros(2), StandIns((1, 2), (), Draws(0), 50), rounds=50, samples=1, seed=0
        )
        self.now = 0.0
        self.do(Started(), Joined(1), Joined(2))

    def do(self, *events: Event) -> list[Effect]:
        """What the peer asks for, training aside: that is done at once."""
        asked: list[Effect] = []
        for event in events:
            for effect in self.peer.handle(event, self.now):
                asked += self.do(Trained(effect.vector)) if isinstance(effect, Train) else [effect]
        return asked

    def said(self, sender: PeerId, round_: int, value: float = 0.0) -> Received:
        return Received(sender, Update(round_, 1, round_, 1, 2, (np.full(2, value),)))

    def told(self, effects: list[Effect]) -> set[PeerId]:
        return {one.to for one in effects if isinstance(one, Send) and isinstance(one.message, Update)}


def closed(effects: list[Effect]) -> list[RoundClosed]:
    notes = [one.record for one in effects if isinstance(one, Note)]
    return [record for record in notes if isinstance(record, RoundClosed)]


def test_who_is_admitted_is_spoken_to_from_the_next_round_on_and_heard() -> None:
    one = Driven()
    one.do(Admitted(3, KEY), Joined(3))
    asked = one.do(one.said(1, 1), one.said(2, 1))
    assert one.told(asked) == {1, 2, 3}
    (first,) = closed(one.do(one.said(1, 2), one.said(2, 2), one.said(3, 2)))[-1:]
    assert first.round == 2
    asked = one.do(one.said(3, 3), one.said(1, 3), one.said(2, 3))
    (second,) = closed(asked)
    assert (second.round, second.heard, second.missing) == (3, 3, 0)


def test_what_an_expelled_neighbour_said_that_waits_is_not_used_and_nobody_waits_for_it() -> None:
    one = Driven()
    assert closed(one.do(one.said(2, 1, 1e6))) == []
    assert closed(one.do(Expelled(2))) == []
    (record,) = closed(one.do(one.said(1, 1)))
    assert record.heard == 1
    assert (record.vector == 0).all()
    (record,) = closed(one.do(one.said(1, 2)))
    assert (record.heard, record.missing) == (1, 0)
    assert Drop(2, "stranger") in one.do(one.said(2, 3))
    assert 2 not in one.peer.sights


def test_the_last_one_awaited_is_expelled_and_the_round_goes_on() -> None:
    one = Driven()
    one.do(one.said(1, 1))
    assert [record.round for record in closed(one.do(Expelled(2)))] == [1]


@pytest.mark.parametrize("comes", [True, False])
def test_a_free_peer_turns_to_who_is_listed_and_to_nobody_else(comes: bool) -> None:
    peer = FreePeer(
        0,
        Dpsgd(),
        np.zeros(2),
        StandIns((1,), (), Draws(0), 50),
        rounds=50,
        samples=1,
        seed=0,
        period_s=1.0,
    )
    for event in (Started(), Joined(1), Admitted(3, KEY), Joined(3), Expelled(1 if comes else 3)):
        peer.handle(event, 0.0)
    asked = peer.handle(Trained(np.zeros(2)), 0.0)
    assert [one.to for one in asked if isinstance(one, Send)] == [3 if comes else 1]
