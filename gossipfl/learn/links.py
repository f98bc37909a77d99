"""How words travel on a link that keeps accounts: what a lost message carried comes with the next one.

Rules:
- Sums are kept in float64, so that what is added for thousands of rounds is still told apart.
- The first thing told on a link is told to somebody that holds zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.learn.contracts import Payload


@dataclass(frozen=True, slots=True)
class Sums:
    """Tells the sum of all that was ever said, so that what is heard is what was said since the last time.

    Hadjicostis, Vaidya and Dominguez-Garcia (IEEE Trans. Autom. Control 2016), "running sums". `parts`
    are the places of a payload that are summed; the others are told as they are.
    """

    parts: tuple[int, ...]
    takes_back: ClassVar[bool] = False

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        """The sums so far."""
        return tuple(
            told[place] + part.astype(np.float64) if place in self.parts else part
            for place, part in enumerate(spoken)
        )

    def heard(self, held: Payload, before: Payload) -> Payload:
        """What has been added since."""
        return tuple(part - before[place] if place in self.parts else part for place, part in enumerate(held))


@dataclass(frozen=True, slots=True)
class Relayed:
    """Tells a neighbour all but what came from it, and hears how much that has changed.

    Vogels, He, Koloskova, Lin, Karimireddy, Stich and Jaggi (NeurIPS 2021, arXiv 2110.04175), "RelaySum".
    """

    takes_back: ClassVar[bool] = True

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        """What is spoken, less what is held of the neighbour."""
        return tuple(part - theirs for part, theirs in zip(spoken, held, strict=True))

    def heard(self, held: Payload, before: Payload) -> Payload:
        """By how much what is held has changed."""
        return tuple(now - past for now, past in zip(held, before, strict=True))
