"""What the peers of a crowd tell each other: the counterpart, over arrays, of a peer's correspondence.

Rules:
- Nothing is lost here, so a link keeps only what its words build on: codes keep what they come to, relays
  what was told before, and nothing else anything.
- What is told lies in arrays of its own: peers that listen find it as it was said.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError
from gossipfl.learn.contracts import Accounting, Algorithm, Array, Compressed, Link, Payload
from gossipfl.simulator.shelf import Shelf
from gossipfl.simulator.ties import Block, Integers, Ties


class Hearsay(Protocol):
    """The words of all peers in a round."""

    ties: Ties  # of the round
    told: Payload  # each (n, *shape), or (m, *shape) where each neighbour is told something else

    def tell(self, peers: Block, spoken: Payload) -> None:
        """`peers` say what they have `spoken`, each (b, *shape)."""

    def heard(self, peers: Integers, degree: int, state: Any) -> tuple[Payload, Payload]:
        """What `peers` (b,) in `state` hear of their k = `degree` neighbours, and what they said to them."""

    def turn(self) -> None:
        """All have listened."""


def hearsay_of(algorithm: Algorithm[Any], start: Array, ties: Ties, shelf: Shelf) -> Hearsay:
    """The words of a crowd that runs `algorithm` from `start` (d,); `ties` are those of the first round."""
    state = algorithm.start(start[None], np.ones(1))
    spoken, _ = algorithm.speak(state, np.ones(1), Draws(0, np.zeros(1, np.int64)))
    if isinstance(algorithm, Compressed):
        return _Codes(algorithm, algorithm.whole(state), spoken, ties, shelf)
    if isinstance(algorithm, Accounting):
        kind = _Relays if algorithm.link.remembers else _Accounts
        return kind(algorithm.link, spoken, ties, shelf)
    return Plain(spoken, ties, shelf)


class Plain:
    """Each word stands alone."""

    def __init__(self, spoken: Payload, ties: Ties, shelf: Shelf) -> None:
        self.ties = ties
        self.told = _arrays(shelf, len(ties.shares), spoken)

    def tell(self, peers: Block, spoken: Payload) -> None:
        for told, part in zip(self.told, spoken, strict=True):
            told[peers] = part

    def heard(self, peers: Integers, degree: int, state: Any) -> tuple[Payload, Payload]:
        senders = self.ties.senders[self.ties.slots(peers, degree)]
        return tuple(told[senders] for told in self.told), ()

    def turn(self) -> None:
        """Nothing is kept."""


class _Accounts(Plain):
    """Links whose every word makes good for those lost before it: here, as if each were the first."""

    def __init__(self, link: Link, spoken: Payload, ties: Ties, shelf: Shelf) -> None:
        self._link = link
        self._nothing = _nothing(spoken)
        told = link.tell(spoken, self._nothing, self._nothing)
        self._zeros = _nothing(told)
        super().__init__(told, ties, shelf)

    def tell(self, peers: Block, spoken: Payload) -> None:
        super().tell(peers, self._link.tell(spoken, self._nothing, self._nothing))

    def heard(self, peers: Integers, degree: int, state: Any) -> tuple[Payload, Payload]:
        held, _ = super().heard(peers, degree, state)
        zeros = tuple(part[:, None] for part in self._zeros)
        said = tuple(np.broadcast_to(told[peers][:, None], held[i].shape) for i, told in enumerate(self.told))
        return self._link.heard(held, zeros), self._link.heard(said, zeros)


class _Relays:
    """Links that tell each neighbour something else, by what it told: one place for each way of each."""

    def __init__(self, link: Link, spoken: Payload, ties: Ties, shelf: Shelf) -> None:
        self.ties = ties
        self._link = link
        self._back = _ways_back(ties)
        told = link.tell(spoken, _nothing(spoken), _nothing(spoken))
        self.told, self._before = (_arrays(shelf, len(ties.senders), told) for _ in range(2))

    def tell(self, peers: Block, spoken: Payload) -> None:
        if not isinstance(peers, slice):
            raise LocalProtocolError("Relays need all peers to be there.")
        first, last = self.ties.starts[peers.start], self.ties.starts[peers.stop]
        mine = np.repeat(np.arange(len(spoken[0])), self.ties.degrees[peers])
        back = self._back[first:last]
        before = tuple(told[first:last] for told in self._before)
        held = tuple(told[back] for told in self._before)
        words = self._link.tell(tuple(part[mine] for part in spoken), before, held)
        for told, part in zip(self.told, words, strict=True):
            told[first:last] = part

    def heard(self, peers: Integers, degree: int, state: Any) -> tuple[Payload, Payload]:
        slots = self.ties.slots(peers, degree)
        back = self._back[slots]
        now, before = self.told, self._before
        return (
            self._link.heard(tuple(part[back] for part in now), tuple(part[back] for part in before)),
            self._link.heard(tuple(part[slots] for part in now), tuple(part[slots] for part in before)),
        )

    def turn(self) -> None:
        self.told, self._before = self._before, self.told


class _Codes(Plain):
    """Links of codes, each of which changes what is held of its sender."""

    def __init__(
        self, algorithm: Compressed[Any], first: Payload, spoken: Payload, ties: Ties, shelf: Shelf
    ) -> None:
        super().__init__(spoken, ties, shelf)
        self._algorithm = algorithm
        self._held = _arrays(shelf, len(ties.senders), first)
        for held, part in zip(self._held, first, strict=True):
            held[:] = part

    def heard(self, peers: Integers, degree: int, state: Any) -> tuple[Payload, Payload]:
        slots = self.ties.slots(peers, degree)
        code, _ = super().heard(peers, degree, state)
        before = tuple(held[slots] for held in self._held)
        now = self._algorithm.hear(state, before, code)
        for held, part in zip(self._held, now, strict=True):
            held[slots] = part
        return now, before if self._algorithm.settles else ()


def _arrays(shelf: Shelf, count: int, like: Payload) -> Payload:
    """Zeros for `count` of what one peer says, `like` (1, *shape)."""
    return tuple(shelf.zeros((count, *part.shape[1:]), part.dtype) for part in like)


def _nothing(like: Payload) -> Payload:
    return tuple(np.zeros_like(part) for part in like)


def _ways_back(ties: Ties) -> Integers:
    """For each place (m,), i hearing j, the place where j hears i; all ties go both ways."""
    peers, senders = len(ties.shares), ties.senders.astype(np.int64)
    mine = np.repeat(np.arange(peers), ties.degrees)
    back: Integers = np.searchsorted(mine * peers + senders, senders * peers + mine)
    return back
