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

from gossipfl.protocol.messages import PeerId, Update

FLOOR_S = 2.0
"""Waited at least: pauses of a busy machine are shorter. Our guess."""

FACTOR = 3.0
"""How many times the typical need is waited. Our guess."""

OWN_MAX = 10.0
"""How many times our own training time is waited at most: nobody's slowness may grow on us. Our guess."""

RECENT = 8
"""Latenesses remembered of each neighbour, and rounds of ours that lateness is told by. Our guess."""


class Patience:
    """What one peer has learnt of its neighbours' pace."""

    def __init__(self) -> None:
        self._latenesses_s: dict[PeerId, tuple[float, ...]] = {}
        self._own_s: deque[float] = deque(maxlen=RECENT)
        self._spoke_at: dict[int, float] = {}  # in growing order of rounds
        self._silent_since: dict[PeerId, float] = {}
        self._places: dict[PeerId, tuple[int, int]] = {}  # epoch and sequence last heard

    def trained(self, seconds: float) -> None:
        """Our own training took this long."""
        self._own_s.append(seconds)

    def spoke(self, round: int, now: float) -> None:
        """We spoke of `round`."""
        self._spoke_at[round] = now
        if len(self._spoke_at) > RECENT:
            del self._spoke_at[next(iter(self._spoke_at))]

    def heard(self, peer: PeerId, update: Update, now: float) -> None:
        """`peer` spoke."""
        lateness_s = self._lateness_s(peer, update, now)
        if lateness_s is not None:
            recent = self._latenesses_s.get(peer, ())[1 - RECENT :]
            self._latenesses_s[peer] = (*recent, lateness_s)

    def missed(self, peer: PeerId, round: int, now: float) -> None:
        """We ended `round` without `peer`."""
        self._silent_since.setdefault(peer, self._spoke_at.get(round, now))

    def forget(self, peer: PeerId) -> None:
        """`peer` is back after an absence: what it needed before says little."""
        self._latenesses_s.pop(peer, None)
        self._silent_since.pop(peer, None)

    def wait_s(self) -> float:
        """How long to wait, from our own words on."""
        needs = sorted(map(min, self._latenesses_s.values()))
        own_s = max(self._own_s, default=0.0)
        typical_s = needs[(len(needs) - 1) // 2] if needs else own_s
        return max(FLOOR_S, min(FACTOR * typical_s, OWN_MAX * own_s))

    def suffices(self, peer: PeerId, wait_s: float) -> bool:
        """Whether waiting for `wait_s` seconds is likely to bring the words of `peer`."""
        latenesses_s = self._latenesses_s.get(peer)
        return latenesses_s is None or min(latenesses_s) <= wait_s

    def _lateness_s(self, peer: PeerId, update: Update, now: float) -> float | None:
        """How late `update` is; None where that cannot be told."""
        epoch, sequence = self._places.get(peer, (update.epoch, 0))
        self._places[peer] = update.epoch, update.sequence
        silent_since = self._silent_since.pop(peer, None)
        if silent_since is not None:  # if others were lost before it, its sender may have been in time
            follows = (update.epoch, update.sequence) == (epoch, sequence + 1)
            return now - silent_since if follows else None
        spoke_at = self._spoke_at.get(update.round)
        if spoke_at is not None:
            return max(0.0, now - spoke_at)
        early = update.round > max(self._spoke_at, default=0)
        return 0.0 if early else None
