"""Whose words a peer that works in rounds awaits, and for how long.

Rules:
- Whoever is silent is overtaken, never waited for longer than `Patience` says.
- Whom to wait for is settled when a peer speaks; nobody can join those for whom it waits.
- Whoever waits for others to begin is told to, and is waited for until it has gathered as long as we would.
- Whoever is ahead of most of its neighbours waits as long as it may: so they catch up, and it hears them.
- Whoever is behind a neighbour does not wait for it, which may be waiting itself.
- A peer that joins a run under way waits for something to build on, and for nobody as new as itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from gossipfl.protocol.acquaintance import Acquaintances
from gossipfl.protocol.events import Effect, SetTimer
from gossipfl.protocol.gathering import Gathering
from gossipfl.protocol.inbox import Inbox
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.targets import Targets


class Awaiting:
    """Of one peer, which hears of `targets` those whom it can expect in time; `inbox` has what came early."""

    def __init__(
        self,
        targets: Targets,
        others: Acquaintances,
        inbox: Inbox,
        patience: Patience,
        gathering: Gathering,
    ) -> None:
        self._targets = targets
        self._others = others
        self._inbox = inbox
        self._patience = patience
        self._gathering = gathering
        self._awaited: set[PeerId] = set()
        self._due: Sequence[PeerId] = ()  # of whom some are awaited
        self._joins = False  # a run that is under way

    def begin(self, round: int, now: float, *, joins: bool, newcomer: bool = False) -> list[Effect]:
        """Wait for words of `round`, having spoken of it or, where the peer `joins` a run, without.

        A `newcomer` builds on those who are ahead.
        """
        self._joins = joins
        self._patience.spoke(round, now)
        wait_s = self._patience.wait_s()
        self._due = self._targets.waits_for(round)
        self._awaited = {
            peer
            for peer in self._due
            if self._others[peer].is_awaited
            and not (joins and self._others[peer].is_new)
            and (newcomer or not self._others[peer].is_ahead(round))
            and self._patience.suffices(peer, wait_s)
            and not self._inbox.holds(peer, round)
        }
        return [*self._urge(round, now), SetTimer(round, wait_s)]

    def prolong(self, round: int, now: float) -> list[Effect]:
        """What to do when the time for `round` is up, to wait on; nothing if that was long enough."""
        urged, left_s = self._urge(round, now), self._gathering.left_s(now)
        if not urged and not (self._needs_words and left_s > 0):
            return []
        return [*urged, SetTimer(round, min(left_s, self._patience.wait_s()))]

    def release(self, peer: PeerId) -> None:
        """`peer` was heard, or is gone: it is waited for no more."""
        self._awaited.discard(peer)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to wait for."""
        return not (self._awaited or self._needs_words or self._others.most_are_behind(self._due))

    @property
    def _needs_words(self) -> bool:
        """Whether it joins a run of which it has heard nothing to build on."""
        return self._joins and not self._gathering.resumed and self._inbox.empty

    def _urge(self, round: int, now: float) -> list[Effect]:
        """What to tell all if somebody awaited waits for others to begin, and we have not waited enough."""
        if not self._gathering.awaits_idle(now):
            return []
        idle = any(self._others[peer].is_idle for peer in self._awaited)
        return self._gathering.announce(round) if idle else []
