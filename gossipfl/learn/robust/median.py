"""The middle value of each coordinate, or the mean of the middle two.

Yin, Chen, Ramchandran and Bartlett (ICML 2018, arXiv 1803.01498), "Byzantine-robust distributed learning:
towards optimal statistical rates"; among peers Fang, Yang and Bajwa (IEEE Trans. Signal Inf. Process. Netw.
2022, arXiv 1908.08098), BRIDGE-M. Each vector has one vote: by weights, a peer that counts for a half would
never hear anybody; it moves less far instead. It takes k + 1 > 2 f.
"""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.learn.contracts import Array
from gossipfl.learn.robust.guarding import as_far_as, guarded
from gossipfl.learn.robust.order import mean_of_places, together


@dataclass(frozen=True, slots=True)
class Median:
    """Stands `attackers` among those heard, and more where more are heard."""

    attackers: int = 1

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers)

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        vectors = together(own, heard)
        middle = mean_of_places(vectors, (vectors.shape[-2] - 1) // 2, vectors.shape[-2] // 2 + 1)
        return as_far_as(own, middle, own_weight, heard.shape[-2])
