"""Trainings under way in virtual time, computed in one stacked fit when the first of them is due.

Rules:
- What a training gives does not depend on when it is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Train
from gossipfl.protocol.messages import PeerId


class FitMany(Protocol):
    """Local training of several peers at once."""

    def __call__(self, peers: Array, vectors: Array, round: int, drifts: Array | None = None, /) -> Array:
        """(m,), (m, d), round, drifts (m, d) or None -> vectors (m, d)."""


Losses = Callable[[PeerId, Array, int], Array]
"""(peer, vectors (m, d), round) -> what each loses on a batch of that peer's rows, (m,). It takes no time."""


def no_losses(_: PeerId, vectors: Array, __: int) -> Array:
    """Those of a peer without rows: not numbers."""
    return np.full(len(vectors), np.nan)


class Trainings:
    """What peers train, and what that came to."""

    def __init__(self, fit_many: FitMany) -> None:
        self._fit_many = fit_many
        self._wanted: dict[PeerId, Train] = {}
        self._done: dict[PeerId, Array] = {}

    def begin(self, number: PeerId, wanted: Train) -> None:
        """Peer `number` trains."""
        self._wanted[number] = wanted

    def forget(self, number: PeerId) -> None:
        """Peer `number` is gone."""
        self._wanted.pop(number, None)
        self._done.pop(number, None)

    def end(self, number: PeerId) -> Array:
        """What the training of peer `number` came to (d,)."""
        if number not in self._done:
            self._compute()
        return self._done.pop(number)

    def _compute(self) -> None:
        """All trainings under way, those of one round and one length of vector in one stack."""
        by_round: dict[int, list[PeerId]] = {}
        for number, wanted in self._wanted.items():
            by_round.setdefault(wanted.round, []).append(number)
        for round, numbers in by_round.items():
            numbers.sort()
            vectors = np.stack([self._wanted[number].vector for number in numbers])
            drifts = [self._wanted[number].drift for number in numbers]
            led = None if drifts[0] is None else np.stack([drift for drift in drifts if drift is not None])
            fitted = self._fit_many(np.array(numbers), vectors, round, led)
            self._done.update(zip(numbers, fitted, strict=True))
        self._wanted.clear()
