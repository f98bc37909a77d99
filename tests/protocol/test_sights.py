"""What a peer takes each of the others for, as people may see it."""

from __future__ import annotations

from gossipfl.protocol.acquaintance import LAG_MAX, SILENCE_MAX, Acquaintances, Presence, Sight
from gossipfl.protocol.encounters import Encounters


def test_a_neighbour_is_seen_as_what_it_is_taken_for() -> None:
    others = Acquaintances((1, 2))
    assert others.sights == {1: Sight(Presence.GONE, None), 2: Sight(Presence.GONE, None)}
    others.joined(1, 1)
    others.begun(1, 1, 1)
    assert others.sights[1] == Sight(Presence.HERE, 1)
    others.heard(1, 4, 5 + LAG_MAX)
    assert others.sights[1] == Sight(Presence.LATE, 4)
    for _ in range(SILENCE_MAX):
        others.closed(1, heard=False)
    assert others.sights[1] == Sight(Presence.SUSPECTED, 4)
    others[1].here = False
    assert others.sights[1] == Sight(Presence.GONE, 4)


def test_whom_nobody_waits_for_is_here_or_gone() -> None:
    others = Encounters(0, (1, 2), 0, 0, announced=True)
    others.joined(1)
    others.heard(1, 5)
    assert others.sights == {1: Sight(Presence.HERE, 5), 2: Sight(Presence.GONE, None)}
    others.left(1, 3)
    assert others.sights[1] == Sight(Presence.GONE, 5)
