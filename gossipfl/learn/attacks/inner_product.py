"""Inner product manipulation: against the mean of what honest peers say.

Xie, Koyejo and Gupta (UAI 2019, arXiv 1903.03936), "Fall of empires: breaking Byzantine-tolerant SGD by inner
product manipulation": -epsilon times the honest mean, epsilon from .1 to 10 in their experiments. Here what
is said are models, so that they are drawn to 0 and past it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

EPSILON_MAX = 1e6


@dataclass(frozen=True, slots=True)
class InnerProduct:
    """Says -`epsilon` times the honest mean."""

    epsilon: float = 0.5

    conduct: ClassVar[Conduct] = Conduct()

    def __post_init__(self) -> None:
        demand_between("epsilon", self.epsilon, 0.0, EPSILON_MAX)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        said = -self.epsilon * known.honest.mean(axis=0, dtype=np.float64)
        return np.broadcast_to(said, own.shape).astype(own.dtype)
