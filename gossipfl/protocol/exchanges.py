"""What a free peer says, to one neighbour at a time, and what it makes of what it hears.

Rules:
- A push tells, a pull asks, a push-pull does both.
- Of a push-pull, each side takes the same difference, with the opposite sign: the sum over peers is kept. So
  there is one at a time; a lost answer costs one difference, and a peer gives it up after a few cycles.
- Of a push or a pull the other counts for a half at most, of a push-pull for a third: while its answer is on
  its way a peer is asked by another, on average, and two halves would leave nothing of its own.
"""

from __future__ import annotations

from typing import Literal

from gossipfl.learn.contracts import Payload
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.encounters import Encounters
from gossipfl.protocol.events import Effect, Send
from gossipfl.protocol.flow import TokenAccount
from gossipfl.protocol.learner import Learner
from gossipfl.protocol.messages import Ask, PeerId, Update
from gossipfl.protocol.targets import Targets
from gossipfl.protocol.weighing import adopted, claimed_weights, mixed

Exchange = Literal["push", "pull", "push-pull"]

PENDING_CYCLES_MAX = 3
"""An answer that is not there after so many cycles is given up: a period should be longer than the third
part of what an answer takes. Our guess."""

WAITING_MAX = 64
"""Updates kept while a peer trains on one, the newest of each sender."""

_SHARE = 0.5


class Exchanges:
    """The exchanges of one peer, in its life `epoch`.

    An update that is k cycles behind counts (1 + k)^-a, a = `staleness`.
    """

    def __init__(
        self,
        learner: Learner,
        targets: Targets,
        others: Encounters,
        exchange: Exchange,
        *,
        epoch: int,
        staleness: float,
        tokens: TokenAccount | None,
    ) -> None:
        self.newcomer = True  # has heard nobody
        self.late = False  # knows that the run is under way, and must hear before it tells anybody
        self.heard = self.stale = 0  # updates, in this cycle
        self._learner = learner
        self._targets = targets
        self._others = others
        self._exchange = exchange
        self._degree = 2 if exchange == "push-pull" else 1
        self._epoch = epoch
        self._staleness = staleness
        self._tokens = tokens
        self._balance = self._sequence = 0
        self._pending: tuple[PeerId, Payload, int] | None = None  # who owes us an answer to what, since when
        self._waiting: dict[PeerId, tuple[Update, Payload]] = {}  # with what was said in answer

    @property
    def pending(self) -> bool:
        """Whether an answer is due."""
        return self._pending is not None

    def awaits(self, peer: PeerId) -> bool:
        """Whether `peer` owes us an answer."""
        return self._pending is not None and self._pending[0] == peer

    def speak(self, round: int) -> list[Effect]:
        """Turn to somebody in `round`, unless one who owes an answer forbids it."""
        waits = self._pending and round - self._pending[2] < PENDING_CYCLES_MAX
        if waits and self._exchange == "push-pull":
            return []
        peer = self._others.anybody(self._targets.speaks_to(round))
        if peer is None:
            return []
        return [Send(peer, Ask()) if self.late else self._open(peer, round)]

    def speak_or_save(self, round: int) -> list[Effect]:
        """Turn to somebody, or save a token."""
        if self._tokens is None or self._others.chance() < self._tokens.proactive(self._balance):
            return self.speak(round)
        self._balance += 1
        return []

    def react(self, round: int) -> list[Effect]:
        """Spend tokens on what was just learnt."""
        if self._tokens is None:
            return []
        messages = self._tokens.reactive(self._balance, self._others.chance())
        self._balance -= messages
        return [effect for _ in range(messages) for effect in self.speak(round)]

    def answer(self, peer: PeerId, round: int) -> list[Effect]:
        """Tell `peer`, which asked."""
        return [self._told(peer, self._words(), round)]

    def follow(self, sender: PeerId, update: Update, round: int) -> tuple[list[Effect], Payload] | None:
        """What to answer to `update`, and what we say or said in its exchange; None if it belongs to none."""
        if update.asks:
            said = self._words()
            return [self._told(sender, said, round)], said
        if self._pending and self.awaits(sender):
            said, self._pending = self._pending[1], None
            return [], said
        return None if self._exchange == "push-pull" else ([], ())

    def keep(self, sender: PeerId, update: Update, said: Payload) -> None:
        """Let `update` wait for its turn; it takes the place of an older one of `sender`."""
        self._waiting.pop(sender, None)
        self._waiting[sender] = update, said
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]

    def take_kept(self) -> tuple[Update, Payload] | None:
        """What waits longest, which waits no more."""
        return self._waiting.pop(next(iter(self._waiting))) if self._waiting else None

    def forget(self, sender: PeerId) -> None:
        """What `sender` said that waits is not used."""
        self._waiting.pop(sender, None)

    def listen(self, update: Update, said: Payload, round: int) -> None:
        """Take `update` in, in whose exchange `said` was said, in our `round`."""
        behind = max(0, round - update.round)
        weights = claimed_weights([update], self._degree, self._learner.weighed_samples)
        if behind and self._staleness:
            weights = weights * (1.0 + behind) ** -self._staleness
        self.newcomer = False
        self.heard += 1
        self.stale += behind > 0
        self._learner.listen(mixed([Taken(update.payload, said)], weights))

    def adopt(self, update: Update) -> None:
        """Take `update` in the place of what we have; no answer is due to what we said before."""
        self.newcomer = self.late = False
        self.heard += 1
        self._learner.listen(adopted([Taken(update.payload)]))
        self._pending = None

    def left(self, peer: PeerId) -> bool:
        """Whether `peer` owed us an answer, now that it is gone."""
        owed = self.awaits(peer)
        if owed:
            self._pending = None
        return owed

    def _open(self, peer: PeerId, round: int) -> Effect:
        if self._exchange == "pull":
            self._pending = peer, (), round
            return Send(peer, Ask())
        said = self._words()
        if self._exchange == "push":
            return self._told(peer, said, round)
        self._pending = peer, said, round
        return self._told(peer, said, round, asks=True)

    def _words(self) -> Payload:
        return self._learner.words(_SHARE, self._sequence)

    def _told(self, peer: PeerId, said: Payload, round: int, *, asks: bool = False) -> Effect:
        self._sequence += 1
        samples = self._learner.samples
        return Send(peer, Update(round, self._epoch, self._sequence, samples, self._degree, said, asks=asks))
