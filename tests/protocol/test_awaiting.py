"""Whose words a peer awaits, and for how long."""

from __future__ import annotations

import numpy as np

from gossipfl.protocol.acquaintance import LAG_MAX, Acquaintances
from gossipfl.protocol.awaiting import Awaiting
from gossipfl.protocol.events import Send, SetTimer
from gossipfl.protocol.gathering import Gathering
from gossipfl.protocol.inbox import STALENESS_MAX, Inbox
from gossipfl.protocol.messages import Begun, Update
from gossipfl.protocol.patience import FLOOR_S, Patience
from gossipfl.protocol.targets import Neighbours


class Bench:
    """A peer that began at 0 s, could gather for 10 s, and has the neighbours 1 and 2, both in round 3."""

    def __init__(self) -> None:
        targets = Neighbours((1, 2))
        self.others = Acquaintances(targets.peers)
        for peer in targets.peers:
            self.others.joined(peer, 1)
            self.others.heard(peer, 3, 3)
        self.inbox = Inbox()
        self.gathering = Gathering(self.others, 10.0)
        self.gathering.begin(0.0)
        self.awaiting = Awaiting(targets, self.others, self.inbox, Patience(), self.gathering)


def update(round: int) -> Update:
    return Update(round, 0, round, 10, 2, (np.zeros(1),))


def test_a_wait_is_over_once_all_are_heard_or_gone() -> None:
    bench = Bench()
    assert bench.awaiting.begin(3, 50.0, joins=False) == [SetTimer(3, FLOOR_S)]
    over = [bench.awaiting.over]
    for peer in (1, 2):
        bench.awaiting.release(peer)
        over.append(bench.awaiting.over)
    assert over == [False, False, True]


def test_whoever_lags_or_has_already_spoken_is_not_waited_for() -> None:
    bench = Bench()
    bench.others.heard(1, 3, 4 + LAG_MAX)
    bench.inbox.put(2, update(3))
    bench.awaiting.begin(3, 50.0, joins=False)
    assert bench.awaiting.over


def test_whoever_is_ahead_of_all_waits_until_they_are_near_and_no_longer_than_its_time() -> None:
    bench = Bench()
    for peer in (1, 2):
        bench.others.heard(peer, 3, 30)
    bench.awaiting.begin(30, 50.0, joins=False)
    over = [bench.awaiting.over]
    for near in (20, 30 - STALENESS_MAX):
        bench.others.heard(1, near, 30)
        over.append(bench.awaiting.over)
    assert over == [False, False, True]
    bench.others.heard(1, 3, 30)
    assert bench.awaiting.prolong(30, 50.0 + FLOOR_S) == []


def test_when_the_time_is_up_the_wait_ends() -> None:
    bench = Bench()
    bench.awaiting.begin(3, 5.0, joins=False)
    assert bench.awaiting.prolong(3, 5.0 + FLOOR_S) == []


def test_whoever_waits_for_others_is_told_that_we_began_and_is_waited_for_longer() -> None:
    bench = Bench()
    bench.others.begun(2, 1, 1)
    told = [Send(1, Begun(1)), Send(2, Begun(1))]
    assert bench.awaiting.begin(1, 1.0, joins=False) == [*told, SetTimer(1, FLOOR_S)]
    assert bench.awaiting.prolong(1, 3.0) == [*told, SetTimer(1, FLOOR_S)]
    assert bench.awaiting.prolong(1, 9.0) == [*told, SetTimer(1, 1.0)]
    assert bench.awaiting.prolong(1, 10.0) == []


def test_whoever_joins_a_run_waits_for_something_to_build_on() -> None:
    bench = Bench()
    bench.gathering.begin(0.0, late=True)
    bench.awaiting.begin(1, 0.0, joins=True)
    for peer in (1, 2):
        bench.awaiting.release(peer)
    over = [bench.awaiting.over]
    assert bench.awaiting.prolong(1, FLOOR_S) == [SetTimer(1, FLOOR_S)]
    bench.inbox.put(1, update(3))
    assert [*over, bench.awaiting.over] == [False, True]
    assert bench.awaiting.prolong(1, 2 * FLOOR_S) == []


def test_whoever_joins_a_run_does_not_wait_for_others_as_new() -> None:
    bench = Bench()
    bench.others.heard(1, 1, 1)
    bench.inbox.put(3, update(3))
    bench.awaiting.begin(1, 0.0, joins=True)
    bench.awaiting.release(2)
    assert bench.awaiting.over
