"""Who is there in which round, where that is told by rounds alone: the same for the network and a crowd."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws
from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.plans import Churn, DropOut

Flags = NDArray[np.bool_]


def dropped(fault: DropOut, peers: int, seed: int) -> list[PeerId]:
    """The peers that die together, in growing order; one at least is left."""
    count = min(ceil(fault.share * peers), peers - 1)
    order = Draws(seed, round=fault.round).permutation("drop-out", peers)
    return sorted(order[:count].tolist())


class Churned:
    """Whom `churn` has made leave in each round; nobody in round 1, and never all."""

    def __init__(self, churn: Churn, peers: int, seed: int) -> None:
        self.churn = churn
        self._peers = np.arange(peers)
        self._seed = seed
        self._away: list[Flags] = [np.zeros(peers, np.bool_)] * 2  # of rounds 0 and 1

    def away(self, round: int) -> Flags:
        """Who is away in `round` (n,)."""
        while len(self._away) <= round:
            chance = Draws(self._seed, self._peers, len(self._away)).uniform("churn", 1)[:, 0]
            before = self._away[-1]
            away = np.where(before, chance >= self.churn.back, chance < self.churn.leave)
            if away.all():
                away[np.argmax(~before)] = False
            self._away.append(away)
        return self._away[round]


def churned(faults: Iterable[object], peers: int, seed: int) -> Churned | None:
    """The churn among `faults`, if there is any."""
    return next((Churned(fault, peers, seed) for fault in faults if isinstance(fault, Churn)), None)
