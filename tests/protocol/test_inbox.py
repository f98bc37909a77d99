"""What waits to be used: at most once, at most two of each neighbour, nothing too old."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.protocol.inbox import STALENESS_MAX, Inbox
from gossipfl.protocol.messages import Update


def update(round: int) -> Update:
    return Update(round, 0, round, 10, 2, (np.full(1, float(round)),))


def filled(*rounds: int, sender: int = 1) -> Inbox:
    inbox = Inbox()
    for round in rounds:
        inbox.put(sender, update(round))
    return inbox


def taken(inbox: Inbox, round: int) -> list[tuple[int, int]]:
    return [(sender, updates[-1].round) for sender, updates in inbox.take(round)]


def test_an_update_is_taken_once() -> None:
    inbox = filled(4)
    assert taken(inbox, 4) == [(1, 4)]
    assert taken(inbox, 5) == []


@pytest.mark.parametrize(
    ("rounds", "at", "used"),
    [
        ((4, 5), 4, [4]),
        ((4, 5), 5, [5]),
        ((3,), 4, [3]),
        ((5,), 4, []),  # its sender's round 4 was lost; it is for the next round
        ((9,), 4, [9]),  # its sender is far ahead and will not speak of round 4 again
        ((8, 9), 4, [8]),
        ((10,), 10 + STALENESS_MAX, [10]),
        ((10,), 10 + STALENESS_MAX + 1, []),
    ],
)
def test_the_newest_that_fits_is_taken(rounds: tuple[int, ...], at: int, used: list[int]) -> None:
    assert taken(filled(*rounds), at) == [(1, round) for round in used]


def test_what_is_older_than_what_was_taken_is_gone_and_what_is_newer_stays() -> None:
    inbox = filled(4, 5)
    assert taken(inbox, 4) == [(1, 4)]
    assert taken(inbox, 5) == [(1, 5)]
    inbox = filled(4, 5)
    assert taken(inbox, 5) == [(1, 5)]
    assert taken(inbox, 6) == []


def test_what_leads_to_the_newest_comes_with_it_in_order() -> None:
    ((_, updates),) = filled(5, 4).take(5)
    assert [update.round for update in updates] == [4, 5]


def test_whoever_is_far_ahead_is_used_early_only_in_a_round_in_which_it_is_due() -> None:
    inbox = filled(9)
    assert inbox.take(4, due={2}) == []
    assert taken(inbox, 9) == [(1, 9)]
    ((sender, [words]),) = filled(9).take(4, due={1, 2})
    assert (sender, words.round) == (1, 9)


def test_senders_are_taken_in_growing_order_whoever_spoke_first() -> None:
    inbox = Inbox()
    for sender in (30, 7, 19):
        inbox.put(sender, update(1))
    assert taken(inbox, 1) == [(7, 1), (19, 1), (30, 1)]


def test_a_flood_leaves_two_updates_of_its_sender() -> None:
    inbox = filled(*range(1, 1_001))
    assert [inbox.holds(1, round) for round in (1_000, 1_001)] == [True, False]
    assert len(taken(inbox, 999)) + len(taken(inbox, 1_000)) + len(taken(inbox, 1_001)) == 2


def test_the_last_word_on_a_round_counts() -> None:
    inbox = filled(3)
    inbox.put(1, Update(3, 0, 9, 10, 2, (np.full(1, 99.0),)))
    ((_, (kept,)),) = inbox.take(3)
    assert kept.payload[0] == 99.0
