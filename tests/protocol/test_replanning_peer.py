"""What one peer believes of the members of a schedule, and how soon all plan anew."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gossipfl.protocol.events import Drop, Effect, Note, Regarded, Send
from gossipfl.protocol.messages import Gone, PeerId, StandIn, Word
from gossipfl.protocol.replanning import Replanning
from gossipfl.topology import build_schedule

PEERS, ROUNDS = 9, 60


def member(place: int = 0, peers: int = PEERS) -> Replanning:
    """A peer of a schedule, all of whose members are there, and which has begun."""
    numbers = {other: other for other in range(peers) if other != place}
    one = Replanning(build_schedule("base", peers), place, numbers, ROUNDS)
    for other in numbers:
        one.joined(other)
    one.begun()
    return one


def met(one: Replanning) -> set[PeerId]:
    """Whom it ever speaks to by its plan."""
    return {peer for round in range(1, ROUNDS + 1) for peer in one.speaks_to(round)}


def said(effects: Sequence[Effect]) -> list[tuple[PeerId, tuple[PeerId, ...]]]:
    return [
        (e.to, tuple(peer for peer, _ in e.message.since))
        for e in effects
        if isinstance(e, Send) and isinstance(e.message, Gone)
    ]


def test_who_is_lost_to_us_and_to_another_is_out_of_the_plan() -> None:
    one = member()
    assert 3 in met(member()) | met(member(1))
    one.left(3, 5)
    told = said(one.settle(5).effects)
    assert told == [(peer, (3,)) for peer in (1, 2, 4, 5, 6, 7, 8)]
    one.told(1, Gone(((3, 5),)), 5)
    assert one.settle(6).effects == [Note(Regarded(3, "gone"))]
    assert 3 not in met(one)
    assert one.settle(7).effects == []


def test_a_broken_link_of_ours_alone_changes_no_plan() -> None:
    one = member()
    plan = met(one)
    one.left(3, 5)
    one.settle(5)
    assert met(one) == plan


@pytest.mark.parametrize("liars", [1, 2, 7])
def test_no_liars_put_out_a_peer_to_whom_we_have_a_link(liars: int) -> None:
    one = member()
    plan = met(one)
    for liar in [peer for peer in range(1, PEERS) if peer != 3][:liars]:
        one.told(liar, Gone(((3, 5),)), 5)
    assert one.settle(6).effects == []
    assert met(one) == plan


def test_what_the_lost_say_of_others_is_void() -> None:
    one = member()
    one.told(4, Gone(((3, 5),)), 5)
    one.left(4, 5)
    one.left(3, 5)
    one.settle(5)
    one.told(4, Gone(((3, 5),)), 5)
    assert not any(isinstance(effect, Note) for effect in one.settle(6).effects)


def test_who_is_back_and_speaks_is_in_the_plan_again() -> None:
    one = member()
    plan = met(one)
    one.left(3, 5)
    one.told(1, Gone(((3, 5),)), 5)
    one.settle(5)
    one.settle(6)
    assert one.joined(3) == [Send(3, Gone(((3, 5),)))]
    assert one.settle(7).effects == []
    one.spoke(3)
    effects = one.settle(8).effects
    assert Note(Regarded(3, "back")) in effects
    assert (1, ()) in said(effects)
    assert met(one) == plan


def test_what_is_said_last_counts_alone() -> None:
    one = member()
    one.told(1, Gone(((3, 5),)), 5)
    one.told(1, Gone(()), 5)
    one.left(3, 5)
    assert not any(isinstance(effect, Note) for effect in one.settle(6).effects)


def test_who_leaves_near_the_end_may_have_finished() -> None:
    one = member()
    one.left(3, ROUNDS)
    one.told(1, Gone(((3, 5),)), ROUNDS)
    assert one.settle(ROUNDS).effects == []


def test_the_last_two_keep_their_plan_when_one_is_lost() -> None:
    one = member(peers=2)
    one.left(1, 5)
    one.settle(5)
    assert set(one.speaks_to(1)) <= {1}


def test_nobody_stands_in_where_a_schedule_says_whom_to_meet() -> None:
    effects: list[Effect] = member().told(1, StandIn(Word.ASKS, 5), 5)
    assert Drop(1, "unasked") in effects
