"""What a free peer says and hears: it answers at once, and keeps what it heard while it trained."""

from __future__ import annotations

import numpy as np
from free_driven import Driven, closed, reasons, sent, trained_from, updates, walking

from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.protocol.events import Drop, Received, TimerFired
from gossipfl.protocol.exchanges import PENDING_CYCLES_MAX, WAITING_MAX
from gossipfl.protocol.flow import TokenAccount
from gossipfl.protocol.messages import Ask, Update


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


# Training on what is heard


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


def test_whoever_pushes_too_often_is_heard_at_its_own_pace() -> None:
    driven = Driven(1, 2, exchange="push", period_s=1.0).begin()
    told = [reasons(driven.hear(1, 9.0)) for _ in range(40)]
    assert told == [[]] * 4 + [["too often"]] * 36
    assert reasons(driven.hear(2, 1.0)) == []
    driven.now += 1.0
    assert [reasons(driven.hear(1, 9.0)) for _ in range(3)] == [[], [], ["too often"]]


def test_whoever_asks_too_often_is_not_answered() -> None:
    driven = Driven(1, exchange="pull", period_s=1.0).begin()
    answers = [driven.tell(Received(1, Ask())) for _ in range(10)]
    assert [len(answer) for answer in answers] == [1] * 4 + [0] * 6
