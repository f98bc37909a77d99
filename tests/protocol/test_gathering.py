"""How a peer begins: with all its neighbours, or a while after the first of them."""

from __future__ import annotations

import pytest

from gossipfl.errors import LocalProtocolError
from gossipfl.protocol.acquaintance import Acquaintances
from gossipfl.protocol.events import Send, SetTimer
from gossipfl.protocol.gathering import GATHER_TIMER, Gathering
from gossipfl.protocol.messages import Begun


def gathering(*here: int) -> Gathering:
    others = Acquaintances((1, 2, 3))
    for peer in here:
        others.joined(peer, 1)
    return Gathering(others, 30.0)


def test_others_are_waited_for_once_the_first_is_here() -> None:
    assert gathering().wait(first=True) == []
    assert gathering(2).wait(first=True) == [SetTimer(GATHER_TIMER, 30.0)]
    assert gathering(2, 3).wait(first=False) == []


def test_a_peer_is_started_once_and_gathers_until_it_begins() -> None:
    one = gathering()
    goes_on = [one.goes_on]
    one.start()
    goes_on.append(one.goes_on)
    with pytest.raises(LocalProtocolError, match="once"):
        one.start()
    one.begin(5.0)
    assert [*goes_on, one.goes_on] == [False, True, False]


def test_whoever_is_here_is_told_of_the_round() -> None:
    assert gathering(1, 3).announce(4) == [Send(1, Begun(4)), Send(3, Begun(4))]


def test_those_who_wait_for_others_are_waited_for_as_long_as_we_would_have_gathered() -> None:
    one = gathering(1)
    one.begin(100.0)
    assert one.left_s(110.0) == 20.0
    assert one.awaits_idle(129.0)
    assert not one.awaits_idle(130.0)


def test_nobody_waits_for_others_in_a_run_under_way() -> None:
    one = gathering(1)
    one.begin(100.0, late=True)
    assert not one.awaits_idle(100.0)
