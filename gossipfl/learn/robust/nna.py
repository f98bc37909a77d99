"""The mean of the own vector and of the neighbours nearest to it.

Farhadkhani, Guerraoui, Gupta, Hoang, Pinot and Stephan (ICML 2023, arXiv 2209.10931), "Robust collaborative
learning with linear gradient overhead", nearest-neighbour averaging: of k neighbours the f farthest are left
out. Those left are weighed by mixing weights. It takes k + 1 > 2 f, and costs d k.
"""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.learn.contracts import Array
from gossipfl.learn.robust.distances import from_own, nearest
from gossipfl.learn.robust.guarding import chosen_mean, guarded


@dataclass(frozen=True, slots=True)
class NearestNeighbours:
    """Stands `attackers` among those heard."""

    attackers: int = 1

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers)

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        near = nearest(from_own(own, heard), heard.shape[-2] - self.attackers)
        return chosen_mean(own, heard, own_weight, weights, near)
