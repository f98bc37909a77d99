"""How often others may make a free peer work: about as often as its own cycles pass, whatever they send."""

from __future__ import annotations

from gossipfl.protocol.messages import PeerId

PER_PERIOD = 2.0
"""Exchanges that one other may begin with us in a period, in the long run. Our guess: its own pace, twice."""

BURST = 4.0
"""Exchanges that it may begin at once, for the network may hold some back. Our guess."""


class Pace:
    """An allowance for each of the others that was heard; with a period of 0 s there is no pace."""

    def __init__(self, period_s: float, tokens: int) -> None:
        self._period_s = period_s
        self._burst = max(BURST, tokens)
        self._left: dict[PeerId, tuple[float, float]] = {}  # what is left of it, and when

    def allows(self, peer: PeerId, now: float) -> bool:
        """Whether `peer` may begin an exchange at `now`."""
        if not self._period_s:
            return True
        left, at = self._left.get(peer, (self._burst, now))
        left = min(self._burst, left + PER_PERIOD * (now - at) / self._period_s)
        allowed = left >= 1.0
        self._left[peer] = left - allowed, now
        return allowed
