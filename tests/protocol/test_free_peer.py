"""One free peer: it waits for nobody, and finds its place in a run that is under way."""

from __future__ import annotations

import numpy as np
import pytest
from free_driven import ROUNDS, Driven, closed, reasons, sent, trained_from, updates, walking

from gossipfl.errors import LocalProtocolError, RunError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.protocol.encounters import HEARD_MAX, Encounters
from gossipfl.protocol.events import (
    Drop,
    Finished,
    Joined,
    Left,
    Received,
    Send,
    SetTimer,
    Started,
    Stop,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.messages import Ask, Begun, Message, Missed, Update
from gossipfl.protocol.targets import Neighbours

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
    driven = Driven(1).begin()
    driven.train(np.nan)
    with pytest.raises(RunError, match="learning_rate"):
        driven.train(np.nan)


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
