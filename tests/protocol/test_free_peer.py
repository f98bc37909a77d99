"""One free peer: it waits for nobody, answers at once, and keeps what it heard while it trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gossipfl.errors import LocalProtocolError, RunError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.learn.algorithms.pair_averaging import PairAveraging
from gossipfl.learn.contracts import Array
from gossipfl.protocol.encounters import HEARD_MAX, Encounters
from gossipfl.protocol.events import (
    Drop,
    Effect,
    Event,
    Finished,
    Joined,
    Left,
    Note,
    Received,
    Refused,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    Stop,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.exchanges import PENDING_CYCLES_MAX, WAITING_MAX
from gossipfl.protocol.flow import TokenAccount
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.messages import Ask, Begun, Message, Missed, PeerId, Update
from gossipfl.protocol.targets import Neighbours

ROUNDS = 50


class Driven:
    """A free peer with `neighbours`, a clock in hand, and what it asked for."""

    def __init__(self, *neighbours: PeerId, algorithm: Any = None, **settings: Any) -> None:
        given = {"rounds": ROUNDS, "samples": 10, "seed": 0, "period_s": 0.0} | settings
        self.peer = FreePeer(0, algorithm or PairAveraging(), np.zeros(2), Neighbours(neighbours), **given)
        self.neighbours = neighbours
        self.now = 0.0
        self._sequences: dict[PeerId, int] = {}

    def tell(self, *events: Event) -> list[Effect]:
        return [effect for event in events for effect in self.peer.handle(event, self.now)]

    def begin(self) -> Driven:
        self.tell(Started(), *map(Joined, self.neighbours))
        return self

    def hear(self, sender: PeerId, value: float, round: int = 1, **fields: Any) -> list[Effect]:
        self._sequences[sender] = sequence = self._sequences.get(sender, 0) + 1
        update = Update(round, 0, sequence, 10, 1, (np.full(2, value),), **fields)
        return self.tell(Received(sender, update))

    def train(self, value: float) -> list[Effect]:
        return self.tell(Trained(np.full(2, value)))

    def cycle(self) -> list[Effect]:
        """Training that changes nothing."""
        return self.tell(Trained(self.peer.model))


def sent(effects: list[Effect]) -> list[tuple[PeerId, Message]]:
    return [(effect.to, effect.message) for effect in effects if isinstance(effect, Send)]


def updates(effects: list[Effect]) -> list[Update]:
    return [message for _, message in sent(effects) if isinstance(message, Update)]


def trained_from(effects: list[Effect]) -> list[Array]:
    return [effect.vector for effect in effects if isinstance(effect, Train)]


def closed(effects: list[Effect]) -> list[RoundClosed]:
    return [e.record for e in effects if isinstance(e, Note) and isinstance(e.record, RoundClosed)]


def reasons(effects: list[Effect]) -> list[str]:
    return [e.record.reason for e in effects if isinstance(e, Note) and isinstance(e.record, Refused)]


# Cycles


def test_a_cycle_trains_speaks_to_one_neighbour_and_the_next_begins() -> None:
    driven = Driven(1, 2, 3, exchange="push").begin()
    effects = driven.train(5.0)
    (update,) = updates(effects)
    assert update.round == 1
    assert np.array_equal(update.payload[0], np.full(2, 5.0))
    assert [record.round for record in closed(effects)] == [1]
    assert len(trained_from(effects)) == 1


def test_nobody_is_waited_for_once_it_has_begun() -> None:
    driven = Driven(1, 2, exchange="push-pull").begin()
    for _ in range(ROUNDS - 1):
        assert trained_from(driven.cycle())
    assert driven.peer.round == ROUNDS


def test_all_neighbours_are_drawn_alike() -> None:
    driven = Driven(1, 2, 3, 4, exchange="push", rounds=4001).begin()
    to = [peer for _ in range(4000) for peer, _ in sent(driven.cycle())]
    assert np.bincount(to, minlength=5)[1:] == pytest.approx(1000, abs=120)


def test_a_cycle_lasts_its_period() -> None:
    driven = Driven(1, exchange="push", period_s=2.0).begin()
    driven.now = 0.5
    effects = driven.train(1.0)
    (timer,) = [effect for effect in effects if isinstance(effect, SetTimer)]
    assert timer.delay_s == pytest.approx(1.5)
    assert not closed(effects)
    driven.now = 2.0
    assert closed(driven.tell(TimerFired(timer.timer)))[0].duration_s == 2.0


def test_training_that_outlasts_the_period_is_followed_by_the_next_at_once() -> None:
    driven = Driven(1, exchange="push", period_s=2.0).begin()
    driven.now = 7.0
    assert trained_from(driven.train(1.0))


def test_the_last_cycle_waits_a_little_for_the_answer_that_is_due() -> None:
    driven = Driven(1, rounds=1).begin()
    effects = driven.train(4.0)
    assert not closed(effects)
    assert [type(effect) for effect in effects] == [Send, SetTimer]
    effects = driven.hear(1, 0.0)
    assert np.allclose(closed(effects)[0].vector, 4.0 - 4.0 / 3)
    assert isinstance(effects[-1], Finished)


def test_whoever_owes_the_last_answer_may_leave() -> None:
    driven = Driven(1, rounds=1).begin()
    driven.train(4.0)
    assert isinstance(driven.tell(Left(1))[-1], Finished)


def test_a_peer_whose_neighbours_are_gone_goes_on_alone() -> None:
    driven = Driven(1, 2).begin()
    driven.tell(Left(1), Left(2))
    for _ in range(ROUNDS - 1):
        driven.cycle()
    assert isinstance(driven.cycle()[-1], Finished)


def test_a_stop_ends_it() -> None:
    driven = Driven(1).begin()
    assert isinstance(driven.tell(Stop())[0], Finished)
    assert driven.hear(1, 1.0) == []


def test_it_begins_without_those_who_do_not_come() -> None:
    driven = Driven(1, 2, gather_s=9.0)
    assert driven.tell(Started()) == []
    (timer,) = driven.tell(Joined(2))
    assert isinstance(timer, SetTimer)
    assert timer.delay_s == 9.0
    assert trained_from(driven.tell(TimerFired(timer.timer)))
    assert [peer for peer, _ in sent(driven.cycle())] == [2]


def test_where_nobody_is_announced_it_begins_at_once_and_speaks_to_anybody() -> None:
    peer = FreePeer(
        7,
        Dpsgd(),
        np.zeros(2),
        Neighbours(range(1_000_000)),
        rounds=99,
        samples=1,
        seed=0,
        period_s=0.0,
        exchange="push",
        gather_s=None,
    )
    (train,) = peer.handle(Started(), 0.0)
    assert isinstance(train, Train)
    assert len({to for _ in range(9) for to, _ in sent(peer.handle(Trained(np.ones(2)), 0.0))}) == 9


# Exchanges


def test_an_ask_is_answered_at_once_even_while_it_trains() -> None:
    driven = Driven(1, 2).begin()
    ((to, answer),) = sent(driven.hear(2, 12.0, asks=True))
    assert to == 2
    assert isinstance(answer, Update)
    assert not answer.asks
    assert np.array_equal(answer.payload[0], np.zeros(2))
    assert np.array_equal(driven.peer.model, np.full(2, 4.0))


def test_what_training_changed_is_added_to_what_was_heard_meanwhile() -> None:
    driven = Driven(1, 2).begin()
    driven.hear(2, 12.0, asks=True)
    (update,) = updates(driven.train(1.0))
    assert np.array_equal(update.payload[0], np.full(2, 5.0))


def test_both_sides_of_an_exchange_move_by_the_same_difference() -> None:
    one, other = Driven(1).begin(), Driven(0).begin()
    (said,) = updates(one.train(6.0))
    assert said.asks
    other.hear(0, 2.0, asks=True)  # somebody else changes the other before
    (answer,) = updates(other.tell(Received(0, _renumbered(said))))
    one.hear(1, 3.0, asks=True)  # and the one meanwhile
    moved = one.peer.model
    one.tell(Received(1, _renumbered(answer)))
    assert np.allclose(one.peer.model - moved, -(np.full(2, 6.0) - answer.payload[0]) / 3)
    assert np.allclose(other.peer.model - answer.payload[0], (np.full(2, 6.0) - answer.payload[0]) / 3)


def _renumbered(update: Update) -> Update:
    return Update(update.round, 1, update.sequence, 10, 1, update.payload, asks=update.asks)


def test_an_answer_to_nothing_is_not_used() -> None:
    driven = Driven(1, 2).begin()
    effects = driven.hear(2, 8.0)
    assert reasons(effects) == ["unasked"]
    assert not any(isinstance(effect, Drop) for effect in effects)
    assert np.array_equal(driven.peer.model, np.zeros(2))


def test_it_asks_one_at_a_time_and_gives_a_lost_answer_up() -> None:
    driven = Driven(1, 2).begin()
    asked = [len(updates(driven.cycle())) for _ in range(2 * PENDING_CYCLES_MAX + 1)]
    assert asked == [1, *[0] * (PENDING_CYCLES_MAX - 1)] * 2 + [1]


def test_a_pull_asks_and_tells_nothing() -> None:
    driven = Driven(1, exchange="pull").begin()
    assert sent(driven.cycle()) == [(1, Ask())]
    driven.hear(1, 6.0)
    assert np.array_equal(driven.peer.model, np.full(2, 3.0))
    assert [type(message) for _, message in sent(driven.tell(Received(1, Ask())))] == [Update]


def test_a_claim_of_many_samples_counts_for_a_half_at_most() -> None:
    driven = Driven(1, exchange="push").begin()
    driven.tell(Received(1, Update(1, 0, 1, 1 << 40, 1, (np.full(2, 8.0),))))
    assert np.array_equal(driven.peer.model, np.full(2, 4.0))
    driven.tell(Received(1, Update(1, 0, 2, 1, 1, (np.full(2, 24.0),))))
    assert np.allclose(driven.peer.model, 4.0 + 20.0 / 20)


def test_stale_words_count_less() -> None:
    driven = Driven(1, exchange="push", staleness=0.5).begin()
    for _ in range(3):
        driven.cycle()
    driven.hear(1, 8.0, round=1)
    assert np.allclose(driven.peer.model, 8.0 * 0.5 * 4**-0.5)


# Refusals


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Update(1, 0, 1, 10, 1, (np.array([np.nan, 0]),)), "non-finite"),
        (Update(ROUNDS + 1, 0, 1, 10, 1, (np.zeros(2),)), "round"),
        (Update(1, 0, 1, 10, 1, (np.zeros(3),)), "layout"),
        (Begun(ROUNDS + 1), "round"),
        (Missed(), "unasked"),
    ],
)
def test_what_breaks_a_rule_is_refused(message: Message, reason: str) -> None:
    driven = Driven(1).begin()
    effects = driven.tell(Received(1, message))
    assert reasons(effects) == [reason]
    assert isinstance(effects[-1], Drop)
    assert np.array_equal(driven.peer.model, np.zeros(2))


def test_a_stranger_is_refused_whatever_it_says() -> None:
    driven = Driven(1).begin()
    assert reasons(driven.hear(9, 1.0)) == ["stranger"]
    assert reasons(driven.tell(Received(9, Ask()))) == ["stranger"]
    assert driven.tell(Joined(9), Left(9)) == []


def test_words_are_used_once_though_a_round_may_repeat() -> None:
    driven = Driven(1, exchange="push").begin()
    driven.hear(1, 1.0, round=3)
    assert reasons(driven.hear(1, 1.0, round=3)) == []
    again = Update(3, 0, 2, 10, 1, (np.ones(2),))
    assert reasons(driven.tell(Received(1, again))) == ["replay"]
    assert reasons(driven.hear(1, 1.0, round=2)) == ["replay"]


def test_training_that_diverges_stops_the_run() -> None:
    with pytest.raises(RunError, match="learning_rate"):
        Driven(1).begin().train(np.nan)


def test_a_driver_that_breaks_the_rules_is_told() -> None:
    driven = Driven(1).begin()
    with pytest.raises(LocalProtocolError, match="once"):
        driven.tell(Started())
    walker = walking()
    with pytest.raises(LocalProtocolError, match="asked"):
        walker.train(1.0)


# Late comers


def test_a_newcomer_asks_and_adopts_what_it_first_hears() -> None:
    driven = Driven(1, 2)
    driven.tell(Started(), Joined(1))
    assert sent(driven.tell(Received(1, Begun(9)))) == [(1, Ask())]
    effects = driven.hear(1, 7.0, round=9)
    assert np.array_equal(trained_from(effects)[0], np.full(2, 7.0))


def test_a_newcomer_asks_until_it_is_answered_and_tells_nothing() -> None:
    driven = Driven(1, exchange="push").begin()
    driven.tell(Received(1, Begun(9)))
    assert driven.tell(Received(1, Ask())) == []
    assert sent(driven.cycle()) == [(1, Ask())]
    driven.hear(1, 7.0, round=12)
    assert np.array_equal(driven.peer.model, np.full(2, 7.0))
    assert [type(message) for _, message in sent(driven.tell(Received(1, Ask())))] == [Update]


def test_what_a_newcomer_learnt_from_scratch_is_void() -> None:
    driven = Driven(1).begin()
    ((_, answer),) = sent(driven.hear(1, 7.0, round=9, asks=True))
    assert isinstance(answer, Update)
    assert np.array_equal(answer.payload[0], np.full(2, 7.0))  # so that it takes nothing off the other
    effects = driven.train(1.0)
    assert not updates(effects)
    assert np.array_equal(trained_from(effects)[0], np.full(2, 7.0))


def test_whoever_comes_late_is_told_how_far_we_are() -> None:
    driven = Driven(1, 2).begin()
    driven.cycle()
    assert sent(driven.tell(Left(2), Joined(2))) == [(2, Begun(2))]


def test_a_peer_far_behind_joins_the_lower_median() -> None:
    driven = Driven(1, 2, 3, exchange="push").begin()
    driven.hear(1, 0.0, round=1)
    for sender, round in ((1, 7), (2, 9), (3, ROUNDS)):
        driven.hear(sender, 0.0, round=round)
    assert closed(driven.cycle())[0].round == 9


def test_one_that_claims_to_be_far_ahead_pulls_nobody_along() -> None:
    driven = Driven(1, 2, 3, exchange="push").begin()
    driven.hear(1, 0.0, round=1)
    driven.hear(1, 0.0, round=ROUNDS)
    driven.hear(2, 0.0, round=1)
    assert closed(driven.cycle())[0].round == 1


def test_of_those_heard_so_many_are_remembered() -> None:
    others = Encounters(0, range(1000), 0, 0, announced=False)
    for peer in range(1, 500):
        others.heard(peer, peer)
    assert others.round_to_join(1) == 499 - HEARD_MAX // 2


# Training on what is heard


def walking(**settings: Any) -> Driven:
    given: dict[str, Any] = {"exchange": "push", "trains": "on-hearing", "period_s": 1.0} | settings
    return Driven(1, 2, 3, algorithm=MergeUpdate(), **given).begin()


def test_it_trains_on_what_it_hears_and_speaks_each_period() -> None:
    driven = walking()
    (train,) = trained_from(driven.hear(1, 4.0))
    assert np.array_equal(train, np.full(2, 2.0))
    assert sent(driven.train(3.0)) == []
    driven.now = 1.0
    effects = driven.tell(TimerFired(1))
    assert [record.round for record in closed(effects)] == [1]
    assert np.array_equal(updates(effects)[0].payload[0], np.full(2, 3.0))


def test_what_comes_while_it_trains_waits_the_newest_of_each() -> None:
    driven = walking()
    driven.hear(1, 4.0)
    assert driven.hear(2, 6.0) == driven.hear(3, 8.0) == driven.hear(2, 10.0) == []
    assert np.array_equal(trained_from(driven.cycle())[0], np.full(2, (4 + 8) / 2))
    assert np.array_equal(trained_from(driven.cycle())[0], np.full(2, (8 + 10) / 2))
    assert driven.cycle() == []


def test_what_waits_is_bounded() -> None:
    peers = range(1, WAITING_MAX + 9)
    driven = Driven(*peers, algorithm=MergeUpdate(), exchange="push", trains="on-hearing", period_s=1.0)
    driven.begin()
    for peer in peers:
        driven.hear(peer, 1.0)
    trained = 0
    while trained_from(driven.cycle()):
        trained += 1
    assert trained == WAITING_MAX


def test_tokens_are_saved_until_something_is_heard() -> None:
    driven = walking(tokens=TokenAccount(20, 2))
    said = 0
    for period in range(1, 4):
        driven.now = float(period)
        said += len(updates(driven.tell(TimerFired(period))))
    driven.hear(1, 1.0)
    spent = len(updates(driven.cycle()))
    assert said <= 2
    assert spent >= 1
