"""A peer that works in rounds: train, speak, wait with patience, listen.

    gathering --all neighbours joined, or gathered long enough--> training
    training  --Trained--> waiting          (speaks to its neighbours)
    waiting   --all awaited were heard, or patience is over--> training, or finished

Rules:
- Nobody is a coordinator: a peer's round follows from what it did and heard alone.
- Whoever is silent is overtaken, never waited for longer than `Patience` says.
- A peer that fell behind joins the round of its neighbours' lower median: one liar cannot pull it ahead.
- A peer that begins when the run is under way first adopts what its neighbours say.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, assert_never

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError, RemoteProtocolError, RunError
from gossipfl.learn.contracts import Algorithm, Array, Heard
from gossipfl.protocol.admission import Admission
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
from gossipfl.protocol.inbox import STALENESS_MAX, Inbox
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.messages import Begun, PeerId, Update
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.targets import Targets
from gossipfl.topology.mixing import metropolis_weight

GATHER_S = 30.0
"""How long a peer waits for absent neighbours once the first has joined. Our guess."""

LAG_MAX = 2
"""A neighbour further behind than so many rounds is not waited for until it has caught up. Our guess."""

_GATHER_TIMER = 0


class Phase(Enum):
    """Where a peer is."""

    IDLE = "idle"
    GATHERING = "gathering"
    TRAINING = "training"
    WAITING = "waiting"
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
    ) -> None:
        self.number = number
        self.round = 1
        self.phase = Phase.IDLE
        self._algorithm = algorithm
        self._state = algorithm.start(vector)
        self._targets = targets
        self._rounds = rounds
        self._samples = max(samples, 1)
        self._seed = seed
        self._epoch = epoch
        self._weigh_samples = weigh_samples
        payload, _ = algorithm.speak(self._state, np.asarray(1.0), Draws(seed, number))
        self._admission = Admission(rounds, layout_of(payload))
        self._inbox = Inbox()
        self._patience = Patience()
        self._joined: set[PeerId] = set()
        self._rounds_of: dict[PeerId, int] = {}  # where those who have begun were last seen
        self._sequences: dict[PeerId, int] = {}
        self._heard_sequences: dict[PeerId, tuple[int, int]] = {}
        self._spoke_at: dict[int, float] = {}
        self._silent_since: dict[PeerId, float] = {}
        self._began_at = self._round_began_at = 0.0
        self._newcomer = True

    @property
    def model(self) -> Array:
        """The vector (d,) by which this peer is judged."""
        return self._algorithm.model(self._state)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What to do about `event`; see `Peer`."""
        if self.phase is Phase.FINISHED:
            return []
        match event:
            case Received(sender, message):
                if isinstance(message, Update):
                    return self._on_update(sender, message, now)
                return self._on_begun(sender, message, now)
            case Trained(vector):
                return self._on_trained(vector, now)
            case TimerFired(timer):
                return self._on_timer(timer, now)
            case Joined(peer):
                return self._on_joined(peer, now)
            case Left(peer):
                return self._on_left(peer, now)
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
        return self._begin_if_gathered(now)

    def _on_joined(self, peer: PeerId, now: float) -> list[Effect]:
        first = not self._joined
        self._joined.add(peer)
        self._patience.forget(peer)
        self._rounds_of.pop(peer, None)
        self._silent_since.pop(peer, None)
        if self.phase is Phase.GATHERING:
            effects = self._begin_if_gathered(now)
            return effects or ([SetTimer(_GATHER_TIMER, GATHER_S)] if first else [])
        return [Send(peer, Begun(self.round))] if self.phase is not Phase.IDLE else []

    def _on_begun(self, sender: PeerId, begun: Begun, now: float) -> list[Effect]:
        self._rounds_of[sender] = begun.round
        under_way = 1 < begun.round <= self._rounds
        return self._begin(now) if under_way and self.phase is Phase.GATHERING else []

    def _begin_if_gathered(self, now: float) -> list[Effect]:
        everyone = set(self._targets.waits_for(1)) | set(self._targets.speaks_to(1))
        return self._begin(now) if everyone <= self._joined else []

    def _begin(self, now: float) -> list[Effect]:
        self._began_at = now
        begun: list[Effect] = [Send(peer, Begun(self.round)) for peer in sorted(self._joined)]
        return begun + self._train(now)

    # Training and speaking

    def _train(self, now: float) -> list[Effect]:
        self.phase = Phase.TRAINING
        self._round_began_at = now
        return [Train(self.model, self.round)]

    def _on_trained(self, vector: Array, now: float) -> list[Effect]:
        if self.phase is not Phase.TRAINING:
            raise LocalProtocolError("A peer is trained only when it asked for it.")
        if not np.isfinite(vector).all():
            raise RunError(f"Training diverged in round {self.round}: lower learning.learning_rate.")
        self._patience.trained(now - self._round_began_at)
        self._state = self._algorithm.learned(self._state, vector)
        if not self._newcomer:
            self._catch_up()
        return [*self._speak(now), *self._close_if_heard(now)]

    def _speak(self, now: float) -> list[Effect]:
        self.phase = Phase.WAITING
        self._spoke_at[self.round] = now
        targets = [peer for peer in self._targets.speaks_to(self.round) if peer in self._joined]
        share = np.asarray(1.0 / (len(targets) + 1))
        draws = Draws(self._seed, self.number, self.round)
        payload, self._state = self._algorithm.speak(self._state, share, draws)
        degree = max(len(self._targets.speaks_to(self.round)), 1)
        effects: list[Effect] = []
        for peer in targets:
            self._sequences[peer] = sequence = self._sequences.get(peer, 0) + 1
            update = Update(self.round, self._epoch, sequence, self._samples, degree, payload)
            effects.append(Send(peer, update))
        effects.append(SetTimer(self.round, self._patience.wait_s()))
        return effects

    # Waiting

    def _on_update(self, sender: PeerId, update: Update, now: float) -> list[Effect]:
        try:
            self._admission.check(sender, update)
        except RemoteProtocolError as error:
            return [Note(Refused(sender, error.reason)), Drop(sender, error.reason)]
        self._rounds_of[sender] = max(update.round, self._rounds_of.get(sender, 0))
        if (lateness_s := self._lateness_s(sender, update, now)) is not None:
            self._patience.heard(sender, lateness_s)
        self._inbox.put(sender, update)
        if update.round < self.round - STALENESS_MAX:
            return [Note(Refused(sender, "stale"))]
        if self.phase is Phase.GATHERING and update.round > 1:
            return self._begin(now)
        return self._close_if_heard(now)

    def _lateness_s(self, sender: PeerId, update: Update, now: float) -> float | None:
        """How late `update` is; None if others were lost before it: then its sender may have been in time."""
        epoch, sequence = self._heard_sequences.get(sender, (update.epoch, 0))
        self._heard_sequences[sender] = update.epoch, update.sequence
        silent_since = self._silent_since.pop(sender, None)
        if silent_since is not None:
            gap = epoch != update.epoch or update.sequence > sequence + 1
            return None if gap else now - silent_since
        return max(0.0, now - self._spoke_at.get(update.round, now))

    def _on_left(self, peer: PeerId, now: float) -> list[Effect]:
        self._joined.discard(peer)
        return self._close_if_heard(now)

    def _on_timer(self, timer: int, now: float) -> list[Effect]:
        if timer == _GATHER_TIMER:
            return self._begin(now) if self.phase is Phase.GATHERING and self._joined else []
        if self.phase is not Phase.WAITING or timer != self.round:
            return []
        idle = [peer for peer in self._absent() if peer not in self._rounds_of]
        gathering_s = self._began_at + GATHER_S - now
        if idle and gathering_s > 0:  # they wait for others, as we did
            return [SetTimer(timer, min(gathering_s, self._patience.wait_s()))]
        return self._close(now)

    def _absent(self) -> list[PeerId]:
        """Whom we wait for and have not heard."""
        return [
            peer
            for peer in self._targets.waits_for(self.round)
            if peer in self._joined and not self._inbox.holds(peer, self.round) and self._awaits(peer)
        ]

    def _awaits(self, peer: PeerId) -> bool:
        at = self._rounds_of.get(peer)
        return at is None or (at >= self.round - LAG_MAX and self._patience.awaits(peer))

    def _close_if_heard(self, now: float) -> list[Effect]:
        return self._close(now) if self.phase is Phase.WAITING and not self._absent() else []

    # Listening

    def _close(self, now: float) -> list[Effect]:
        adopt = self._catch_up() and self._newcomer
        heard = self._inbox.take(self.round)
        stale = sum(update.round < self.round for _, update in heard)
        if heard:
            self._state = self._algorithm.listen(self._state, self._weighed(heard, adopt))
            self._newcomer = False
        missing = self._count_missing({sender for sender, _ in heard}, now)
        closed = RoundClosed(
            self.round, self.model, len(heard), missing, stale, max(0.0, now - self._round_began_at)
        )
        if self.round >= self._rounds:
            return [Note(closed), *self._finish()]
        self.round += 1
        self._spoke_at = {round: at for round, at in self._spoke_at.items() if round > self.round - 8}
        return [Note(closed), *self._train(now)]

    def _catch_up(self) -> bool:
        """Join the round that the lower median of our neighbours is in, if we are behind by two or more."""
        rounds = sorted(
            at for peer, at in self._rounds_of.items() if peer in self._joined or at > self.round
        )  # whoever left ahead of us has finished; whoever left behind us died
        if not rounds or (median := rounds[(len(rounds) - 1) // 2]) <= self.round + 1:
            return False
        self.round = median
        return True

    def _weighed(self, heard: list[tuple[PeerId, Update]], adopt: bool) -> Heard:
        payload = tuple(
            np.stack(arrays) for arrays in zip(*(update.payload for _, update in heard), strict=True)
        )
        degree = max(len(self._targets.speaks_to(self.round)), 1)
        samples = self._samples if self._weigh_samples else 1
        weights = np.array(
            [
                metropolis_weight(
                    degree, samples, update.degree, update.samples if self._weigh_samples else 1
                )
                for _, update in heard
            ]
        )
        if adopt:
            return Heard(payload, weights / weights.sum(), np.asarray(0.0))
        return Heard(payload, weights, np.asarray(1.0 - weights.sum()))

    def _weigh(self, samples: Array, degrees: Array) -> Array:
        degree = max(len(self._targets.speaks_to(self.round)), 1)
        if not self._weigh_samples:
            samples = np.ones_like(samples)
        own = self._samples if self._weigh_samples else 1
        return np.asarray(metropolis_weight(degree, own, degrees, samples), np.float64)

    def _count_missing(self, heard: set[PeerId], now: float) -> int:
        absent = [peer for peer in self._targets.waits_for(self.round) if peer not in heard]
        for peer in absent:
            self._silent_since.setdefault(peer, self._spoke_at.get(self.round, now))
        return len(absent)

    def _finish(self) -> list[Effect]:
        self.phase = Phase.FINISHED
        return [Finished()]
