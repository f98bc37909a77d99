"""What befalls peers and links, and the moment when all is healed.

Rules:
- Whatever befalls anybody ends at the healing at the latest, but for those who are gone for good.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.cuts import Link
from gossipfl.simulator.lives import Lives
from swarming.world import FOR_GOOD, Ailment

if TYPE_CHECKING:
    from swarming.arena import Arena


class Nemesis:
    """Does in `arena`, to its `lives`, what its world has in store."""

    def __init__(self, arena: Arena, lives: Lives) -> None:
        self._arena = arena
        self._world = arena.world
        self._lives = lives
        self._cuts: list[frozenset[Link]] = []
        self._gone: set[PeerId] = set()
        for ailment in self._world.ailments:
            if ailment.at_s < self._world.heals_s:
                lives.later(ailment.at_s, partial(self._befall, ailment))
        lives.later(self._world.heals_s, arena.heal)

    def heal(self) -> None:
        """Let links and peers be as they were, but for those who are gone for good."""
        for cut in self._cuts:
            self._lives.heal(cut)
        self._arena.hardship.clogged.clear()
        for peer in range(self._world.peers):
            self._come(peer)

    def _befall(self, ailment: Ailment) -> None:
        """Let `ailment` begin, and plan its end."""
        lives, peer = self._lives, ailment.peers[0]
        lasts_s = min(ailment.for_s, self._world.heals_s - lives.now)
        self._arena.counts[ailment.kind] += 1
        match ailment.kind:
            case "crash":
                lives.kill(peer)
                self._let_come(ailment, lasts_s)
            case "leave":
                end = lives.leave if peer in lives.awake else lives.kill  # who stands still hears nothing
                end(peer)
                self._let_come(ailment, lasts_s)
            case "pause":
                lives.pause(peer, lasts_s)
                self._arena.disturb(peer)
                lives.later(lasts_s, partial(self._arena.disturb, peer))
            case "slow":
                self._arena.slow |= dict.fromkeys(ailment.peers, ailment.size)
                lives.later(lasts_s, partial(self._recover, ailment.peers))
            case "clog":
                one, other = sorted(ailment.peers)
                self._arena.hardship.clogged[one, other] = lives.now + lasts_s
            case "cut":
                self._cut(frozenset(ailment.peers), lasts_s)

    def _let_come(self, ailment: Ailment, after_s: float) -> None:
        if ailment.for_s == FOR_GOOD:
            self._gone.update(ailment.peers)
        else:
            self._lives.later(after_s, partial(self._come, ailment.peers[0]))

    def _come(self, peer: PeerId) -> None:
        if peer not in self._gone:
            self._lives.boot(peer)

    def _recover(self, peers: tuple[PeerId, ...]) -> None:
        for peer in peers:
            self._arena.slow.pop(peer, None)

    def _cut(self, side: frozenset[PeerId], lasts_s: float) -> None:
        """No word passes between `side` and all others."""
        both = [(one, other) for one in sorted(side) for other in self._world.neighbours[one]]
        across = [(one, other) for one, other in both if other not in side]
        cut = frozenset(across) | frozenset((other, one) for one, other in across)
        self._cuts.append(cut)
        self._lives.cut(cut)
        self._lives.later(lasts_s, partial(self._lives.heal, cut))
