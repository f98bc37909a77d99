"""How old words may be: held up ones are refused, those of one that is behind are not."""

from __future__ import annotations

import numpy as np

from gossipfl.protocol.acquaintance import SILENCE_MAX, Acquaintances
from gossipfl.protocol.conversation import Words
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.inbox import STALENESS_MAX
from gossipfl.protocol.messages import Update
from gossipfl.protocol.staleness import HELD_UP_MAX, Staleness

ROUNDS = 50
OLD = STALENESS_MAX + 1


def words(sender: int, round: int) -> Words:
    model = np.ones(2)
    return Words(sender, Update(round, 0, round, 10, 2, (model,)), Taken((model,)))


def test_words_that_were_held_up_now_and_then_are_refused() -> None:
    one = Staleness(ROUNDS)
    for _ in range(3):
        assert [one.spoke(1, OLD) for _ in range(HELD_UP_MAX)] == [True] * HELD_UP_MAX
        assert not one.spoke(1, STALENESS_MAX)
        assert one.most(1) == STALENESS_MAX


def test_one_that_is_behind_is_heard_until_it_is_not_and_nobody_else_is_for_that() -> None:
    one = Staleness(ROUNDS)
    heard = [not one.spoke(1, 20) for _ in range(HELD_UP_MAX + 3)]
    assert heard == [False] * HELD_UP_MAX + [True] * 3
    assert (one.most(1), one.most(2)) == (ROUNDS, STALENESS_MAX)
    assert not one.spoke(1, 0)
    assert one.spoke(1, OLD)


def test_whoever_hears_nobody_in_time_takes_words_however_old() -> None:
    one = Staleness(ROUNDS)
    for round in range(10, 10 + SILENCE_MAX):
        assert one.most(1) == STALENESS_MAX
        one.listened([words(1, round - OLD)], round)
    assert one.most(1) == ROUNDS
    assert not one.spoke(1, 30)
    one.listened([words(1, 20)], 20)
    assert one.most(2) == STALENESS_MAX


def test_most_are_behind_if_more_than_half_of_those_here_speak_of_rounds_long_past() -> None:
    others = Acquaintances((1, 2, 3))
    for peer in (1, 2, 3):
        others.joined(peer, 1)
        others.heard(peer, 20, 20)
    others.heard(1, 5, 20)
    assert not others.most_are_behind((1, 2, 3))
    others.heard(2, 20 - OLD, 20)
    assert others.most_are_behind((1, 2, 3))
    assert not others.most_are_behind((2, 3))
    others[1].here = False
    assert not others.most_are_behind((1, 2, 3))
    others.heard(3, 5, 20)
    for _ in range(SILENCE_MAX):
        others.closed(3, heard=False)
    assert not others.most_are_behind((2, 3))
