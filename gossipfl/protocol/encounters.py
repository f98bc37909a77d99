"""Whom a free peer meets: who can be spoken to, whom it draws next, and where those whom it heard are.

Rules:
- Nothing is kept of those who were neither seen nor heard, so that a peer may draw from millions.
- What others claim moves a median alone, of two or more where there are so many.
"""

from __future__ import annotations

from collections.abc import Sequence

from gossipfl.draws import Draws
from gossipfl.protocol.acquaintance import Presence, Sight, caught_up
from gossipfl.protocol.messages import PeerId

HEARD_MAX = 16
"""How many peers' places are remembered, those heard last. Our guess."""

_BLOCK = 64
_TRIES_MAX = 32


class Encounters:
    """The others of the peer `number`; where they are `announced`, nobody is there before it joins."""

    def __init__(
        self, number: PeerId, peers: Sequence[PeerId], seed: int, epoch: int, *, announced: bool
    ) -> None:
        self._number = number
        self._peers = peers
        self._announced = announced
        self._absent = set(peers) if announced else set()
        self._rounds: dict[PeerId, int] = {}  # of those heard last, the newest at the end
        self._draws = Draws(seed, number, epoch)
        self._blocks = 0
        self._chances: list[float] = []

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._peers

    @property
    def sights(self) -> dict[PeerId, Sight]:
        """Each of them, as it is seen now: nobody waits for it, so it is here or gone."""
        taken = {peer: Presence.GONE if peer in self._absent else Presence.HERE for peer in self._peers}
        return {peer: Sight(presence, self._rounds.get(peer)) for peer, presence in taken.items()}

    @property
    def all_here(self) -> bool:
        """Whether everybody can be spoken to."""
        return not self._absent

    @property
    def any_here(self) -> bool:
        """Whether somebody can be spoken to."""
        return len(self._absent) < len(self._peers)

    def here(self) -> list[PeerId]:
        """All of those who announced themselves and can be spoken to."""
        return [peer for peer in self._peers if peer not in self._absent] if self._announced else []

    def admit(self, peer: PeerId) -> None:
        """`peer` is listed from now on, and not yet here."""
        self._peers = (*self._peers, peer)
        self._absent.add(peer)

    def expel(self, peer: PeerId) -> None:
        """`peer` is a stranger from now on."""
        self._peers = tuple(other for other in self._peers if other != peer)
        self._absent.discard(peer)
        self._rounds.pop(peer, None)

    def joined(self, peer: PeerId) -> None:
        """`peer` is there."""
        self._absent.discard(peer)

    def left(self, peer: PeerId, own_round: int) -> None:
        """`peer` is gone. Whoever left ahead of us has finished, and its place still counts."""
        self._absent.add(peer)
        if self._rounds.get(peer, own_round + 1) <= own_round:
            del self._rounds[peer]

    def heard(self, peer: PeerId, round: int) -> None:
        """`peer` says that it is in `round`."""
        self._rounds.pop(peer, None)
        self._rounds[peer] = round
        if len(self._rounds) > HEARD_MAX:
            del self._rounds[next(iter(self._rounds))]

    def round_to_join(self, round: int) -> int:
        """Where a peer in `round` should be: the lower median of those heard, if it is two or more ahead."""
        if len(self._rounds) < min(2, len(self._peers)):
            return round
        return caught_up(round, self._rounds.values())

    def chance(self) -> float:
        """The next number in [0, 1) of this peer's stream."""
        if not self._chances:
            self._chances = self._draws.uniform("encounters", _BLOCK, self._blocks).tolist()
            self._blocks += 1
        return self._chances.pop()

    def anybody(self, among: Sequence[PeerId]) -> PeerId | None:
        """One of `among` who can be spoken to, all alike likely; None if nobody can."""
        for _ in range(_TRIES_MAX if among else 0):
            peer = among[int(self.chance() * len(among))]
            if peer != self._number and peer not in self._absent:
                return peer
        here = [peer for peer in among if peer != self._number and peer not in self._absent]
        return here[int(self.chance() * len(here))] if here else None
