"""A peer that goes on from what an earlier life remembered."""

from __future__ import annotations

from typing import Any

import free_driven
import numpy as np
import pytest
from test_round_peer import Driven, closed, refusals

from gossipfl.errors import DataError
from gossipfl.protocol.events import (
    Drop,
    Finished,
    Joined,
    Left,
    Note,
    Quarantined,
    Received,
    Send,
    SetTimer,
    Started,
    TimerFired,
    Train,
)
from gossipfl.protocol.gathering import GATHER_S
from gossipfl.protocol.memory import Memory, Place
from gossipfl.protocol.messages import Begun, Proof, Update
from gossipfl.protocol.notary import Sealed, author_of
from gossipfl.protocol.patience import FLOOR_S
from gossipfl.protocol.round_peer import Phase
from gossipfl.protocol.targets import Neighbours
from gossipfl.protocol.watch import Watch

HOUR_S = 3600.0


def earlier() -> Driven:
    """A life in which two rounds were closed with both neighbours, and a third word of one came."""
    driven = Driven(1, 2).begin()
    for round_ in (1, 2):
        driven.train(value=float(round_))
        driven.hear(1, round_)
        driven.hear(2, round_)
    driven.hear(1, 3)
    return driven


def later(memory: Memory) -> Driven:
    driven = Driven(1, 2)
    driven.peer.resume(memory)
    return driven


def update(round_: int, sequence: int) -> Update:
    return Update(round_, 0, sequence, 10, 2, (np.full(2, 9.0),))


def test_it_holds_what_it_held_and_is_in_the_round_after() -> None:
    before = earlier()
    memory = before.peer.memory(2)
    after = later(memory)
    assert np.array_equal(after.peer.model, before.peer.model)
    assert after.peer.round == 3
    assert memory.newest == {1: Place(0, 3, 3), 2: Place(0, 2, 2)}


def test_what_an_earlier_life_used_is_a_replay_and_what_it_forgot_is_used_once() -> None:
    before = Driven(1, 2).begin()
    before.train()
    before.hear(1, 1)
    before.hear(2, 1)
    memory = before.peer.memory(1)
    before.train()
    before.hear(1, 2)  # it is accepted, and forgotten with what came after the checkpoint
    after = later(memory)
    after.tell(Started(), Joined(1), Joined(2))
    assert refusals(after.tell(Received(1, update(1, 1)))) == ["replay"]
    assert refusals(after.tell(Received(1, update(2, 2)))) == []
    assert refusals(after.tell(Received(1, update(2, 2)))) == ["replay"]


def test_one_neighbour_is_believed_that_the_run_is_under_way_and_its_words_are_mixed_not_adopted() -> None:
    after = later(earlier().peer.memory(2))
    own = after.peer.model.copy()
    after.tell(Started(), Joined(1))
    effects = after.tell(Received(1, Begun(20)))
    assert not any(isinstance(effect, Train) for effect in effects)
    assert Send(1, Begun(3)) in effects
    effects = after.hear(1, 20, value=9.0, epoch=5)
    assert [record.round for record in closed(effects)] == [20]
    assert (own < after.peer.model).all()
    assert (after.peer.model < 9.0).all()


def test_if_nobody_says_a_word_it_goes_on_by_itself() -> None:
    after = later(earlier().peer.memory(2))
    after.tell(Started(), Joined(1), Received(1, Begun(20)))
    assert any(isinstance(effect, Train) for effect in after.time_out())
    assert after.now <= 2 * FLOOR_S


def test_where_all_were_away_they_begin_as_soon_as_all_are_back() -> None:
    after = later(earlier().peer.memory(2))
    after.tell(Started(), Joined(1))
    effects = after.tell(Joined(2))
    assert [effect.round for effect in effects if isinstance(effect, Train)] == [3]
    effects = after.train()
    said = [effect.message for effect in effects if isinstance(effect, Send)]
    assert [(word.round, word.sequence) for word in said if isinstance(word, Update)] == [(3, 1)] * 2
    assert after.peer.phase is Phase.WAITING  # for the two, who were never suspected


def test_whoever_stays_away_is_not_waited_for_as_at_the_first_start() -> None:
    memory = earlier().peer.memory(2)
    after = Driven(1, 2, gather_s=HOUR_S)
    after.peer.resume(memory)
    effects = after.tell(Started(), Joined(1))
    assert effects == [SetTimer(0, GATHER_S)]
    assert any(isinstance(effect, Train) for effect in after.tell(TimerFired(0)))


def test_whoever_had_closed_the_last_round_has_finished() -> None:
    after = later(earlier().peer.memory(2)._replace(round=50))
    assert after.tell(Started()) == [Finished()]


@pytest.mark.parametrize(
    "state",
    [(), (np.zeros(3),), (np.zeros(2, np.float32),), (np.zeros(2), np.zeros(2)), (np.array([1.0, np.nan]),)],
)
def test_a_state_that_is_none_of_the_algorithms_is_refused(state: Any) -> None:
    with pytest.raises(DataError):
        later(earlier().peer.memory(2)._replace(state=state))


def test_a_free_peer_goes_on_in_its_own_cycle_and_uses_nothing_twice() -> None:
    before = free_driven.Driven(1, 2, exchange="push").begin()
    before.hear(1, 8.0)
    before.train(4.0)
    memory = before.peer.memory(1)
    after = free_driven.Driven(1, 2, exchange="push", gather_s=HOUR_S)
    after.peer.resume(memory)
    assert np.array_equal(after.peer.model, before.peer.model)
    after.begin()
    assert after.peer.round == 2
    assert free_driven.reasons(after.hear(1, 8.0)) == ["replay"]
    assert np.array_equal(after.peer.model, before.peer.model)


def test_a_free_peer_that_had_finished_has_finished() -> None:
    after = free_driven.Driven(1, exchange="push")
    after.peer.resume(Memory(free_driven.ROUNDS, (np.zeros(2),), {}))
    assert after.tell(Started()) == [Finished()]


# Under a watch


def watch() -> Watch:
    driven, authors = Driven(1, 2), {peer: author_of(peer) for peer in (1, 2)}
    return Watch(driven.peer, Neighbours((1, 2)), authors, Sealed())


def proof(author: int, *, forged: bool = False) -> Proof:
    """That `author` said two things of round 4."""
    notary = Sealed()
    said = [notary.stated(author, Update(4, 0, 4, 10, 2, (np.full(2, value),))) for value in (1.0, 2.0)]
    return Proof(said[0], said[1]._replace(evidence=bytes(16)) if forged else said[1])


def test_whom_an_earlier_life_convicted_is_shut_out_from_the_start() -> None:
    memory = earlier().peer.memory(2)._replace(proofs=(proof(1),))
    watched = watch()
    watched.resume(memory)
    effects = watched.handle(Started(), 0.0)
    assert Drop(1, "equivocation", float("inf")) in effects
    assert [e.record.peer for e in effects if isinstance(e, Note) and isinstance(e.record, Quarantined)] == [
        1
    ]
    assert watched.memory(3).proofs == memory.proofs
    assert [type(effect) for effect in watched.handle(Joined(1), 1.0)] == [Drop]
    assert watched.handle(Left(1), 2.0) == []


def test_no_file_convicts_anybody_without_a_proof() -> None:
    watched = watch()
    proofs = proof(1, forged=True), Proof(proof(2).one, proof(2).one)
    watched.resume(earlier().peer.memory(2)._replace(proofs=proofs))
    assert not any(isinstance(effect, Drop) for effect in watched.handle(Started(), 0.0))
    assert watched.memory(3).proofs == ()
