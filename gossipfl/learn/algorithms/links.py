"""How words travel on a link that keeps accounts: what a lost message carried comes with the next one.

Rules:
- Running sums are kept in float64, so that what is added for thousands of rounds is still told apart.
- The first thing told on a link is told to somebody that holds zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.learn.contracts import Array, Heard, Payload

MODEL_MAX = 1e15
"""No parameter is believed to be larger: sums that stand for a tiny count could make it infinite."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Tells the sum of all that was ever said, so that what is heard is what was said since the last time.

    Hadjicostis, Vaidya and Dominguez-Garcia (IEEE Trans. Autom. Control 2016), "running sums". `parts`
    are the places of a payload that are summed; the others are told as they are.
    """

    parts: tuple[int, ...]
    takes_back: ClassVar[bool] = False
    remembers: ClassVar[bool] = False

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
    remembers: ClassVar[bool] = True

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        """What is spoken, less what is held of the neighbour."""
        return tuple(part - theirs for part, theirs in zip(spoken, held, strict=True))

    def heard(self, held: Payload, before: Payload) -> Payload:
        """By how much what is held has changed."""
        return tuple(now - past for now, past in zip(held, before, strict=True))


@dataclass(frozen=True, slots=True)
class Flows:
    """Agrees with a neighbour on what has flowed between the two, so that what one gained the other lost.

    Jesus, Baquero and Almeida (DAIS 2009), "Flow updating", with the mean of both sides' views. Spoken are a
    potential (..., d), zeros in the place of the flow, and how wide the speaker would open (..., 1); told
    are the potential, the speaker's view of what has flowed to it, and how wide. Heard is all that is held
    now, and then all that was held before: what has flowed meanwhile is the difference of two `flowed`.
    """

    takes_back: ClassVar[bool] = True
    remembers: ClassVar[bool] = False

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        """What is spoken, with what flowed so far in the place of the zeros."""
        potential, _, width = spoken
        return potential, flowed(told, held).astype(potential.dtype), width

    def heard(self, held: Payload, before: Payload) -> Payload:
        """Both."""
        return *held, *before


def flowed(told: Payload, held: Payload) -> Array:
    """What has flowed to a peer (..., d) that `told` a neighbour this, and of which it holds that.

    With told and held exchanged it is the same, negative, bit for bit.
    """
    return (told[1] - held[1]) / 2 + _flow(told, held)


def gains(heard: Heard) -> tuple[Array, Array]:
    """What flows to a peer (..., d) in a round by what was said last, and all that did since it listened."""
    told, told_before = heard.said[:3], heard.said[3:]
    held, held_before = heard.payload[:3], heard.payload[3:]
    return summed(_flow(told, held)), summed(flowed(told, held) - flowed(told_before, held_before))


def _flow(told: Payload, held: Payload) -> Array:
    """From the higher potential to the lower, as wide as both ends would open; nothing before both have."""
    flow: Array = np.maximum(np.minimum(told[2], held[2]), 0.0) * (held[0] - told[0])
    return flow


def credible(given: Array, count: Array) -> tuple[Array, Array]:
    """`given` (..., d), a model times its `count` (..., 1): changed only if no model can have made it."""
    count = np.maximum(count, 0.0)
    most = MODEL_MAX * count
    return np.clip(given, -most, most), count


def summed(parts: Array) -> Array:
    """The sum (..., d) of what k neighbours said (..., k, d), one after the other: in a crowd as alone."""
    total = np.zeros(parts.shape[:-2] + parts.shape[-1:], parts.dtype)
    for index in range(parts.shape[-2]):
        total += parts[..., index, :]
    return total
