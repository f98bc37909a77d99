"""How long a peer waits for its neighbours: learnt from what they were seen to need, never set by a user.

Rules:
- A neighbour's lateness is how long after our own words its words for the same round arrived.
- What a neighbour needs is the least of its recent latenesses: what delays it now and then, such as its own
  waiting for others, is not its need, and must not spread from peer to peer.
- We wait for a few times what the lower median of them needs: slow ones are overtaken, and neither a slow
  nor a hostile minority can hold a round.
- Silence teaches nothing about need: a lost message must not make everyone wait longer.
"""

from __future__ import annotations

from collections import deque

from gossipfl.protocol.messages import PeerId

FLOOR_S = 2.0
"""Waited at least: pauses of a busy machine are shorter. Our guess."""

FACTOR = 3.0
"""How many times the typical need is waited. Our guess."""

OWN_MAX = 10.0
"""How many times our own training time is waited at most: nobody's slowness may grow on us. Our guess."""

RECENT = 8
"""Latenesses remembered of each neighbour. Our guess."""


class Patience:
    """What one peer has learnt of its neighbours' pace."""

    def __init__(self) -> None:
        self._latenesses_s: dict[PeerId, deque[float]] = {}
        self._own_s: deque[float] = deque(maxlen=RECENT)

    def trained(self, seconds: float) -> None:
        """Our own training took this long."""
        self._own_s.append(seconds)

    def heard(self, peer: PeerId, lateness_s: float) -> None:
        """`peer` spoke, this late."""
        self._latenesses_s.setdefault(peer, deque(maxlen=RECENT)).append(lateness_s)

    def forget(self, peer: PeerId) -> None:
        """`peer` is back after an absence: what it needed before says little."""
        self._latenesses_s.pop(peer, None)

    def wait_s(self) -> float:
        """How long to wait, from our own words on."""
        needs = sorted(map(min, self._latenesses_s.values()))
        typical_s = needs[(len(needs) - 1) // 2] if needs else max(self._own_s, default=0.0)
        return max(FLOOR_S, min(FACTOR * typical_s, OWN_MAX * max(self._own_s, default=0.0)))

    def awaits(self, peer: PeerId) -> bool:
        """Whether `peer` is worth waiting for."""
        latenesses_s = self._latenesses_s.get(peer)
        return latenesses_s is None or min(latenesses_s) <= self.wait_s()
