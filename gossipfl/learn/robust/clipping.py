"""The mean, each neighbour's difference to the own vector being cut to a radius.

He, Karimireddy and Jaggi (2022, arXiv 2202.01545), "Byzantine-robust decentralized learning via
ClippedGossip": x <- x + sum_j w_j clip(x_j - x, tau). The radius is the (k - f)-th least distance, so that no
attacker who is farther off than every honest neighbour gains by that (the practical choice; theirs needs to
know who is honest). Weights are kept as they are. It takes k + 1 > 2 f.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.learn.robust.distances import from_own
from gossipfl.learn.robust.guarding import guarded, moved


@dataclass(frozen=True, slots=True)
class Clipping:
    """Stands `attackers` among those heard."""

    attackers: int = 1

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers)

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        distances = from_own(own, heard)
        radius = np.sort(distances, axis=-1)[..., heard.shape[-2] - self.attackers - 1, None]
        cut = np.minimum(1.0, radius / np.where(distances == 0, 1.0, distances))
        return moved(own, heard, weights * np.where(distances == 0, 1.0, cut))
