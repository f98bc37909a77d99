"""A neighbour that says old things very often loses its link; one whose network repeats itself does not."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.admission import REPLAYS_MAX, Admission
from gossipfl.protocol.events import Drop, refused
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.messages import Update

WORDS = (np.zeros(2),)


def update(round: int) -> Update:
    return Update(round, 0, round, 1, 1, WORDS)


def reasons(admission: Admission, count: int) -> list[str]:
    """Why each of so many replays of round 1 is refused."""
    found = []
    for _ in range(count):
        with pytest.raises(RemoteProtocolError) as error:
            admission.check(7, update(1))
        found.append(error.value.reason)
    return found


def test_many_replays_between_two_new_updates_are_a_flood() -> None:
    admission = Admission(10, layout_of(WORDS), layout_of(WORDS))
    admission.check(7, update(1))
    told = reasons(admission, 2 * (REPLAYS_MAX + 1))
    assert told == 2 * (["replay"] * REPLAYS_MAX + ["flood"])


def test_a_new_update_makes_good_for_replays() -> None:
    admission = Admission(10, layout_of(WORDS), layout_of(WORDS))
    for round in range(1, 11):
        admission.check(7, update(round))
        assert set(reasons(admission, REPLAYS_MAX)) == {"replay"}


def test_a_flood_closes_its_link_and_a_replay_does_not() -> None:
    assert any(isinstance(effect, Drop) for effect in refused(7, "flood"))
    assert not any(isinstance(effect, Drop) for effect in refused(7, "replay"))
