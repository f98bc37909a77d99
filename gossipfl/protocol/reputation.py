"""How long a neighbour is shut out that broke rules again and again.

Rules:
- Only what no honest peer does counts: words that come late, twice or too often may be the network's doing.
- The first offences cost the link alone, for a bug or a bad disk is no attack. Each further one shuts its
  peer out for twice as long as the last.
"""

from __future__ import annotations

from gossipfl.protocol.messages import PeerId

OFFENCES = frozenset(
    {"degree", "epoch", "forged", "layout", "malformed", "manifest", "non-finite", "round", "run"}
    | {"samples", "sender", "signature", "body-length", "digest", "oversized-header", "unknown-type"}
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


class Reputation:
    """The offences of all neighbours of one peer."""

    def __init__(self) -> None:
        self._offences: dict[PeerId, int] = {}

    def offence(self, peer: PeerId, why: str) -> float:
        """`peer` broke the rule `why`: for how many seconds to shut it out, which may be 0."""
        if why not in OFFENCES:
            return 0.0
        self._offences[peer] = count = self._offences.get(peer, 0) + 1
        return min(FIRST_S * 2.0 ** min(count - FREE - 1, 16), LAST_S) if count > FREE else 0.0
