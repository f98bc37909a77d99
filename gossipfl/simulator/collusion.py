"""The attackers of a run: what they know together, and what each of them tells.

Rules:
- They remember what was said, so a new run needs new ones.
- Before the round in which they begin they are as others are, and only keep their eyes open.
- What comes of honest peers is stacked in growing order of peers, so that both engines compute the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.attacks import Attack, Known, Target, conduct_of
from gossipfl.learn.contracts import Array
from gossipfl.protocol.admission import VALUE_MAX
from gossipfl.simulator.trainings import FitMany


class Collusion:
    """The `attackers` of a run with `seed`, who attack from round `first` on."""

    def __init__(self, attack: Attack, attackers: Iterable[int], *, seed: int, first: int = 1) -> None:
        self.attackers = sorted(attackers)
        self.first = first
        self.conduct = conduct_of(attack)
        self._attack = attack
        self._seed = seed
        self._began: dict[int, Array] = {}
        self._said: dict[int, deque[Array]] = {}

    def fitting(self, fit: FitMany) -> FitMany:
        """`fit` as attackers see it: they know what it began from, and those that do not train keep that."""

        def fit_many(peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
            fitted = fit(peers, vectors, round, drifts)
            mine = np.flatnonzero(np.isin(peers, self.attackers))
            for row in mine:
                self._began[int(peers[row])] = vectors[row].copy()
            if not self.conduct.trains and round >= self.first and len(mine):
                fitted = fitted.copy()
                fitted[mine] = vectors[mine]
            return fitted

        return fit_many

    def remember(self, peer: int, own: Array) -> None:
        """The attacker `peer` would now say `own` (d,)."""
        kept = deque[Array](maxlen=self.conduct.lag + 1)
        self._said.setdefault(peer, kept).append(own.copy() if self.conduct.lag else own)

    def words(
        self, peers: list[int], own: Array, honest: Array, round: int, target: Target | None = None
    ) -> Array:
        """What attackers `peers` (m,) tell who would say `own` (m, d), by what the `honest` (h, d) said.

        Raises `SettingsError` if the attack does not give vectors like those it was given.
        """
        known = Known(honest, self._began_of(peers, own), self._before(peers, own), target)
        with np.errstate(all="ignore"):
            told = self._attack(own, known, Draws(self._seed, np.array(peers), round))
        if not isinstance(told, np.ndarray) or told.shape != own.shape or told.dtype != own.dtype:
            what = f"{told.dtype} {told.shape}" if isinstance(told, np.ndarray) else type(told).__name__
            raise SettingsError(f"The attack gave {what}: let it return {own.dtype} of shape {own.shape}.")
        return told

    def _began_of(self, peers: list[int], own: Array) -> Array:
        return np.stack([self._began.get(peer, own[row]) for row, peer in enumerate(peers)])

    def _before(self, peers: list[int], own: Array) -> Array:
        if not self.conduct.lag:
            return own
        return np.stack([self._said[peer][0] for peer in peers])


class CrowdCollusion:
    """Attackers in a crowd: they alter their rows once all have spoken and, if `deaf`, they hear nobody."""

    def __init__(self, collusion: Collusion, peers: int, *, deaf: bool) -> None:
        self._collusion = collusion
        self._deaf = deaf
        self._mine = np.isin(np.arange(peers), collusion.attackers)
        self._spoke = np.zeros(peers, np.bool_)

    def tell(self, told: Array, present: NDArray[np.bool_] | None, round: int) -> None:
        """Alter what those of the `present` (n,) who attack have `told` (n, d), in place."""
        here = np.ones(len(self._mine), np.bool_) if present is None else present
        self._spoke |= here
        peers, honest = np.flatnonzero(self._mine & here), self._spoke & ~self._mine
        own = told[peers]
        for peer, words in zip(peers.tolist(), own, strict=True):
            self._collusion.remember(peer, words)
        if round >= self._collusion.first and len(peers) and honest.any():
            words = self._collusion.words(peers.tolist(), own, told[honest], round)
            if not (np.abs(words) <= VALUE_MAX).all():
                raise SettingsError(
                    f"In round {round} attackers say what every peer refuses, and in a crowd nobody can: "
                    'take run.engine = "network".'
                )
            told[peers] = words

    def listening(
        self, listening: NDArray[np.bool_], newcomers: NDArray[np.bool_] | None, round: int
    ) -> NDArray[np.bool_]:
        """Of those `listening` (n,), who hears what is said; newcomers do as ever."""
        if not self._deaf or round < self._collusion.first:
            return listening
        deaf = self._mine if newcomers is None else self._mine & ~newcomers
        heard: NDArray[np.bool_] = listening & ~deaf
        return heard
