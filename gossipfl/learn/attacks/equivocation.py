"""Equivocation: different updates to different neighbours for one round, each properly signed.

Lamport, Shostak and Pease (1982), "The Byzantine generals problem". Half of the neighbours are told what was
learnt, the other half its opposite, so that each finds proof only in what the others were told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Tells every other neighbour its model, and those between -`scale` times it."""

    scale: float = 4.0

    conduct: ClassVar[Conduct] = Conduct(stubborn=False, each=True)

    def __post_init__(self) -> None:
        demand_between("scale", self.scale, 0.0, 1e6)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        if known.target is None:
            raise LocalProtocolError("An equivocator must know whom it speaks to.")
        lies = np.asarray(known.target.place % 2 == 1)[..., None]
        return np.where(lies, -own.dtype.type(self.scale) * own, own)
