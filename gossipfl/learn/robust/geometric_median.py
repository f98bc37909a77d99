"""The point whose distances to all vectors have the least sum.

Pillutla, Kakade and Harchaoui (IEEE Trans. Signal Process. 2022, arXiv 1912.13445), "Robust aggregation for
federated learning", by Weiszfeld's iteration, smoothed. It begins near the vector with the nearest others,
and `smoothing` is in parts of the median distance, so that units do not matter. All points on the way are
means of the vectors, so the iteration runs on their shares and distances alone and costs nothing beside the
d k^2 of these. Each vector has one vote: by weights, a peer that counts for a half would never hear anybody;
it moves less far instead. It takes k + 1 > 2 f.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between
from gossipfl.learn.robust.distances import squares_between
from gossipfl.learn.robust.guarding import as_far_as, guarded, moved


@dataclass(frozen=True, slots=True)
class GeometricMedian:
    """Stands `attackers` among those heard, and more where more are heard."""

    attackers: int = 1
    iterations: int = 16
    smoothing: float = 0.01

    def __post_init__(self) -> None:
        demand_between("iterations", self.iterations, 1, 1000)
        demand_between("smoothing", self.smoothing, 1e-6, 1.0)

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers)

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        shares = self._shares(squares_between(own, heard))
        return as_far_as(own, moved(own, heard, shares[..., 1:]), own_weight, heard.shape[-2])

    def _shares(self, squares: Array) -> Array:
        """What each vector counts (..., m) in the median of all, from their `squares` (..., m, m)."""
        middle = np.median(np.sqrt(squares), axis=-1)
        least = self.smoothing * middle.min(axis=-1, keepdims=True)
        least = np.where(least == 0, 1e-30, least)
        shares = _normed(1.0 / np.maximum(middle, least))
        for _ in range(self.iterations):
            sums = (squares * shares[..., None, :]).sum(axis=-1)
            apart = sums - 0.5 * (sums * shares).sum(axis=-1, keepdims=True)
            shares = _normed(1.0 / np.maximum(np.sqrt(np.maximum(apart, 0.0)), least))
        return shares


def _normed(shares: Array) -> Array:
    normed: Array = shares / shares.sum(axis=-1, keepdims=True)
    return normed
