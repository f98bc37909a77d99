"""A crowd as arrays for tests: rounds without loss on any graph, whatever kind of links the algorithm has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Accounting, Algorithm, Array, Heard, Payload

Graph = Sequence[Sequence[int]]


def ring(peers: int) -> Graph:
    return [[(peer - 1) % peers, (peer + 1) % peers] for peer in range(peers)]


def chain(peers: int) -> Graph:
    return [[other for other in (peer - 1, peer + 1) if 0 <= other < peers] for peer in range(peers)]


def wheel(peers: int) -> Graph:
    """A ring whose every third peer also knows peer 0: connected, and more so for some than for others."""
    graph = [set(others) for others in ring(peers)]
    for peer in range(3, peers - 2, 3):
        graph[0].add(peer)
        graph[peer].add(0)
    return [sorted(others) for others in graph]


class Crowd:
    """Peers `0 .. n-1` joined by `neighbours`; slots that lead nowhere lead to nobody, who says nothing."""

    def __init__(
        self, algorithm: Algorithm[Any], vectors: Array, neighbours: Graph, mass: Array | None = None
    ) -> None:
        self.mass = np.ones(len(vectors)) if mass is None else mass
        self.algorithm = algorithm
        self.state = algorithm.start(vectors, self.mass)
        self.turn = 0
        degrees = np.array([len(others) for others in neighbours])
        self.share = 1 / (degrees + 1)
        nobody, most = len(vectors), max(degrees)
        self._to = np.array([[*others, *[nobody] * (most - len(others))] for others in neighbours])
        back = [
            [list(neighbours[j]).index(i) if j < nobody else 0 for j in row] for i, row in enumerate(self._to)
        ]
        self._back = np.array(back)
        shares, masses = np.append(self.share, 0), np.append(self.mass, 0)
        theirs = masses[self._to] * shares[self._to] / self.mass[:, None]
        self.weights = np.minimum(self.share[:, None], theirs)
        self._told: Payload = ()
        self._held: Payload = ()

    @property
    def model(self) -> Array:
        return self.algorithm.model(self.state)

    def round(self, fit: Callable[[Array], Array]) -> None:
        """Train, speak and listen, all at once."""
        self.state = self.algorithm.learned(self.state, fit(self.model))
        draws = Draws(0, np.arange(len(self.mass)), self.turn)
        spoken, self.state = self.algorithm.speak(self.state, self.share, draws)
        heard, said = self._exchanged(spoken)
        own = 1 - self.weights.sum(axis=1)
        self.state = self.algorithm.listen(self.state, Heard(heard, self.weights, own, said))
        self.turn += 1

    def _exchanged(self, spoken: Payload) -> tuple[Payload, Payload]:
        said = tuple(np.repeat(part[:, None], self._to.shape[1], axis=1) for part in spoken)
        if not isinstance(self.algorithm, Accounting):
            return tuple(self._across(part) for part in said), ()
        link = self.algorithm.link
        told = self._told or tuple(np.zeros_like(part) for part in said)
        held = self._held or told
        self._told = link.tell(said, told, held)
        self._held = tuple(self._across(part) for part in self._told)
        return link.heard(self._held, held), link.heard(self._told, told)

    def _across(self, part: Array) -> Array:
        silent = np.concatenate((part, np.zeros_like(part[:1])))
        across: Array = silent[self._to, self._back]
        return across
