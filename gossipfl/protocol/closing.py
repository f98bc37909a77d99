"""How a round of a peer ends: what is noted of it, and who is suspected.

Rules:
- Whoever was due and stays unheard is suspected after some rounds, until it speaks.
"""

from __future__ import annotations

from collections.abc import Sequence

from gossipfl.learn.contracts import Array
from gossipfl.protocol.acquaintance import Acquaintances
from gossipfl.protocol.conversation import Words
from gossipfl.protocol.events import Effect, Note, Regarded, RoundClosed, Used
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.targets import Targets


class Closing:
    """Of one peer, for whom those of `targets` are due."""

    def __init__(self, targets: Targets, others: Acquaintances, patience: Patience) -> None:
        self._targets = targets
        self._others = others
        self._patience = patience
        self._heard: Sequence[Words] = ()  # in the round that is being closed
        self._spoken = 0  # the round in which the peer last spoke

    def listened(self, heard: Sequence[Words], spoken: int) -> None:
        """These words are `heard` in a round; the peer has `spoken` of that one, or of an earlier one."""
        self._heard, self._spoken = heard, spoken

    def notes(self, round: int, model: Array, duration_s: float, now: float) -> list[Effect]:
        """What to note, now that `round` has made the `model` (d,) of what was heard."""
        heard, self._heard = self._heard, ()
        by, due = {words.sender for words in heard}, self._targets.waits_for(round)
        missing = sum(peer not in by for peer in due)
        stale = sum(words.last.round < round for words in heard)
        used = tuple(
            Used(words.sender, words.last.epoch, words.last.round, words.last.sequence) for words in heard
        )
        closed = RoundClosed(round, model, len(heard), missing, stale, duration_s, used)
        effects: list[Effect] = [Note(closed)]
        for peer in due:
            if self._others.closed(peer, heard=peer in by):
                effects.append(Note(Regarded(peer, "suspected")))
            if peer not in by:
                self._patience.missed(peer, self._spoken, now)
        return effects
