"""Reserves stand in for lost neighbours: by consent, on top, bounded, and for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from gossipfl.draws import Draws
from gossipfl.protocol.acquaintance import Acquaintances
from gossipfl.protocol.changing import changing
from gossipfl.protocol.events import Drop, Effect, Note, Regarded, Send
from gossipfl.protocol.messages import Gone, PeerId, StandIn, Word
from gossipfl.protocol.stand_ins import (
    ASK_ROUNDS,
    BACK_ROUNDS,
    LOST_ROUNDS,
    STAND_INS_MAX,
    STAND_INS_MIN,
    StandIns,
)
from gossipfl.protocol.targets import Neighbours

ROUNDS = 100


class Table:
    """A peer with `own` neighbours and `reserves`, all of whom are there."""

    def __init__(self, own: Iterable[PeerId] = (1, 2), reserves: Iterable[PeerId] = range(10, 20)) -> None:
        self.own, self.reserves = tuple(own), tuple(reserves)
        self.one = StandIns(self.own, self.reserves, Draws(3, 0), ROUNDS)
        self.others = Acquaintances(self.one.peers, self.one.gathers)
        for peer in self.one.peers:
            self.others.joined(peer, 1)
        self.round = 1

    def lose(self, *peers: PeerId) -> None:
        for peer in peers:
            self.others[peer].here = False
            self.one.left(peer, self.round)

    def close(self) -> list[tuple[PeerId, Word]]:
        """End a round, and see what it says."""
        effects = self.one.closed(self.round, self.others)
        self.round += 1
        return said(effects)

    def answer(self, word: Word, *peers: PeerId) -> list[tuple[PeerId, Word]]:
        told = [self.one.told(peer, StandIn(word, self.round), self.round) for peer in peers]
        return said([effect for effects in told for effect in effects])

    def stand_ins(self) -> set[PeerId]:
        """Who stands in once the peer has spoken."""
        change = self.one.settle(self.round)
        for peer in change.came:
            self.others.met(peer)
        return set(self.one.speaks_to(self.round)) - set(self.own)


def said(effects: Sequence[Effect]) -> list[tuple[PeerId, Word]]:
    sent = [(e.to, e.message) for e in effects if isinstance(e, Send)]
    return [(to, message.word) for to, message in sent if isinstance(message, StandIn)]


def asked(table: Table) -> list[PeerId]:
    return [to for to, word in table.close() if word is Word.ASKS]


def test_while_more_than_half_are_there_nobody_is_asked() -> None:
    table = Table(own=range(1, 6))
    table.lose(1, 2)
    assert table.close() == []
    table.lose(3)
    assert len(asked(table)) == 3


def test_who_consents_is_a_neighbour_from_the_next_words_on() -> None:
    table = Table()
    table.lose(1)
    chosen = asked(table)
    assert len(chosen) == STAND_INS_MIN
    assert table.stand_ins() == set()
    assert table.answer(Word.AGREES, *chosen) == []
    assert tuple(table.one.speaks_to(2)) == (1, 2)
    assert table.stand_ins() == set(chosen)
    assert set(table.one.speaks_to(2)) == {1, 2, *chosen}, "no neighbour is replaced"


def test_who_declines_or_is_silent_gives_way_to_another() -> None:
    table = Table()
    table.lose(1, 2)
    first = asked(table)
    table.answer(Word.DECLINES, first[0])
    second = asked(table)
    assert len(second) == 1
    assert set(second).isdisjoint(first)
    later = [peer for _ in range(ASK_ROUNDS) for peer in asked(table)]
    assert later
    assert set(later).isdisjoint(first + second)


def test_never_more_are_asked_than_is_said() -> None:
    table = Table(own=range(1, 31), reserves=range(100, 160))
    table.lose(*range(1, 31))
    assert len(asked(table)) == STAND_INS_MAX
    assert asked(table) == []


def test_one_that_nobody_asked_is_told_off_once_a_round() -> None:
    table = Table()
    assert not table.one.takes(10)
    assert said(table.one.unbidden(10, 1)) == [(10, Word.ENDS)]
    assert table.one.unbidden(10, 1) == []
    assert table.answer(Word.AGREES, 11) == [(11, Word.ENDS)]
    assert table.stand_ins() == set()


def test_one_that_was_asked_agrees_by_speaking() -> None:
    table = Table()
    table.lose(1)
    chosen = asked(table)
    assert table.one.unbidden(chosen[0], 2) == []
    assert table.one.takes(chosen[0])


@pytest.mark.parametrize("degree", [1, 2, 5, 8])
def test_a_hostile_crowd_adds_half_as_many_as_there_are_neighbours(degree: int) -> None:
    table = Table(own=range(1, degree + 1), reserves=range(100, 130))
    answers = [table.answer(Word.ASKS, peer)[0][1] for peer in table.reserves]
    assert answers.count(Word.AGREES) == max(1, degree // 2)
    assert len(table.stand_ins()) == max(1, degree // 2)
    assert set(table.own) <= set(table.one.speaks_to(1))


def test_who_lacks_neighbours_takes_those_who_ask_for_them() -> None:
    table = Table()
    table.lose(1, 2)
    table.close()
    answers = [table.answer(Word.ASKS, peer)[0][1] for peer in table.reserves]
    assert answers.count(Word.AGREES) >= STAND_INS_MIN
    assert len(table.stand_ins()) <= STAND_INS_MIN + 1 + STAND_INS_MIN


def test_neither_neighbours_nor_strangers_to_the_list_stand_in() -> None:
    table = Table()
    effects = table.one.told(1, StandIn(Word.ASKS, 1), 1)
    assert Drop(1, "unasked") in effects
    assert Drop(10, "unasked") in table.one.told(10, Gone(()), 1)


def test_stand_ins_go_when_enough_are_back_for_a_while() -> None:
    table = Table()
    table.lose(1)
    chosen = asked(table)
    table.answer(Word.AGREES, *chosen)
    assert table.stand_ins() == set(chosen)
    table.others.joined(1, 1)
    said_then = [words for _ in range(BACK_ROUNDS) for words in table.close()]
    assert said_then == [(peer, Word.ENDS) for peer in chosen]
    change = table.one.settle(table.round)
    assert set(change.went) == set(chosen)
    assert Note(Regarded(chosen[0], "released")) in change.effects
    assert tuple(table.one.speaks_to(table.round)) == (1, 2)


def test_who_was_asked_to_stand_in_goes_on_until_the_other_ends_it() -> None:
    table = Table()
    table.answer(Word.ASKS, 10)
    for _ in range(3 * BACK_ROUNDS):
        assert table.close() == []
    assert table.stand_ins() == {10}
    table.answer(Word.ENDS, 10)
    assert table.stand_ins() == set()


def test_a_stand_in_that_falls_silent_is_let_go_and_another_asked() -> None:
    table = Table()
    table.lose(1)
    chosen = asked(table)
    table.answer(Word.AGREES, *chosen)
    table.stand_ins()
    table.others[chosen[0]].unheard = LOST_ROUNDS
    words = table.close()
    assert (chosen[0], Word.ENDS) in words
    (other,) = [to for to, word in words if word is Word.ASKS]
    assert other not in chosen


def test_a_broken_link_ends_what_was_agreed_on() -> None:
    table = Table()
    table.lose(1)
    chosen = asked(table)
    table.answer(Word.AGREES, *chosen)
    table.lose(chosen[0])
    assert table.stand_ins() == {chosen[1]}


def test_who_has_finished_is_not_lost() -> None:
    table = Table()
    for peer in table.own:
        table.others.heard(peer, ROUNDS, ROUNDS)
    table.lose(*table.own)
    assert table.close() == []


def test_whom_to_ask_follows_from_the_draws_alone() -> None:
    def order(seed: int) -> list[PeerId]:
        one = StandIns((1, 2), tuple(range(10, 20)), Draws(seed, 0), ROUNDS)
        others = Acquaintances(one.peers)
        for peer in one.peers:
            others.joined(peer, 1)
        others[1].here = False
        return [to for to, _ in said(one.closed(1, others))]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(8)}) > 4


def test_targets_that_never_change_take_all_and_ask_nobody() -> None:
    still = changing(Neighbours((1, 2)))
    assert still.takes(1)
    assert still.gathers == (1, 2)
    assert still.settle(1).effects == still.closed(1, Acquaintances((1, 2))) == ()
