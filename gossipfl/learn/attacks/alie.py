"""A little is enough: all attackers say one thing that lies within the spread of honest words.

Baruch, Baruch and Goldberg (NeurIPS 2019, arXiv 1902.06156), "A little is enough: circumventing defenses for
distributed learning": mean - z sigma per coordinate, of what honest peers said. Their z follows from how many
attackers there are, and is 1 to 1.5; that does little to peers that agree well, so our default is larger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

Z_MAX = 1e6


@dataclass(frozen=True, slots=True)
class Alie:
    """Says mean - `z` sigma of honest words."""

    z: float = 4.0

    conduct: ClassVar[Conduct] = Conduct()

    def __post_init__(self) -> None:
        demand_between("z", self.z, -Z_MAX, Z_MAX)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        honest = known.honest.astype(np.float64)
        said = honest.mean(axis=0) - self.z * honest.std(axis=0)
        return np.broadcast_to(said, own.shape).astype(own.dtype)
