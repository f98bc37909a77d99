"""How old a neighbour's words may be: old ones are refused, but not for ever those of one that is behind.

Rules:
- Words from more than `STALENESS_MAX` rounds ago are stale: something held them up.
- Whoever has heard nobody in time for some rounds takes words however old: it must not stay ahead of all its
  neighbours for ever, and refuse what they say.
- Whoever speaks of rounds long past time after time is not held up but behind, perhaps since a cut was
  healed. It is heard, or what it learns from its rows would be lost to all who are ahead of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gossipfl.protocol.acquaintance import SILENCE_MAX
from gossipfl.protocol.conversation import Words
from gossipfl.protocol.inbox import STALENESS_MAX
from gossipfl.protocol.messages import PeerId

HELD_UP_MAX = 2
"""How often in a row the words of one that is not behind come too late. Our guess."""


class Staleness:
    """What one peer of a run of so many `rounds` has seen of how late its neighbours' words come."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._late: dict[PeerId, int] = {}  # words in a row that came too late
        self._alone = 0  # rounds in a row that ended with nobody heard in time

    def spoke(self, peer: PeerId, lag: int) -> bool:
        """`peer` spoke of a round that we left `lag` rounds ago; returns whether that is too old."""
        self._late[peer] = self._late.get(peer, 0) + 1 if lag > STALENESS_MAX else 0
        return lag > self.most(peer)

    def most(self, peer: PeerId) -> int:
        """How many rounds old the words of `peer` may be."""
        any_age = self._alone >= SILENCE_MAX or self._late.get(peer, 0) > HELD_UP_MAX
        return self._rounds if any_age else STALENESS_MAX

    def listened(self, heard: Sequence[Words], round: int) -> None:
        """These words are `heard` in `round`."""
        in_time = any(words.last.round >= round - STALENESS_MAX for words in heard)
        self._alone = 0 if in_time else self._alone + 1
