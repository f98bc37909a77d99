"""What passes between the peers of a crowd that checks an algorithm, as its links have it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.learn.contracts import Accounting, Algorithm, Compressed, Payload
from gossipfl.testing.crowds import across, from_neighbours, row, stacked, to_neighbours
from gossipfl.testing.expecting import expect_same


class Links:
    """The links of a crowd in which all are neighbours; slot s of peer p leads to peer p - 1 - s."""

    def __init__(self, algorithm: Algorithm[Any], start: Any) -> None:
        self._algorithm = algorithm
        self._told: Payload = ()  # each (n, k, ...)
        self._held: Payload = ()
        if isinstance(algorithm, Compressed):
            self._held = tuple(from_neighbours(part) for part in algorithm.whole(start))

    def exchange(self, crowd: Any, spoken: Payload, ones: list[Any] | None = None) -> tuple[Payload, Payload]:
        """What all hear when all have `spoken`, and what they said meanwhile; `ones` are their states."""
        if isinstance(self._algorithm, Compressed):
            codes = tuple(from_neighbours(part) for part in spoken)
            before = self._held
            self._held = _as_alone(self._algorithm.hear, "hear", crowd, ones, before, codes)
            return self._held, before if self._algorithm.settles else ()
        if not isinstance(self._algorithm, Accounting):
            return tuple(from_neighbours(part) for part in spoken), ()
        link, said = self._algorithm.link, tuple(to_neighbours(part) for part in spoken)
        told, held = (old or tuple(np.zeros_like(part) for part in said) for old in (self._told, self._held))
        now = _as_alone(lambda _, *parts: link.tell(*parts), "tell", crowd, ones, said, told, held)
        arrived = tuple(across(part) for part in now)
        heard = _as_alone(lambda _, *parts: link.heard(*parts), "heard", crowd, ones, arrived, held)
        self._told, self._held = now, arrived
        return heard, link.heard(now, told)


def _as_alone(rule: Any, name: str, crowd: Any, ones: list[Any] | None, *parts: Payload) -> Payload:
    """What `rule` makes of `parts` for a crowd, which must be what it makes of them for each of `ones`."""
    together: Payload = rule(crowd, *parts)
    alone = [rule(state, *(row(part, peer) for part in parts)) for peer, state in enumerate(ones or ())]
    for part, pieces in zip(together, zip(*alone, strict=True), strict=False):
        expect_same(part, stacked(list(pieces)), name, "crowd")
    return together
