"""How long a neighbour is shut out that broke rules again and again.

Rules:
- Only what no honest peer does counts: words that come late, twice or too often may be the network's doing.
- The first offences cost the link alone, for a bug or a bad disk is no attack. Each further one shuts its
  peer out for twice as long as the last. Each hour in which it might have broken a rule and did not takes
  one away.
- It goes by the driver's clock, which nobody sets, and over a restart by the seconds that had passed by then.
  So a wall clock that jumps neither ends a sentence nor makes one longer; the time in which we do not run
  counts for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gossipfl.protocol.messages import PeerId

OFFENCES = frozenset(
    {"bad-magic", "body-length", "degree", "digest", "epoch", "forged", "layout", "malformed", "manifest"}
    | {"non-finite", "oversized-header", "round", "run", "samples", "sender", "signature"}
    | {"unexpected-type", "unknown-type"}
)
"""The rules that count. Not "huge", for a model may diverge; nor "replay", "stale", "flood" or "slow"."""

EQUIVOCATION = "equivocation"
"""The rule that whoever broke it by proof broke."""

QUARANTINED = "quarantined"
"""The reason for which whoever is shut out is refused."""

FREE = 3
"""Offences that cost no more than the link. Our guess."""

FIRST_S, LAST_S = 30.0, 3600.0
"""How long the next one shuts a peer out, and how long one does at most. Our guess."""

FORGIVEN_S = 3600.0
"""How long it takes to be forgiven one offence, for whoever is not shut out. Our guess."""


class Offences(NamedTuple):
    """What a peer did: so many offences, the last by breaking the rule `why` `since_s` seconds ago."""

    peer: PeerId
    times: int
    why: str
    since_s: float

    @property
    def left_s(self) -> float:
        """For how many seconds it is still shut out."""
        return max(0.0, _sentence_s(self.times) - self.since_s)


class Reputation:
    """The offences of all neighbours of one peer."""

    def __init__(self) -> None:
        self._offences: dict[PeerId, tuple[int, str, float]] = {}  # how many, the last rule broken, and when

    def offence(self, peer: PeerId, why: str, now: float) -> float:
        """`peer` broke the rule `why`: for how many seconds to shut it out, which may be 0."""
        if why not in OFFENCES:
            return 0.0
        count = 1 + self._unforgiven(peer, now)
        self._offences[peer] = count, why, now
        return _sentence_s(count)

    def remembered(self, now: float) -> tuple[Offences, ...]:
        """All that is not forgiven."""
        return tuple(
            Offences(peer, count, why, now - at)
            for peer, (count, why, at) in self._offences.items()
            if self._unforgiven(peer, now)
        )

    def resume(self, remembered: Iterable[Offences], now: float) -> None:
        """Go on from what was `remembered` in an earlier life."""
        for peer, count, why, since_s in remembered:
            self._offences[peer] = count, why, now - since_s

    def _unforgiven(self, peer: PeerId, now: float) -> int:
        count, _, at = self._offences.get(peer, (0, "", now))
        return max(0, count - int(max(0.0, now - at - _sentence_s(count)) / FORGIVEN_S))


def _sentence_s(count: int) -> float:
    """For how long the last of so many offences shuts a peer out."""
    return min(FIRST_S * 2.0 ** min(count - FREE - 1, 16), LAST_S) if count > FREE else 0.0
