"""What befalls messages: the rules of a network, as far as the world has them at the moment."""

from __future__ import annotations

from collections import Counter

from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults import LOST, PASS, Corrupt, Deliver, Instead, Verdict
from gossipfl.simulator.faults.chances import Chances
from swarming.world import World

LATE_S = 4.0
"""By how much at most a double is late, or an update that others overtake: a few rounds."""


class Hardship:
    """The rules of a network: delay always; loss and the rest until all is `healed`."""

    def __init__(self, world: World, counts: Counter[str]) -> None:
        self.healed = False
        self.clogged: dict[tuple[PeerId, PeerId], float] = {}  # links, and until when
        self._doubled = 0  # of an update that is said twice, still to be judged
        self._world = world
        self._counts = counts
        self._chances = Chances(world.seed, "hardship")

    def doubling(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """The first rule: some updates are said twice."""
        shares = self._world.shares
        if self.healed or not shares.duplicate or not isinstance(message, Update):
            return PASS
        if self._chances.next(sender) >= shares.duplicate:
            return PASS
        self._counts["doubled"] += 1
        self._doubled = 2
        return Instead((message, message))

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """The second rule: all else."""
        world = self._world
        delay_s = world.latency_s
        if world.jitter_s:
            delay_s += world.jitter_s * self._chances.next(sender)
        if self.healed:
            return Deliver(delay_s)
        if self.clogged:
            until_s = self.clogged.get((min(sender, to), max(sender, to)), 0.0)
            if until_s > now:
                self._counts["clogged"] += 1
                delay_s += until_s - now
        if isinstance(message, Update):
            return self._befallen(sender, to, message, delay_s)
        return Deliver(delay_s)

    def _befallen(self, sender: PeerId, to: PeerId, message: Update, delay_s: float) -> Verdict:
        """What befalls an update, all by shares."""
        shares, counts, chance = self._world.shares, self._counts, self._chances.next
        self._doubled -= 1
        if self._doubled == 0:
            return Deliver(delay_s + LATE_S * chance(sender), in_order=False)
        if chance(sender) < shares.loss:
            counts["lost"] += 1
            return LOST
        if shares.corrupt and chance(sender) < shares.corrupt:
            counts["corrupt"] += 1
            return Corrupt()
        if shares.reorder and chance(sender) < shares.reorder:
            counts["overtaken"] += 1
            return Deliver(delay_s + LATE_S * chance(sender), in_order=False)
        return Deliver(delay_s)
