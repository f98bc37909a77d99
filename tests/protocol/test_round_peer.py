"""One peer against neighbours that are late, mad or hostile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from gossipfl.errors import LocalProtocolError, RunError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.robust.ubar import Ubar
from gossipfl.protocol.acquaintance import SILENCE_MAX
from gossipfl.protocol.events import (
    Drop,
    Effect,
    Event,
    Finished,
    Joined,
    Judge,
    Judged,
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
from gossipfl.protocol.gathering import GATHER_S
from gossipfl.protocol.messages import Begun, PeerId, Update
from gossipfl.protocol.patience import FLOOR_S
from gossipfl.protocol.round_peer import Phase, RoundPeer
from gossipfl.protocol.targets import Neighbours

ROUNDS = 50


PLAIN = Dpsgd()
JUDGING = Dpsgd(Ubar(attackers=0))
"""It asks for losses before it takes anything in."""


class Driven:
    """A peer with `neighbours`, a clock in hand, and what it asked for."""

    def __init__(
        self,
        *neighbours: PeerId,
        rounds: int = ROUNDS,
        algorithm: Dpsgd = PLAIN,
        gather_s: float = GATHER_S,
    ) -> None:
        targets = Neighbours(neighbours)
        self.peer = RoundPeer(
            0, algorithm, np.zeros(2), targets, rounds=rounds, samples=10, seed=0, gather_s=gather_s
        )
        self.neighbours = neighbours
        self.now = 0.0
        self.effects: list[Effect] = []
        self._sequences: dict[PeerId, int] = {}

    def tell(self, *events: Event, at: float | None = None) -> list[Effect]:
        """What the peer asks for upon `events`."""
        self.now = self.now if at is None else at
        done = [effect for event in events for effect in self.peer.handle(event, self.now)]
        self.effects += done
        return done

    def begin(self) -> Driven:
        """All neighbours are there and have begun."""
        self.tell(Started(), *map(Joined, self.neighbours))
        self.tell(*(Received(peer, Begun(1)) for peer in self.neighbours))
        return self

    def train(self, seconds: float = 1.0, value: float = 1.0) -> list[Effect]:
        return self.tell(Trained(np.full(2, value)), at=self.now + seconds)

    def hear(
        self, sender: PeerId, round: int, value: float = 1.0, *, epoch: int = 0, samples: int = 10
    ) -> list[Effect]:
        self._sequences[sender] = sequence = self._sequences.get(sender, 0) + 1
        payload = (np.full(2, value),)
        return self.tell(Received(sender, Update(round, epoch, sequence, samples, 2, payload)))

    def time_out(self) -> list[Effect]:
        """Let the last timer run out."""
        timer = next(effect for effect in reversed(self.effects) if isinstance(effect, SetTimer))
        return self.tell(TimerFired(timer.timer), at=self.now + timer.delay_s)

    def waited_s(self, seconds: float = 1.0) -> float:
        """Train a round of `seconds`, hear nobody, and see how long the peer waits before it goes on."""
        self.train(seconds)
        spoke_at = self.now
        while self.peer.phase is Phase.WAITING:
            self.time_out()
        return self.now - spoke_at


def kinds(effects: Sequence[Effect]) -> list[type]:
    return [type(effect) for effect in effects]


def closed(effects: Sequence[Effect]) -> list[RoundClosed]:
    return [e.record for e in effects if isinstance(e, Note) and isinstance(e.record, RoundClosed)]


def refusals(effects: Sequence[Effect]) -> list[str]:
    return [e.record.reason for e in effects if isinstance(e, Note) and isinstance(e.record, Refused)]


def test_a_round_is_train_speak_hear_close() -> None:
    one = Driven(1, 2).begin()
    assert kinds(one.effects) == [SetTimer, Send, Send, Train]
    assert kinds(one.train()) == [Send, Send, SetTimer]
    assert one.hear(1, 1, 4.0) == []
    (record,) = closed(one.hear(2, 1, 7.0))
    assert (record.round, record.heard, record.missing, record.stale) == (1, 2, 0, 0)
    assert np.allclose(record.vector, (1.0 + 4.0 + 7.0) / 3)
    assert one.peer.round == 2


def test_a_stranger_is_refused_and_never_used() -> None:
    one = Driven(1).begin()
    one.train()
    said = one.hear(99, 1, 1e9)
    assert refusals(said) == ["stranger"]
    assert Drop(99, "stranger") in said
    assert refusals(one.tell(Received(99, Begun(5)))) == ["stranger"]
    assert one.tell(Joined(99), Left(99)) == []
    (record,) = closed(one.hear(1, 1, 1.0))
    assert record.heard == 1
    assert np.allclose(record.vector, 1.0)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (Update(1, 0, 5, 10, 2, (np.array([np.nan, 0.0]),)), "non-finite"),
        (Update(1, 0, 5, 10, 2, (np.full(2, 1e300),)), "huge"),
        (Update(1, 0, 5, 10, 2, (np.zeros(3),)), "layout"),
        (Update(1, 0, 5, 10, 2, (np.zeros(2, np.float32),)), "layout"),
        (Update(1, 0, 5, 10, 2, ()), "layout"),
        (Update(0, 0, 5, 10, 2, (np.zeros(2),)), "round"),
        (Update(ROUNDS + 1, 0, 5, 10, 2, (np.zeros(2),)), "round"),
        (Update(1, 0, 5, 0, 2, (np.zeros(2),)), "samples"),
        (Update(1, 0, 5, 10, 0, (np.zeros(2),)), "degree"),
    ],
)
def test_a_bad_update_is_noted_and_its_sender_dropped(update: Update, reason: str) -> None:
    one = Driven(1, 2).begin()
    one.train()
    said = one.tell(Received(1, update))
    assert refusals(said) == [reason]
    assert Drop(1, reason) in said
    one.tell(Left(1))
    one.hear(2, 1, 1.0)
    assert closed(one.effects)[0].heard == 1


def test_begun_in_a_round_that_is_not_is_refused() -> None:
    one = Driven(1).begin()
    assert refusals(one.tell(Received(1, Begun(ROUNDS + 1)), Received(1, Begun(0)))) == ["round", "round"]


def test_an_update_said_twice_is_used_once() -> None:
    one = Driven(1, 2).begin()
    one.train()
    update = Update(1, 0, 1, 10, 2, (np.ones(2),))
    assert refusals(one.tell(Received(1, update), Received(1, update))) == ["replay"]


def test_a_neighbour_that_never_speaks_is_waited_for_in_few_rounds() -> None:
    one = Driven(1, 2).begin()
    waits_s = [one.waited_s() for _ in range(6)]
    assert all(wait_s > 0 for wait_s in waits_s[:SILENCE_MAX])
    assert waits_s[SILENCE_MAX:] == [0.0] * (6 - SILENCE_MAX)


@pytest.mark.parametrize("claim", [1, 20, ROUNDS])
def test_claims_without_updates_hold_nobody(claim: int) -> None:
    """It says in each round that it has begun, and never says more."""
    one = Driven(1, 2, 3).begin()
    waited_s = 0.0
    for _ in range(25):
        one.tell(Received(1, Begun(min(claim, ROUNDS))))
        waited_s += one.waited_s()
    assert waited_s <= GATHER_S + SILENCE_MAX * 3 * FLOOR_S


def test_a_neighbour_that_never_begins_holds_the_first_round_alone() -> None:
    one = Driven(1, 2)
    one.tell(Started(), Joined(1), Joined(2), Received(2, Begun(1)))
    began_at = one.now
    waits_s = [one.waited_s() for _ in range(5)]
    assert began_at + waits_s[0] <= GATHER_S
    assert sum(waits_s[1:]) <= SILENCE_MAX * 3 * FLOOR_S


def test_a_liar_among_two_neighbours_pulls_nobody_ahead() -> None:
    one = Driven(1, 2).begin()
    for round in range(1, 6):
        one.train()
        one.hear(2, ROUNDS - 6 + round)
        one.hear(1, round)
        assert one.peer.round == round + 1


def test_a_liar_pulls_nobody_ahead_while_another_has_not_begun() -> None:
    one = Driven(1, 2)
    one.tell(Started(), Joined(1), Joined(2), Received(2, Begun(ROUNDS)))
    one.train()
    one.hear(2, ROUNDS)
    one.time_out()
    assert one.peer.round <= 2


def test_a_third_of_all_pulls_nobody_ahead_though_the_others_cannot_be_heard() -> None:
    one = Driven(1, 2, 3, 4, 5, 6).begin()
    one.tell(*(Left(peer) for peer in (3, 4, 5, 6)))
    one.train()
    one.hear(1, ROUNDS - 1)
    one.hear(2, ROUNDS - 1)
    assert one.peer.round == 2
    one.tell(Joined(3))
    one.train()
    one.hear(3, 5)
    one.train()
    assert one.peer.round == 6


def test_a_peer_that_fell_behind_joins_its_neighbours_and_never_goes_back() -> None:
    one = Driven(1, 2).begin()
    one.train()
    one.hear(1, 1)
    one.hear(2, 1)
    for round in (2, 3, 4, 5, 6):
        one.hear(1, round)
        one.hear(2, round)
    said = [e.message for e in one.train(seconds=9.0) if isinstance(e, Send)]
    assert {update.round for update in said if isinstance(update, Update)} == {6}
    assert closed(one.effects)[-1].round == 6
    one.train()
    one.hear(1, 3)
    assert one.peer.round == 7


def test_whoever_is_behind_does_not_wait_for_those_ahead() -> None:
    one = Driven(1, 2, 3).begin()
    one.train()
    for other in (1, 2):
        one.hear(other, 1)
    one.hear(3, 9)
    assert one.peer.round == 2
    one.train()
    one.hear(1, 2)
    (record,) = closed(one.hear(2, 2))
    assert record.round == 2


def test_a_newcomer_is_silent_at_first_and_adopts_all_alike() -> None:
    one = Driven(1, 2)
    one.tell(Started(), Joined(1), Joined(2), Received(1, Begun(9)), Received(2, Begun(9)))
    assert not any(isinstance(e, Send) for e in one.train(value=-100.0))
    one.hear(1, 10, 4.0, samples=1 << 40)
    (record,) = closed(one.hear(2, 10, 8.0))
    assert (record.round, record.vector.tolist()) == (10, [6.0, 6.0])
    one.train(value=6.0)
    assert [
        e.message.round for e in one.effects if isinstance(e, Send) and isinstance(e.message, Update)
    ] == [
        11,
        11,
    ]


def test_a_restarted_neighbour_is_heard_again() -> None:
    one = Driven(1).begin()
    one.train()
    one.hear(1, 1)
    one.train()
    assert closed(one.tell(Left(1)))[0].heard == 0
    one.train()
    one.tell(Joined(1))
    one._sequences[1] = 0
    assert refusals(one.hear(1, 4, epoch=1)) == []
    one.train()
    assert closed(one.effects)[-1].heard == 1


def test_joined_twice_is_joined_once() -> None:
    one = Driven(1, 2)
    one.tell(Started(), Joined(1), Joined(1), Joined(2), Joined(2))
    one.train()
    one.hear(1, 1)
    assert closed(one.hear(2, 1))[0].heard == 2


def test_half_of_the_neighbours_are_enough_once_gathered_long_enough() -> None:
    one = Driven(1, 2)
    assert one.tell(Started()) == []
    assert one.tell(Joined(1), at=100.0) == [SetTimer(0, GATHER_S)]
    assert kinds(one.time_out()) == [Send, Train]
    one.train()
    (record,) = closed(one.hear(1, 1, 7.0))
    assert (record.heard, record.missing) == (1, 1)
    assert np.allclose(record.vector, 1.0 * 2 / 3 + 7.0 / 3)


def test_nobody_begins_alone_when_all_have_left_again() -> None:
    one = Driven(1, 2)
    one.tell(Started(), Joined(1), Left(1))
    assert one.time_out() == []
    assert one.peer.phase is Phase.GATHERING


def test_timers_of_old_rounds_do_nothing() -> None:
    one = Driven(1).begin()
    one.train()
    one.hear(1, 1)
    one.train()
    assert one.tell(TimerFired(1), TimerFired(0), TimerFired(99)) == []
    assert one.peer.round == 2


@pytest.mark.parametrize("phase", list(Phase))
def test_a_peer_can_be_stopped_in_every_phase(phase: Phase) -> None:
    one = Driven(1, algorithm=JUDGING if phase is Phase.JUDGING else PLAIN)
    if phase is not Phase.IDLE:
        one.tell(Started())
    if phase in (Phase.TRAINING, Phase.WAITING, Phase.JUDGING, Phase.FINISHED):
        one.tell(Joined(1))
    if phase in (Phase.WAITING, Phase.JUDGING):
        one.train()
    if phase is Phase.JUDGING:
        one.hear(1, 1)
    if phase is Phase.FINISHED:
        one.tell(Stop())
    assert one.peer.phase is phase
    assert one.tell(Stop()) == ([] if phase is Phase.FINISHED else [Finished()])
    assert one.train() == one.tell(Left(1), TimerFired(1), Joined(1)) == []


def test_what_is_heard_is_judged_before_it_is_taken_in_and_what_comes_meanwhile_waits() -> None:
    one = Driven(1, 2, algorithm=JUDGING).begin()
    one.train(value=1.0)
    one.hear(1, 1, 3.0)
    (judge,) = one.hear(2, 1, 9.0)
    assert isinstance(judge, Judge)
    assert np.array_equal(judge.vectors, [[1.0, 1.0], [3.0, 3.0], [9.0, 9.0]])
    assert one.hear(1, 2, 4.0) == one.tell(TimerFired(1)) == []
    one.tell(Judged(np.array([0.5, 0.4, 0.6])))
    assert np.array_equal(one.peer.model, [2.0, 2.0])
    assert (one.peer.round, one.peer.phase) == (2, Phase.TRAINING)


def test_a_peer_whose_neighbours_have_finished_finishes_too() -> None:
    one = Driven(1, 2, rounds=10).begin()
    one.train()
    for peer in (1, 2):
        one.hear(peer, 1)
    for peer in (1, 2):
        one.hear(peer, 10)
        one.tell(Left(peer))
    assert Finished() in one.train(seconds=30.0)
    assert closed(one.effects)[-1].round == 10


def test_models_keep_their_kind_and_inputs_stay_as_they_were() -> None:
    start, heard = np.zeros(2, np.float32), np.full(2, 3.0, np.float32)
    trained = np.ones(2, np.float32)
    for array in (start, heard, trained):
        array.flags.writeable = False
    peer = RoundPeer(0, Dpsgd(), start, Neighbours((1,)), rounds=2, samples=1, seed=0)
    peer.handle(Started(), 0.0)
    peer.handle(Joined(1), 0.0)
    peer.handle(Trained(trained), 1.0)
    peer.handle(Received(1, Update(1, 0, 1, 1, 1, (heard,))), 1.0)
    assert peer.model.dtype == np.float32
    assert peer.model.tolist() == [2.0, 2.0]


def test_training_that_diverges_says_what_to_do() -> None:
    one = Driven(1).begin()
    one.train(value=np.inf)
    with pytest.raises(RunError, match="learning_rate"):
        one.train(value=np.inf)


def test_one_of_several_neighbours_cannot_end_a_run_that_gathers() -> None:
    peer = RoundPeer(0, Dpsgd(), np.zeros(2), Neighbours((1, 2, 3)), rounds=30, samples=1, seed=0)
    peer.handle(Started(), 0.0)
    peer.handle(Joined(1), 0.0)
    effects = peer.handle(Received(1, Begun(30)), 0.1)
    effects += peer.handle(Received(1, Update(30, 0, 1, 1, 1, (np.ones(2),))), 0.2)
    assert effects == []
    peer.handle(Joined(2), 0.3)
    assert peer.handle(Received(2, Begun(12)), 0.4) != []  # of two it joins the one behind
    assert peer.round == 1


def test_a_driver_that_does_not_keep_to_the_events_is_a_bug() -> None:
    one = Driven(1)
    with pytest.raises(LocalProtocolError):
        one.train()
    one.begin()
    with pytest.raises(LocalProtocolError):
        one.tell(Started())


def test_a_newcomer_hears_and_adopts_before_it_trains() -> None:
    peer = RoundPeer(0, Dpsgd(), np.zeros(2), Neighbours((1, 2, 3)), rounds=30, samples=1, seed=0)
    effects = peer.handle(Started(), 0.0)
    for other in (1, 2):
        effects += [*peer.handle(Joined(other), 0.0), *peer.handle(Received(other, Begun(12)), 0.1)]
    effects += peer.handle(TimerFired(1), 5.0)  # its neighbours take long to train
    assert not any(isinstance(effect, Train) for effect in effects)
    assert not any(isinstance(effect, Send) and isinstance(effect.message, Update) for effect in effects)
    heard = Update(12, 0, 1, 1, 1, (np.array([3.0, 4.0]),))
    effects = [*peer.handle(Received(1, heard), 9.0), *peer.handle(Received(2, heard), 9.0)]
    [train] = [effect for effect in effects if isinstance(effect, Train)]
    assert train.round == 13
    assert train.vector.tolist() == [3.0, 4.0]
