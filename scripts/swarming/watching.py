"""Algorithms and letters that write down what is used, and are else what they were.

Rules:
- Over plain links words carry a number, in an array of their own beside what the algorithm speaks.
- Accounts and codes stay as they are: there what is watched is which updates are taken in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import ONE, Accounting, Algorithm, Array, Compressed, Heard, Payload
from gossipfl.protocol.correspondence import Correspondence, Taken
from gossipfl.protocol.messages import PeerId, Update
from swarming.book import Book, Violation

EXACT = 1e-9
"""By how much a sum of weights may differ from 1."""


class Watching:
    """The `algorithm` of one life of one peer; `book` learns what it says and uses."""

    def __init__(
        self, algorithm: Algorithm[Any], book: Book, number: PeerId, life: int, neighbours: tuple[PeerId, ...]
    ) -> None:
        self.plain = not isinstance(algorithm, Compressed | Accounting)
        self._algorithm = algorithm
        self._book = book
        self._number = number
        self._life = life
        self._neighbours = neighbours

    def __getattr__(self, name: str) -> Any:
        return getattr(self._algorithm, name)

    def start(self, vector: Array, mass: Array = ONE) -> Any:
        """As it is."""
        return self._algorithm.start(vector, mass)

    def model(self, state: Any) -> Array:
        """As it is."""
        return self._algorithm.model(state)

    def learned(self, state: Any, vector: Array) -> Any:
        """As it is."""
        return self._algorithm.learned(state, vector)

    def speak(self, state: Any, share: Array, draws: Draws) -> tuple[Payload, Any]:
        """With a number, over plain links."""
        payload, state = self._algorithm.speak(state, share, draws)
        if not self.plain:
            return payload, state
        number = self._book.write(self._number, self._life, draws.round, payload[0])
        return (*payload, np.array([float(number)])), state

    def listen(self, state: Any, heard: Heard) -> Any:
        """Without the numbers, which are in the book then."""
        self._check_weights(heard)
        if not self.plain:
            return self._algorithm.listen(state, heard)
        *payload, numbers = heard.payload
        for number, vector in zip(numbers[:, 0].tolist(), payload[0], strict=True):
            self._book.use(self._number, self._life, number, vector, self._neighbours)
        said = heard.said[:-1] if heard.said else ()
        return self._algorithm.listen(state, heard._replace(payload=tuple(payload), said=said))

    def _check_weights(self, heard: Heard) -> None:
        self._book.checks["weights sum to 1"] += 1
        own, weights = float(heard.own_weight), heard.weights.tolist()
        total = own + sum(weights)
        if not abs(total - 1.0) <= EXACT or own < -EXACT or min(weights, default=0.0) < 0:
            raise Violation(
                "weights", f"Peer {self._number} weighs all that it heard and its own by {total:.12g}."
            )


class WatchingAccounts(Watching):
    """One whose links keep accounts."""

    @property
    def link(self) -> Any:
        """As it is."""
        return self._algorithm.link  # type: ignore[attr-defined]


class WatchingCodes(Watching):
    """One that speaks in codes."""

    @property
    def settles(self) -> Any:
        """As it is."""
        return self._algorithm.settles  # type: ignore[attr-defined]

    def whole(self, *words: Any) -> Any:
        """As it is."""
        return self._algorithm.whole(*words)  # type: ignore[attr-defined]

    def hear(self, *words: Any) -> Any:
        """As it is."""
        return self._algorithm.hear(*words)  # type: ignore[attr-defined]

    def hear_whole(self, *words: Any) -> Any:
        """As it is."""
        return self._algorithm.hear_whole(*words)  # type: ignore[attr-defined]


def watching(
    algorithm: Algorithm[Any], book: Book, number: PeerId, life: int, neighbours: tuple[PeerId, ...]
) -> Watching:
    """`algorithm`, being watched."""
    if isinstance(algorithm, Compressed):
        kind: type[Watching] = WatchingCodes
    else:
        kind = WatchingAccounts if isinstance(algorithm, Accounting) else Watching
    return kind(algorithm, book, number, life, neighbours)


class Letters:
    """The `letters` of one life of one peer, where each update is taken in once at most."""

    def __init__(self, letters: Correspondence, book: Book, number: PeerId, life: int) -> None:
        self._letters = letters
        self._book = book
        self._number = number
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._letters, name)

    def take(self, peer: PeerId, updates: Sequence[Update], state: Any, late: bool) -> Taken | None:
        """As it is."""
        for update in updates:
            self._book.checks["used once, as it was signed"] += 1
            words = f"update {update.sequence} of peer {peer}, of round {update.round},"
            self._book.use_once(self._number, self._life, (peer, update.epoch, update.sequence), words)
        return self._letters.take(peer, updates, state, late)
