"""Neighbours, and reserves that stand in for them when half of them or more are lost.

Rules:
- A reserve is told no more than that the run has begun before both have agreed; from then on both count each
  other.
- A neighbour is lost while its link is down, unless it has finished, and while it was unheard for long.
- Stand-ins come on top: no live neighbour is ever replaced, whatever anybody says.
- Whom to ask is drawn beforehand, so that no reserve can see to it that it is chosen.
- A peer agrees to stand in for half as many as it has neighbours, at least one, and to what it lacks itself.
  So a hostile minority reaches only those who list it, and a healthy neighbourhood grows by a half at most.
- Whoever asked says when it is over; either side may end it, and a link that breaks ends it too.
"""

from __future__ import annotations

from collections.abc import Sequence

from gossipfl.draws import Draws
from gossipfl.protocol.acquaintance import Acquaintance, Acquaintances
from gossipfl.protocol.changing import Change, Changing
from gossipfl.protocol.events import Effect, Note, Regarded, Send, refused
from gossipfl.protocol.messages import Gone, PeerId, StandIn, Word

STAND_INS_MIN = 2
"""So many are wanted at least: a random graph falls apart where each draws one neighbour alone. Our guess."""

STAND_INS_MAX = 8
"""So many are wanted at most. Our guess."""

LOST_ROUNDS = 5
"""A neighbour unheard for so many rounds in a row is lost until it speaks. Our guess."""

ASK_ROUNDS = 3
"""How long an answer is waited for. Our guess."""

PAUSE_ROUNDS = 8
"""How long a reserve that declined is not asked again. Our guess."""

BACK_ROUNDS = 4
"""For so many rounds in a row more than half are there before stand-ins are let go. Our guess."""


class StandIns(Changing):
    """Targets of a peer with `own` neighbours and `reserves`, whom it asks in an order that `draws` give."""

    def __init__(self, own: Sequence[PeerId], reserves: Sequence[PeerId], draws: Draws, rounds: int) -> None:
        super().__init__(own, frozenset(own))
        self.peers = tuple(sorted((*own, *reserves)))
        self._own = frozenset(own)
        self._order = [reserves[place] for place in draws.permutation("reserves", len(reserves))]
        self._rounds = rounds
        self._active = tuple(sorted(own))
        self._bonds: dict[PeerId, bool] = {}  # those agreed upon, and whether we asked
        self._asked: dict[PeerId, int] = {}  # in which of our rounds
        self._pauses: dict[PeerId, int] = {}  # until which of our rounds
        self._told_off: dict[PeerId, int] = {}  # in which of our rounds
        self._wants = 0
        self._calm = 0  # rounds in a row in which nothing was lacking

    # Targets

    def speaks_to(self, round: int) -> Sequence[PeerId]:
        """All neighbours, and those who stand in for some."""
        return self._active

    def waits_for(self, round: int) -> Sequence[PeerId]:
        """The same."""
        return self._active

    def weights(self, round: int) -> None:
        """By what they claim."""

    # Who belongs to the consortium

    def admit(self, peer: PeerId) -> None:
        """It is one of our own from when we next speak on."""
        self._own |= {peer}
        self._forget(peer)

    def expel(self, peer: PeerId) -> None:
        """It is nobody to us."""
        self._own -= {peer}
        self._forget(peer)

    def _forget(self, peer: PeerId) -> None:
        self._bonds.pop(peer, None)
        self._asked.pop(peer, None)
        self._order = [other for other in self._order if other != peer]
        self.peers = tuple(sorted((*self._own, *self._order)))
        self.near = self._own | self._bonds.keys()

    # What is seen and said

    def left(self, peer: PeerId, round: int) -> None:
        """What was agreed with it ends."""
        self._bonds.pop(peer, None)
        self._asked.pop(peer, None)

    def takes(self, peer: PeerId) -> bool:
        """Of neighbours, and of those with whom it is agreed."""
        return (peer in self._own and peer in self._active) or peer in self._bonds

    def told(self, sender: PeerId, message: Gone | StandIn, round: int) -> list[Effect]:
        """Answer, or take the answer."""
        if isinstance(message, Gone) or sender in self._own:
            return refused(sender, "unasked")
        match message.word:
            case Word.ASKS:
                return [self._say(sender, self._answer(sender), round)]
            case Word.AGREES:
                return self._agreed(sender, round)
            case Word.DECLINES:
                self._paused(sender, round)
            case Word.ENDS:
                self._bonds.pop(sender, None)
        return []

    def unbidden(self, sender: PeerId, round: int) -> list[Effect]:
        """It takes us for a neighbour: so it has agreed, or must be told that we are none, once a round."""
        if sender in self._own:
            return []  # was admitted just now
        if sender in self._asked:
            return self._agreed(sender, round)
        if self._told_off.get(sender) == round:
            return []
        self._told_off[sender] = round
        return [self._say(sender, Word.ENDS, round)]

    def closed(self, round: int, others: Acquaintances) -> Sequence[Effect]:
        """See who is lost, let go whom we need no longer, and ask for whom we need."""
        lost = sum(self._is_lost(others[peer]) for peer in self._own)
        short = lost > 0 and 2 * lost >= len(self._own)
        self._wants = min(max(STAND_INS_MIN, lost), STAND_INS_MAX) if short else 0
        self._calm = 0 if short else self._calm + 1
        ends = [
            peer
            for peer, asked in self._bonds.items()
            if self._is_lost(others[peer]) or (asked and self._calm >= BACK_ROUNDS)
        ]
        for peer in ends:
            del self._bonds[peer]
            self._paused(peer, round)
        effects = [self._say(peer, Word.ENDS, round) for peer in ends if others[peer].here]
        return [*effects, *self._ask(round, others)]

    def settle(self, round: int) -> Change:
        """Those with whom it is agreed take part, and no others."""
        before, now = set(self._active), self._own | self._bonds.keys()
        if before == now:
            return Change()
        came, went = sorted(now - before), sorted(before - now)
        self.near = now
        self._active = tuple(sorted(now))
        notes = [Note(Regarded(peer, "stand-in")) for peer in came if peer in self._bonds]
        lent = [peer for peer in went if peer in self._order]
        return Change([*notes, *(Note(Regarded(peer, "released")) for peer in lent)], came, went)

    # Helpers

    def _is_lost(self, known: Acquaintance) -> bool:
        finished = (known.round or 0) >= self._rounds - 1
        return known.unheard >= LOST_ROUNDS if known.here else not finished

    def _ask(self, round: int, others: Acquaintances) -> list[Effect]:
        for peer in [peer for peer, asked_in in self._asked.items() if round - asked_in >= ASK_ROUNDS]:
            self._paused(peer, round)
        lacking = self._wants - len(self._bonds) - len(self._asked)
        free = (
            peer
            for peer in self._order
            if others[peer].here and not (peer in self._bonds or peer in self._asked)
            if self._pauses.get(peer, 0) <= round
        )
        chosen = [peer for peer, _ in zip(free, range(lacking), strict=False)]
        self._asked.update(dict.fromkeys(chosen, round))
        return [self._say(peer, Word.ASKS, round) for peer in chosen]

    def _answer(self, sender: PeerId) -> Word:
        if sender not in self._bonds:
            agreed_to = sum(not asked for asked in self._bonds.values())
            room = agreed_to < max(1, len(self._own) // 2) or len(self._bonds) < self._wants
            if not room and sender not in self._asked:
                return Word.DECLINES
            self._bonds[sender] = self._asked.pop(sender, None) is not None
        return Word.AGREES

    def _agreed(self, sender: PeerId, round: int) -> list[Effect]:
        if self._asked.pop(sender, None) is not None:
            self._bonds[sender] = True
        return [] if sender in self._bonds else [self._say(sender, Word.ENDS, round)]

    def _paused(self, peer: PeerId, round: int) -> None:
        self._asked.pop(peer, None)
        self._pauses[peer] = round + PAUSE_ROUNDS

    def _say(self, to: PeerId, word: Word, round: int) -> Effect:
        return Send(to, StandIn(word, round))
