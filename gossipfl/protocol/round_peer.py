"""A peer that works in rounds: train, speak, wait with patience, listen.

    gathering --all neighbours joined, or gathered long enough--> training
    training  --Trained--> waiting          (speaks to its neighbours)
    waiting   --all awaited were heard, or patience is over--> training, or finished
    (between the two, judging  --Judged-->  where a rule asks for losses)

Rules:
- Nobody is a coordinator: a peer's round follows from what it did and heard alone.
- Whoever is silent is overtaken, never waited for longer than `Patience` says.
- Whom to wait for is settled when a peer speaks; nobody can join those for whom it waits.
- A peer that fell behind joins the round of its neighbours' lower median, if more than a third of all are
  ahead: fewer liars cannot pull it ahead, even when nobody else can be heard.
- A peer that begins when the run is under way first adopts what its neighbours say. Before, it is silent:
  what it learned from scratch would set them back.
- Whoever must wait for others to begin says so, so that nobody near runs ahead while it gathers.
- While it gathers, one neighbour alone is not believed that the run is under way, unless it has no other.
- Whoever has heard nobody in time for some rounds takes words however old: it must not stay ahead of all its
  neighbours for ever, and refuse what they say.
- A stranger is refused, whatever it says.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, assert_never

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.learn.contracts import Algorithm, Array
from gossipfl.protocol.acquaintance import SILENCE_MAX, Acquaintances
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.changing import changing
from gossipfl.protocol.conversation import Conversation, Words
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.events import (
    Effect,
    Event,
    Finished,
    Joined,
    Judged,
    Left,
    Note,
    Received,
    Refused,
    Regarded,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    Stop,
    TimerFired,
    Trained,
    refused,
)
from gossipfl.protocol.inbox import STALENESS_MAX, Inbox
from gossipfl.protocol.learner import Learner
from gossipfl.protocol.messages import Ask, Begun, Gone, Message, Missed, PeerId, StandIn, Update
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.targets import Targets

GATHER_S = 30.0
"""How long a peer waits for absent neighbours once the first has joined, unless told. Our guess."""

_GATHER_TIMER = 0


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
        self._gather_s = gather_s
        self._learner = Learner(
            number,
            algorithm,
            vector,
            seed=seed,
            rounds=rounds,
            samples=samples,
            weigh_samples=weigh_samples,
        )
        letters = corresponding(algorithm, vector)
        self._changing = changing(targets)
        self._others = Acquaintances(targets.peers, self._changing.gathers)
        self._conversation = Conversation(self._learner, letters, targets, self._others, epoch)
        self._admission = Admission(rounds, *letters.layouts)
        self._inbox = Inbox()
        self._patience = Patience()
        self._awaited: set[PeerId] = set()
        self._began_at = self._round_began_at = 0.0
        self._heard: list[Words] = []  # in the round that is being closed
        self._spoken = 0  # in which round it last spoke
        self._alone = 0  # rounds in a row that ended with nobody heard in time
        self._joining = False  # a run that is under way, of which it has heard nothing yet
        self._came_late = False  # when the run was under way, where nobody waits for others to begin

    @property
    def model(self) -> Array:
        """The vector (d,) by which this peer is judged."""
        return self._learner.model

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
            case Started():
                return self._on_started(now)
            case Stop():
                return self._finish()
            case _:
                assert_never(event)

    # Gathering

    def _on_started(self, now: float) -> list[Effect]:
        if self.phase is not Phase.IDLE:
            raise LocalProtocolError("A peer is started once.")
        self.phase = Phase.GATHERING
        return self._begin_if_gathered(now) or self._set_gather_timer()

    def _on_joined(self, peer: PeerId, now: float) -> list[Effect]:
        alone = not self._others.any_here
        self._others.joined(peer, self.round)
        self._patience.forget(peer)
        effects = [*self._changing.joined(peer)]
        if self.phase is Phase.GATHERING:
            return self._begin_if_gathered(now) or (self._set_gather_timer() if alone else [])
        self._conversation.rejoined(peer)
        if self.phase is not Phase.IDLE:
            effects.append(Send(peer, Begun(self.round)))
        return effects

    def _set_gather_timer(self) -> list[Effect]:
        return [SetTimer(_GATHER_TIMER, self._gather_s)] if self._others.any_here else []

    def _begin_if_gathered(self, now: float) -> list[Effect]:
        return self._begin(now) if self._others.all_here else []

    def _begin(self, now: float) -> list[Effect]:
        self._began_at = now
        self._changing.begun()
        return [*self._say_begun(), *self._train(now)]

    def _join_if_under_way(self, now: float) -> list[Effect]:
        gathers = self.phase is Phase.GATHERING
        return self._join(now) if gathers and self._others.is_under_way else []

    def _join(self, now: float) -> list[Effect]:
        """Begin in a run that is under way: hear first, for what we would learn from scratch is of no use."""
        self._began_at = self._round_began_at = now
        self._joining = self._came_late = True
        self._changing.begun()
        return [*self._say_begun(), *self._settle(), *self._wait(now)]

    def _say_begun(self) -> list[Effect]:
        begun = Begun(self.round)
        return [Send(peer, begun) for peer in self._others.here()]

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

    def _wait(self, now: float) -> list[Effect]:
        self.phase = Phase.WAITING
        self._patience.spoke(self.round, now)
        wait_s = self._patience.wait_s()
        self._awaited = {
            peer
            for peer in self._targets.waits_for(self.round)
            if self._others[peer].is_awaited
            and not (self._joining and self._others[peer].is_new)
            and self._patience.suffices(peer, wait_s)
            and not self._inbox.holds(peer, self.round)
        }
        return [*self._if_held(now), SetTimer(self.round, wait_s)]

    # Waiting

    @property
    def _staleness(self) -> int:
        """How many rounds old words may be."""
        return STALENESS_MAX if self._alone < SILENCE_MAX else self._rounds

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
        try:
            self._admission.check(sender, update)
        except RemoteProtocolError as error:
            return refused(sender, error.reason)
        self._others.heard(sender, update.round, self.round)
        self._patience.heard(sender, update, now)
        if update.round < self.round - self._staleness:
            return [Note(Refused(sender, "stale"))]
        self._inbox.put(sender, update)
        if update.round >= self.round:
            self._awaited.discard(sender)
        return self._close_if_heard(now) or self._join_if_under_way(now)

    def _on_left(self, peer: PeerId, proved: bool, now: float) -> list[Effect]:
        if proved:
            self._learner.knows_one()
        self._others[peer].here = False
        self._awaited.discard(peer)
        self._changing.left(peer, self.round)
        if (self._others[peer].round or 0) < self._rounds - 1:  # else it has finished, as far as we know
            self._conversation.died(peer)
        return self._close_if_heard(now)

    def _on_timer(self, timer: int, now: float) -> list[Effect]:
        if timer == _GATHER_TIMER:
            gathered = self.phase is Phase.GATHERING and self._others.any_known
            return self._begin(now) if gathered else []
        if self.phase is not Phase.WAITING or timer != self.round:
            return []
        held, until_s = self._if_held(now), self._began_at + self._gather_s - now
        if held or (self._needs_words and until_s > 0):
            return [*held, SetTimer(timer, min(until_s, self._patience.wait_s()))]
        return self._close(now)

    def _if_held(self, now: float) -> list[Effect]:
        """What to tell all if somebody awaited waits for others to begin, and we have not waited enough."""
        if self._came_late or now >= self._began_at + self._gather_s:
            return []
        return self._say_begun() if any(self._others[peer].is_idle for peer in self._awaited) else []

    def _close_if_heard(self, now: float) -> list[Effect]:
        waits = self._awaited or self._needs_words
        return self._close(now) if self.phase is Phase.WAITING and not waits else []

    @property
    def _needs_words(self) -> bool:
        """Whether it joins a run of which it has heard nothing to build on."""
        return self._joining and self._inbox.empty

    # Listening

    def _close(self, now: float) -> list[Effect]:
        self._spoken, self.round = self.round, self._round_to_join()
        ahead, staleness = self.round > self._spoken, self._staleness
        listened = self._conversation.listen(self._inbox, self.round, ahead=ahead, staleness=staleness)
        effects, self._heard = listened
        self._joining = False
        in_time = any(words.last.round >= self.round - STALENESS_MAX for words in self._heard)
        self._alone = 0 if in_time else self._alone + 1
        if self._conversation.judges:
            self.phase = Phase.JUDGING
            return effects
        return [*effects, *self._turn(now)]

    def _turn(self, now: float) -> list[Effect]:
        """What was heard is taken in: the round is closed, and the next begins."""
        heard, self._heard = self._heard, []
        by = {words.sender for words in heard}
        effects = [Note(self._closed(heard, now)), *self._suspect(by, self._spoken, now)]
        if self.round >= self._rounds:
            return [*effects, *self._finish()]
        effects += self._changing.closed(self.round, self._others)
        self.round += 1
        return [*effects, *self._train(now)]

    def _closed(self, heard: list[Words], now: float) -> RoundClosed:
        by = {words.sender for words in heard}
        missing = sum(peer not in by for peer in self._targets.waits_for(self.round))
        stale = sum(words.last.round < self.round for words in heard)
        duration_s = max(0.0, now - self._round_began_at)
        return RoundClosed(self.round, self.model, len(heard), missing, stale, duration_s)

    def _suspect(self, heard: set[PeerId], spoken: int, now: float) -> list[Effect]:
        """Note who was `heard` of those due in the round, and who is suspected from now on."""
        effects: list[Effect] = []
        for peer in self._targets.waits_for(self.round):
            if self._others.closed(peer, heard=peer in heard):
                effects.append(Note(Regarded(peer, "suspected")))
            if peer not in heard:
                self._patience.missed(peer, spoken, now)
        return effects

    def _finish(self) -> list[Effect]:
        self.phase = Phase.FINISHED
        return [Finished()]
