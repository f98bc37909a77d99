"""What a peer that works in rounds tells its neighbours, and what it makes of what they say.

Rules:
- Whoever cannot follow says so, and is told the whole.
- Whoever came when the run was under way first adopts what is said, all alike: there a claim of many samples
  counts for nothing.
- What a neighbour said that died is taken back, where that must be, with the next words that are heard.
- A rule that asks for losses is told them before anything is taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.learn.contracts import Array, Heard, Payload
from gossipfl.protocol.acquaintance import Acquaintances
from gossipfl.protocol.correspondence import Correspondence, Taken
from gossipfl.protocol.events import Effect, Judge, Send, refused
from gossipfl.protocol.inbox import Inbox
from gossipfl.protocol.learner import Learner
from gossipfl.protocol.memory import Memory, Place, flat
from gossipfl.protocol.messages import Missed, PeerId, Update
from gossipfl.protocol.targets import Targets
from gossipfl.protocol.weighing import adopted, claimed_weights, given_weights, mixed

SETTLING_ROUNDS = 100
"""How often neighbours that count what passed between them compare it, where one of them used an update a
round later than the other. Our guess."""


class Words(NamedTuple):
    """What one neighbour said that counts in a round."""

    sender: PeerId
    last: Update
    taken: Taken


class Conversation:
    """The words of one peer, in its life `epoch`, and of the `others`, by way of `letters`."""

    def __init__(
        self, learner: Learner, letters: Correspondence, targets: Targets, others: Acquaintances, epoch: int
    ) -> None:
        self.newcomer = True  # has heard nobody
        self._learner = learner
        self._letters = letters
        self._targets = targets
        self._others = others
        self._epoch = epoch
        self._sequences: dict[PeerId, int] = {}
        self._late = False  # came when the run was under way
        self._taken_back: list[Taken] = []  # of those who left
        self._unjudged: Heard | None = None  # waits for its losses
        self._uneven: set[PeerId] = set()  # whose updates we used in another round than they ours

    def speak(self, round: int, targets: Sequence[PeerId]) -> list[Effect]:
        """Tell `targets`, and nobody else, what was learnt in `round`."""
        spoken = self._learner.words(1.0 / (len(targets) + 1), round)
        if len(targets) < len(self._targets.peers):
            self._letters.skip(set(self._targets.peers).difference(targets))
        degree, effects, last = self._degree(round), list[Effect](), None
        for peer in targets:
            last = self._told(peer, spoken, round, degree, last)
            effects.append(Send(peer, last))
        return effects

    def memory(self, round: int, newest: Mapping[PeerId, Place]) -> Memory:
        """What must outlive the process once `round` is closed, where `newest` was accepted of each."""
        return Memory(
            round,
            flat(self._learner.state),
            newest,
            self._letters.memory,
            newcomer=self.newcomer,
            late=self._late,
        )

    def resume(self, memory: Memory) -> None:
        """Go on from `memory` as if all links had broken and were back: what must be taken back is, and all
        is told whole.

        Raises `DataError`.
        """
        self._learner.resume(memory.state)
        self._letters.resume(memory.links)
        self.newcomer, self._late = memory.newcomer, memory.late
        for peer in self._targets.peers:
            self.died(peer)
            self._letters.rejoined(peer)
            self._letters.missed(peer)

    def missed(self, peer: PeerId) -> None:
        """`peer` says that it cannot follow."""
        self._letters.missed(peer)

    def rejoined(self, peer: PeerId) -> None:
        """`peer` is there, perhaps again."""
        self._letters.rejoined(peer)

    def died(self, peer: PeerId) -> None:
        """`peer` is gone before it has finished."""
        if taken := self._letters.left(peer):
            self._taken_back.append(taken)

    def listen(
        self, inbox: Inbox, round: int, *, ahead: bool, most: Callable[[PeerId], int]
    ) -> tuple[list[Effect], list[Words]]:
        """Use in `round` what waits in `inbox`: what is to be done about it, and who was heard.

        `ahead`: the peer was in an earlier round when it spoke. While the peer `judges`, nothing is used yet.
        Of each sender nothing is heard that is older than `most` rounds.
        """
        given, adopts = self._targets.weights(round), self.newcomer and ahead
        self._late |= adopts
        effects, heard = self._take(inbox.take(round, due=given, most=most), round)
        if adopts and heard:
            self._adopt(heard)
        elif heard or self._taken_back:
            self._mix(heard, self._weights(heard, given, round))
        if self._unjudged is not None:
            effects.append(Judge(self._learner.to_judge(self._unjudged), round))
        return effects, heard

    @property
    def judges(self) -> bool:
        """Whether losses are asked for."""
        return self._unjudged is not None

    def judged(self, losses: Array) -> None:
        """Use what was heard, now that the `losses` are known."""
        if self._unjudged is None:
            raise LocalProtocolError("A peer is told the losses for which it asked.")
        heard, self._unjudged = self._unjudged, None
        self._learner.listen(heard, losses)

    def _told(self, peer: PeerId, spoken: Payload, round: int, degree: int, last: Update | None) -> Update:
        """What to tell `peer`; if that is word for word the `last` that another was told, the same object."""
        self._sequences[peer] = sequence = self._sequences.get(peer, 0) + 1
        payload, whole = self._letters.tell(peer, spoken, self._learner.state)
        if last is not None and last.payload is payload and (last.sequence, last.whole) == (sequence, whole):
            return last
        return Update(round, self._epoch, sequence, self._learner.samples, degree, payload, whole)

    def _degree(self, round: int) -> int:
        return max(len(self._targets.speaks_to(round)), 1)

    def _take(
        self, waiting: list[tuple[PeerId, list[Update]]], round: int
    ) -> tuple[list[Effect], list[Words]]:
        """What the updates that waited come to, and what to say to those whom we cannot follow."""
        effects: list[Effect] = []
        heard = []
        for sender, updates in waiting:
            try:
                taken = self._letters.take(sender, updates, self._learner.state, self._late)
            except RemoteProtocolError as error:
                effects += refused(sender, error.reason)
                continue
            if taken is None:
                effects += [Send(sender, Missed())] if self._others[sender].here else []
            else:
                heard.append(Words(sender, updates[-1], taken))
                if len(updates) > 1 or updates[-1].round != round:
                    self._uneven.add(sender)
        return [*effects, *self._settle(round)], heard

    def _settle(self, round: int) -> list[Effect]:
        """Ask those with whom we are out of step for the whole, and owe it to them, if it is time."""
        if not self._letters.settles or round % SETTLING_ROUNDS:
            return []
        peers = sorted(peer for peer in self._uneven if self._others[peer].here)
        self._uneven.clear()
        for peer in peers:
            self._letters.missed(peer)
        return [Send(peer, Missed()) for peer in peers]

    def _adopt(self, heard: list[Words]) -> None:
        self._letters.skip(self._targets.peers)  # for they hold what is now void
        self._learner.listen(adopted([words.taken for words in heard]))
        self.newcomer = False
        self._taken_back = []

    def _mix(self, heard: list[Words], weights: Array) -> None:
        taken = [words.taken for words in heard]
        if self._taken_back:
            weights = np.append(weights, np.zeros(len(self._taken_back)))
            taken, self._taken_back = taken + self._taken_back, []
        mixture = mixed(taken, weights)
        if self._learner.asks_losses:
            self._unjudged = mixture
        else:
            self._learner.listen(mixture)
        self.newcomer = self.newcomer and not heard

    def _weights(self, heard: list[Words], given: Mapping[PeerId, float] | None, round: int) -> Array:
        if given is not None:
            return given_weights([words.sender for words in heard], given)
        updates = [words.last for words in heard]
        degree = max(self._degree(round), len(updates))  # more than are due, where neighbours just changed
        return claimed_weights(updates, degree, self._learner.weighed_samples)
