"""A peer that works in rounds: train, speak, wait with patience, listen.

    gathering --all neighbours joined, or gathered long enough--> training
    training  --Trained--> waiting          (speaks to its neighbours)
    waiting   --all awaited were heard, or patience is over--> training, or finished
    (between the two, judging  --Judged-->  where a rule asks for losses)

Rules:
- Nobody is a coordinator: a peer's round follows from what it did and heard alone.
- A peer that begins when the run is under way first adopts what its neighbours say. Before, it is silent:
  what it learned from scratch would set them back.
- A stranger is refused, whatever it says.

Its parts have rules of their own: see `Gathering`, `Awaiting`, `Closing`, `Acquaintances`, `Conversation`.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, assert_never

from gossipfl.learn.contracts import Algorithm, Array
from gossipfl.protocol.acquaintance import Acquaintances, Sight
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.awaiting import Awaiting
from gossipfl.protocol.changing import changing
from gossipfl.protocol.closing import Closing
from gossipfl.protocol.conversation import Conversation
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.events import (
    Admitted,
    Effect,
    Event,
    Expelled,
    Finished,
    Joined,
    Judged,
    Left,
    Note,
    Offended,
    Received,
    Refused,
    Send,
    Started,
    Stop,
    TimerFired,
    Trained,
    refused,
)
from gossipfl.protocol.gathering import GATHER_S, GATHER_TIMER, Gathering
from gossipfl.protocol.inbox import Inbox
from gossipfl.protocol.learner import Learner
from gossipfl.protocol.memory import Memory
from gossipfl.protocol.messages import Ask, Begun, Gone, Message, Missed, PeerId, StandIn, Update
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.staleness import Staleness
from gossipfl.protocol.targets import Targets


class Phase(Enum):
    """Where a peer is."""

    IDLE = "idle"
    GATHERING = "gathering"
    TRAINING = "training"
    WAITING = "waiting"
    JUDGING = "judging"
    FINISHED = "finished"


class RoundPeer:
    """One peer of a synchronous run; `number` is its place in all random draws."""

    def __init__(
        self,
        number: PeerId,
        algorithm: Algorithm[Any],
        vector: Array,
        targets: Targets,
        *,
        rounds: int,
        samples: int,
        seed: int,
        epoch: int = 0,
        weigh_samples: bool = True,
        gather_s: float = GATHER_S,
    ) -> None:
        self.number = number
        self.round = 1
        self.phase = Phase.IDLE
        self._targets = targets
        self._rounds = rounds
        self._learner = Learner(
            number, algorithm, vector, seed=seed, rounds=rounds, samples=samples, weigh_samples=weigh_samples
        )
        letters = corresponding(algorithm, vector)
        self._changing = changing(targets)
        self._others = Acquaintances(targets.peers, self._changing.gathers)
        self._conversation = Conversation(self._learner, letters, targets, self._others, epoch)
        self._admission = Admission(rounds, *letters.layouts)
        self._inbox = Inbox()
        self._patience = Patience()
        self._gathering = Gathering(self._others, gather_s)
        self._staleness = Staleness(rounds)
        self._awaiting = Awaiting(targets, self._others, self._inbox, self._patience, self._gathering)
        self._closing = Closing(targets, self._others, self._patience)
        self._round_began_at = 0.0

    @property
    def model(self) -> Array:
        """The vector (d,) by which this peer is judged."""
        return self._learner.model

    def memory(self, round: int) -> Memory:
        """What must outlive the process, once it is noted that `round` is closed."""
        return self._conversation.memory(round, self._admission.newest)

    def resume(self, memory: Memory) -> None:
        """Go on, before it is started, from the `memory` of an earlier life. Raises `DataError`."""
        self._conversation.resume(memory)
        self._admission.resume(memory.newest)
        self._others.resume()
        self.round = memory.round + 1
        self._gathering.resume()

    @property
    def sights(self) -> dict[PeerId, Sight]:
        """The others, as they are seen now."""
        return self._others.sights

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What to do about `event`; see `Peer`."""
        if self.phase is Phase.FINISHED:
            return []
        match event:
            case Received():
                return self._on_message(event.sender, event.message, now)
            case Trained(vector):
                return self._on_trained(vector, now)
            case Judged(losses):
                self._conversation.judged(losses)
                return self._turn(now)
            case TimerFired(timer):
                return self._on_timer(timer, now)
            case Joined(peer):
                return self._on_joined(peer, now) if peer in self._others else []
            case Left(peer, proved):
                return self._on_left(peer, proved, now) if peer in self._others else []
            case Admitted(peer) | Expelled(peer):
                return self._on_listed(peer, isinstance(event, Admitted), now)
            case Started():
                return self._on_started(now)
            case Stop():
                return self._finish()
            case Offended():
                return []  # that it left is all that matters here
            case _:
                assert_never(event)

    # Gathering

    def _on_started(self, now: float) -> list[Effect]:
        self._gathering.start()
        if self.round > self._rounds:  # an earlier life closed the last round
            return self._finish()
        self.phase = Phase.GATHERING
        return self._gather(now, first=True)

    def _on_joined(self, peer: PeerId, now: float) -> list[Effect]:
        first = not self._others.any_here
        self._others.joined(peer, 1 if self._gathering.goes_on else self.round)
        self._patience.forget(peer)
        effects = [*self._changing.joined(peer)]
        if self._gathering.goes_on:
            return self._gather(now, first=first)
        self._conversation.rejoined(peer)
        if self._gathering.begun:
            effects.append(Send(peer, Begun(self.round)))
        return effects

    def _gather(self, now: float, *, first: bool) -> list[Effect]:
        return self._begin(now) if self._others.all_here else self._gathering.wait(first=first)

    def _begin(self, now: float) -> list[Effect]:
        self._gathering.begin(now)
        self._changing.begun()
        return [*self._gathering.announce(self.round), *self._train(now)]

    def _join_if_under_way(self, now: float) -> list[Effect]:
        return self._join(now) if self._gathering.goes_on and self._others.is_under_way else []

    def _join(self, now: float) -> list[Effect]:
        """Begin in a run that is under way: hear first, for what we would learn from scratch is of no use."""
        self._gathering.begin(now, late=True)
        self._changing.begun()
        self._round_began_at = now
        return [*self._gathering.announce(self.round), *self._settle(), *self._wait(now, joins=True)]

    # Training and speaking

    def _train(self, now: float) -> list[Effect]:
        self.phase = Phase.TRAINING
        self._round_began_at = now
        return [self._learner.train(self.round)]

    def _on_trained(self, vector: Array, now: float) -> list[Effect]:
        if not self._learner.trained(vector, self.round):
            return [self._learner.train(self.round)]
        self._patience.trained(now - self._round_began_at)
        if not self._conversation.newcomer:
            self.round = self._round_to_join()
        return [*self._settle(), *self._speak(now), *self._close_if_heard(now)]

    def _round_to_join(self) -> int:
        return self._others.round_to_join(self.round, self._changing.near)

    def _settle(self) -> list[Effect]:
        """Settle who takes part, until we speak again."""
        effects, came, went = self._changing.settle(self.round)
        for peer in came:
            self._others.met(peer)
            self._patience.forget(peer)
            self._conversation.rejoined(peer)
        for peer in went:
            self._conversation.died(peer)
        return [*effects]

    def _speak(self, now: float) -> list[Effect]:
        targets = [peer for peer in self._targets.speaks_to(self.round) if self._others[peer].here]
        if self._conversation.newcomer and self._round_to_join() > self.round:
            targets = []
        return [*self._conversation.speak(self.round, targets), *self._wait(now)]

    def _wait(self, now: float, *, joins: bool = False) -> list[Effect]:
        self.phase = Phase.WAITING
        return self._awaiting.begin(self.round, now, joins=joins, newcomer=self._conversation.newcomer)

    # Waiting

    def _on_message(self, sender: PeerId, message: Message, now: float) -> list[Effect]:
        if sender not in self._others:
            return refused(sender, "stranger")
        self._changing.spoke(sender)
        match message:
            case Update() if not self._changing.takes(sender):
                return self._changing.unbidden(sender, self.round)
            case Update():
                return self._on_update(sender, message, now)
            case Begun():
                return self._on_begun(sender, message, now)
            case Missed():
                self._conversation.missed(sender)
                return []
            case Ask():
                return refused(sender, "unasked")
            case StandIn(_, round):
                self._others.placed(sender, round, self.round)
                return self._changing.told(sender, message, self.round)
            case Gone():
                return self._changing.told(sender, message, self.round)
            case _:
                return []  # what others say of others is for a `Watch`

    def _on_begun(self, sender: PeerId, begun: Begun, now: float) -> list[Effect]:
        if not 1 <= begun.round <= self._rounds:
            return refused(sender, "round")
        self._others.begun(sender, begun.round, self.round)
        return self._join_if_under_way(now)

    def _on_update(self, sender: PeerId, update: Update, now: float) -> list[Effect]:
        if refusal := self._admission.refusal(sender, update):
            return refusal
        self._others.heard(sender, update.round, self.round)
        self._patience.heard(sender, update, now)
        if self._staleness.spoke(sender, self.round - update.round):
            return [Note(Refused(sender, "stale"))]
        self._inbox.put(sender, update)
        if update.round >= self.round:
            self._awaiting.release(sender)
        return self._close_if_heard(now) or self._join_if_under_way(now)

    def _on_left(self, peer: PeerId, proved: bool, now: float) -> list[Effect]:
        if proved:
            self._learner.knows_one()
        self._others[peer].here = False
        self._awaiting.release(peer)
        self._changing.left(peer, self.round)
        if (self._others[peer].round or 0) < self._rounds - 1:  # else it has finished, as far as we know
            self._conversation.died(peer)
        return self._close_if_heard(now)

    def _on_listed(self, peer: PeerId, comes: bool, now: float) -> list[Effect]:
        """`peer` comes as a neighbour, or is none any more."""
        if comes is (peer in self._others):
            return []
        if comes:
            self._others.admit(peer)
            self._changing.admit(peer)
            return []
        self._inbox.forget(peer)
        self._awaiting.release(peer)
        self._conversation.died(peer)
        self._changing.left(peer, self.round)
        self._changing.expel(peer)
        self._others.expel(peer)
        if self._gathering.goes_on:
            return self._gather(now, first=False)
        return self._close_if_heard(now)

    def _on_timer(self, timer: int, now: float) -> list[Effect]:
        if timer == GATHER_TIMER:
            gathered = self._gathering.goes_on and self._others.any_known
            return self._begin(now) if gathered else []
        if self.phase is not Phase.WAITING or timer != self.round:
            return []
        return self._awaiting.prolong(timer, now) or self._close(now)

    def _close_if_heard(self, now: float) -> list[Effect]:
        return self._close(now) if self.phase is Phase.WAITING and self._awaiting.over else []

    # Listening

    def _close(self, now: float) -> list[Effect]:
        spoken, self.round = self.round, self._round_to_join()
        effects, heard = self._conversation.listen(
            self._inbox, self.round, ahead=self.round > spoken, most=self._staleness.most
        )
        self._staleness.listened(heard, self.round)
        self._closing.listened(heard, spoken)
        if self._conversation.judges:
            self.phase = Phase.JUDGING
            return effects
        return [*effects, *self._turn(now)]

    def _turn(self, now: float) -> list[Effect]:
        """What was heard is taken in: the round is closed, and the next begins."""
        duration_s = max(0.0, now - self._round_began_at)
        effects = self._closing.notes(self.round, self.model, duration_s, now)
        if self.round >= self._rounds:
            return [*effects, *self._finish()]
        effects += self._changing.closed(self.round, self._others)
        self.round += 1
        return [*effects, *self._train(now)]

    def _finish(self) -> list[Effect]:
        self.phase = Phase.FINISHED
        return [Finished()]
