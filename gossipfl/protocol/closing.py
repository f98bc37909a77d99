"""How a round of a peer ends: what is noted of it, who is suspected, and how old words may be from then on.

Rules:
- Whoever has heard nobody in time for some rounds takes words however old: it must not stay ahead of all its
  neighbours for ever, and refuse what they say.
- Whoever was due and stays unheard is suspected after some rounds, until it speaks.
"""

from __future__ import annotations

from collections.abc import Sequence

from gossipfl.learn.contracts import Array
from gossipfl.protocol.acquaintance import SILENCE_MAX, Acquaintances
from gossipfl.protocol.conversation import Words
from gossipfl.protocol.events import Effect, Note, Regarded, RoundClosed, Used
from gossipfl.protocol.inbox import STALENESS_MAX
from gossipfl.protocol.patience import Patience
from gossipfl.protocol.targets import Targets


class Closing:
    """Of one peer in a run of so many `rounds`, who of `targets` was due."""

    def __init__(self, targets: Targets, others: Acquaintances, patience: Patience, rounds: int) -> None:
        self._targets = targets
        self._others = others
        self._patience = patience
        self._rounds = rounds
        self._heard: Sequence[Words] = ()  # in the round that is being closed
        self._spoken = 0  # the round in which the peer last spoke
        self._alone = 0  # rounds in a row that ended with nobody heard in time

    @property
    def staleness(self) -> int:
        """How many rounds old words may be."""
        return STALENESS_MAX if self._alone < SILENCE_MAX else self._rounds

    def listened(self, heard: Sequence[Words], spoken: int, round: int) -> None:
        """These words are `heard` in `round`; the peer has `spoken` of that one, or of an earlier one."""
        self._heard, self._spoken = heard, spoken
        in_time = any(words.last.round >= round - STALENESS_MAX for words in heard)
        self._alone = 0 if in_time else self._alone + 1

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
