"""A peer that works at its own pace: no rounds in step, no barrier, no waiting for anybody.

    gathering --all neighbours joined, or gathered long enough--> running
    running   --its own cycles are done--> finished

It either trains in each cycle and then speaks, hearing others at any time (Lian, Zhang, Zhang and Liu, ICML
2018, arXiv 1710.06952, "Asynchronous decentralized parallel stochastic gradient descent"), or it speaks in
each cycle and trains on whatever it hears (Ormandi, Hegedus and Jelasity 2013, arXiv 1109.1396, "Gossip
learning with linear models on fully distributed data").

Rules:
- A round is a cycle of the peer's own: how long it takes follows from its period and its training alone.
- In each cycle it turns to one neighbour, drawn at random; see `Exchanges`.
- A peer that fell behind joins the cycle of the lower median of those whom it heard. Whoever has finished
  has said so.
- A newcomer to a run that is under way adopts what it first hears: what it learnt from scratch is void, and
  until then it asks rather than tells.
- A stranger is refused, whatever it says.
"""

from __future__ import annotations

from typing import Any, Literal, assert_never

from gossipfl.errors import LocalProtocolError
from gossipfl.learn.contracts import Algorithm, Array, Payload
from gossipfl.protocol.acquaintance import Sight
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.changing import changing
from gossipfl.protocol.encounters import Encounters
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
    RoundClosed,
    Send,
    SetTimer,
    Started,
    Stop,
    TimerFired,
    Trained,
    refused,
)
from gossipfl.protocol.exchanges import Exchange, Exchanges
from gossipfl.protocol.flow import TokenAccount
from gossipfl.protocol.gathering import GATHER_S, GATHER_TIMER, Gathering
from gossipfl.protocol.learner import Learner
from gossipfl.protocol.memory import Memory, flat
from gossipfl.protocol.messages import Ask, Begun, Gone, Message, Missed, PeerId, StandIn, Update
from gossipfl.protocol.pace import Pace
from gossipfl.protocol.targets import Targets

Trains = Literal["always", "on-hearing"]

LINGER_S = 2.0
"""How much longer the last cycle may last for the sake of an answer. Our guess."""


class FreePeer:
    """One peer of an asynchronous run; `number` is its place in all random draws.

    A cycle takes `period_s`, or as long as training does. With `trains` "on-hearing" the period must be
    above 0; `tokens` then say how often it speaks. An update that is k cycles behind counts (1 + k)^-a,
    a = `staleness` (Xie, Koyejo and Gupta 2019, arXiv 1903.03934). With `gather_s` None nobody announces
    that he is there: all may be spoken to at once.
    """

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
        period_s: float,
        epoch: int = 0,
        weigh_samples: bool = True,
        exchange: Exchange = "push-pull",
        trains: Trains = "always",
        staleness: float = 0.0,
        tokens: TokenAccount | None = None,
        gather_s: float | None = GATHER_S,
    ) -> None:
        self.number = number
        self.round = 1
        self.finished = False
        self._rounds = rounds
        self._period_s = period_s
        self._on_hearing = trains == "on-hearing"
        self._learner = Learner(
            number, algorithm, vector, seed=seed, rounds=rounds, samples=samples, weigh_samples=weigh_samples
        )
        self._changing = changing(targets)
        self._others = Encounters(number, targets.peers, seed, epoch, announced=gather_s is not None)
        self._exchanges = Exchanges(
            self._learner, targets, self._others, exchange, epoch=epoch, staleness=staleness, tokens=tokens
        )
        self._pace = Pace(period_s, tokens.capacity if tokens else 0)
        layout = self._learner.layout
        self._admission = Admission(rounds, layout, layout, repeat=True)
        self._gathering = Gathering(self._others, gather_s or 0.0)
        self._timer = 0
        self._cycle_began_at = 0.0
        self._spoke = False  # in this cycle, after training

    @property
    def model(self) -> Array:
        """The vector (d,) by which this peer is judged."""
        return self._learner.model

    def memory(self, round: int) -> Memory:
        """What must outlive the process, once it is noted that `round` is closed."""
        state, newcomer = flat(self._learner.state), self._exchanges.newcomer
        return Memory(round, state, self._admission.newest, newcomer=newcomer)

    def resume(self, memory: Memory) -> None:
        """Go on, before it is started, from the `memory` of an earlier life. Raises `DataError`."""
        self._learner.resume(memory.state)
        self._admission.resume(memory.newest)
        self._exchanges.newcomer = memory.newcomer
        self.round = memory.round + 1
        self._gathering.resume()

    @property
    def sights(self) -> dict[PeerId, Sight]:
        """The others, as they are seen now."""
        return self._others.sights

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What to do about `event`; see `Peer`."""
        if self.finished:
            return []
        match event:
            case Received(sender, message):
                return self._on_message(sender, message, now)
            case TimerFired(timer):
                return self._on_timer(timer, now)
            case Trained(vector):
                return self._on_trained(vector, now)
            case Joined(peer):
                return self._on_joined(peer, now) if peer in self._others else []
            case Left(peer):
                return self._on_left(peer, now) if peer in self._others else []
            case Admitted(peer) | Expelled(peer):
                return self._on_listed(peer, isinstance(event, Admitted), now)
            case Started():
                return self._on_started(now)
            case Judged():
                raise LocalProtocolError("A free peer asks for no losses.")
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
        return self._gather(now, first=True)

    def _on_joined(self, peer: PeerId, now: float) -> list[Effect]:
        first = not self._others.any_here
        self._others.joined(peer)
        if self._gathering.begun:
            return [Send(peer, Begun(self.round))]
        return self._gather(now, first=first) if self._gathering.started else []

    def _gather(self, now: float, *, first: bool) -> list[Effect]:
        return self._begin(now) if self._others.all_here else self._gathering.wait(first=first)

    def _begin(self, now: float) -> list[Effect]:
        self._gathering.begin(now)
        return self._begin_cycle(now)

    def _on_begun(self, sender: PeerId, begun: Begun) -> list[Effect]:
        """Whoever finds the run under way asks for what the others have."""
        if not 1 <= begun.round <= self._rounds:
            return refused(sender, "round")
        self._others.heard(sender, begun.round)
        if self._exchanges.late or not self._finds_itself_late(begun.round):
            return []
        self._exchanges.late = True
        return [Send(sender, Ask())]

    def _finds_itself_late(self, round: int) -> bool:
        """Whether we are new, and somebody in `round` is ahead of us by more than a different start."""
        exchanges = self._exchanges
        return exchanges.newcomer and round > (1 if exchanges.late else self.round + self._gathering.begun)

    # Cycles

    def _begin_cycle(self, now: float) -> list[Effect]:
        self._cycle_began_at = now
        self._spoke = False
        self._exchanges.heard = self._exchanges.stale = 0
        if not self._on_hearing:
            return self._train()
        return [*self._exchanges.speak_or_save(self.round), *self._set_timer(self._period_s)]

    def _set_timer(self, delay_s: float) -> list[Effect]:
        self._timer += 1
        return [SetTimer(self._timer, delay_s)]

    def _on_timer(self, timer: int, now: float) -> list[Effect]:
        if timer == GATHER_TIMER:
            return self._begin(now) if self._gathering.goes_on and self._others.any_here else []
        return self._close(now) if timer == self._timer else []

    def _rest(self, now: float) -> list[Effect]:
        """Let the rest of the cycle's period go by, and in the last cycle wait for an answer that is due."""
        rest_s = self._period_s - (now - self._cycle_began_at)
        if self.round >= self._rounds and self._exchanges.pending:
            return self._set_timer(max(rest_s, LINGER_S))
        return self._set_timer(rest_s) if rest_s > 0 else self._close(now)

    def _close(self, now: float) -> list[Effect]:
        self.round = self._others.round_to_join(self.round)
        duration_s = max(0.0, now - self._cycle_began_at)
        heard, stale = self._exchanges.heard, self._exchanges.stale
        closed = RoundClosed(self.round, self.model, heard, 0, stale, duration_s)
        if self.round >= self._rounds:
            return [Note(closed), *self._gathering.announce(self.round), *self._finish()]
        self.round += 1
        return [Note(closed), *self._begin_cycle(now)]

    def _finish(self) -> list[Effect]:
        self.finished = True
        return [Finished()]

    # Training

    def _train(self) -> list[Effect]:
        return [self._learner.train(self.round)]

    def _on_trained(self, vector: Array, now: float) -> list[Effect]:
        if not self._learner.trained(vector, self.round):
            return self._train()
        if self._on_hearing:
            return [*self._exchanges.react(self.round), *self._hear_next()]
        self._spoke = True
        return [*self._exchanges.speak(self.round), *self._rest(now)]

    # Listening

    def _on_message(self, sender: PeerId, message: Message, now: float) -> list[Effect]:
        if sender not in self._others:
            return refused(sender, "stranger")
        match message:
            case Update():
                return self._on_update(sender, message, now)
            case Begun():
                return self._on_begun(sender, message)
            case Ask():
                tells = self._gathering.begun and not self._exchanges.late and self._pace.allows(sender, now)
                return self._exchanges.answer(sender, self.round) if tells else []
            case Missed() | Gone() | StandIn():
                return refused(sender, "unasked")  # whatever we say is whole, and nobody is due
            case _:
                return []  # what others say of others is for a `Watch`

    def _on_update(self, sender: PeerId, update: Update, now: float) -> list[Effect]:
        if refusal := self._admission.refusal(sender, update):
            return refusal
        answers = self._exchanges.awaits(sender) and not update.asks
        if not answers and not self._pace.allows(sender, now):
            return [Note(Refused(sender, "too often"))]
        self._others.heard(sender, update.round)
        if self._finds_itself_late(update.round):
            return self._adopt(sender, update, now)
        exchange = self._exchanges.follow(sender, update, self.round)
        if exchange is None:
            return [Note(Refused(sender, "unasked"))]
        effects, said = exchange
        if self._on_hearing and self._learner.trains:
            self._exchanges.keep(sender, update, said)
            return effects
        return [*effects, *self._listen(update, said), *self._close_if_last(now)]

    def _hear_next(self) -> list[Effect]:
        kept = self._exchanges.take_kept()
        return self._listen(*kept) if kept else []

    def _listen(self, update: Update, said: Payload) -> list[Effect]:
        self._exchanges.listen(update, said, self.round)
        return self._train() if self._on_hearing else []

    def _adopt(self, sender: PeerId, update: Update, now: float) -> list[Effect]:
        """Take what `sender` says in the place of our own; whoever asks for ours hears its own again."""
        self._exchanges.adopt(update)
        effects = self._exchanges.answer(sender, self.round) if update.asks else []
        self.round = self._others.round_to_join(self.round)
        effects += [] if self._gathering.begun else self._begin(now)
        return [*effects, *(self._train() if self._on_hearing and not self._learner.trains else [])]

    def _close_if_last(self, now: float) -> list[Effect]:
        """The last cycle ends with the answer for which alone it went on."""
        over = self.round >= self._rounds and self._spoke and not self._exchanges.pending
        return self._rest(now) if over else []

    def _on_left(self, peer: PeerId, now: float) -> list[Effect]:
        self._others.left(peer, self.round)
        return self._close_if_last(now) if self._exchanges.left(peer) else []

    def _on_listed(self, peer: PeerId, comes: bool, now: float) -> list[Effect]:
        """`peer` comes as a neighbour, or is none any more."""
        if comes is (peer in self._others):
            return []
        if comes:
            self._others.admit(peer)
            self._changing.admit(peer)
            self._changing.settle(self.round)
            return []
        self._others.expel(peer)
        self._changing.expel(peer)
        self._changing.settle(self.round)
        self._exchanges.forget(peer)
        return self._close_if_last(now) if self._exchanges.left(peer) else []
