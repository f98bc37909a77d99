"""How a round ends: what is noted of it."""

from __future__ import annotations

import numpy as np

from gossipfl.protocol.acquaintance import SILENCE_MAX, Acquaintances
from gossipfl.protocol.closing import Closing
from gossipfl.protocol.conversation import Words
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.events import Note, Regarded, RoundClosed, Used
from gossipfl.protocol.messages import Update
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.targets import Neighbours

MODEL = np.ones(2)


def closing() -> Closing:
    targets = Neighbours((1, 2))
    others = Acquaintances(targets.peers)
    for peer in targets.peers:
        others.joined(peer, 1)
    return Closing(targets, others, Patience())


def words(sender: int, round: int) -> Words:
    return Words(sender, Update(round, 0, round, 10, 2, (MODEL,)), Taken((MODEL,)))


def test_who_was_heard_late_and_missed_is_counted() -> None:
    one = closing()
    one.listened([words(1, 4)], 5)
    (note,) = one.notes(5, MODEL, 1.5, 9.0)
    assert isinstance(note, Note)
    record = note.record
    assert isinstance(record, RoundClosed)
    assert (record.round, record.heard, record.missing, record.stale) == (5, 1, 1, 1)
    assert record.duration_s == 1.5
    assert record.used == (Used(1, 0, 4, 4),)


def test_whoever_is_silent_for_some_rounds_is_suspected_once() -> None:
    one = closing()
    suspected = []
    for round in range(1, SILENCE_MAX + 3):
        one.listened([words(1, round)], round)
        if Note(Regarded(2, "suspected")) in one.notes(round, MODEL, 1.0, float(round))[1:]:
            suspected.append(round)
    assert suspected == [SILENCE_MAX]
