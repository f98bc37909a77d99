"""Neighbours dealt into buckets, whose means a rule then combines.

Karimireddy, He and Jaggi (ICLR 2022, arXiv 2006.09365), "Byzantine-robust learning on heterogeneous datasets
via bucketing": means of `size` vectors each are less unlike than the vectors. The own vector stays apart.
Neighbours are dealt at random, in an order that follows from their distances and not from their names, by the
draws of the peer and its round; without a scene, as the distances fall. Means are by mixing weights, and a
bucket counts for all in it. With f attackers, f buckets may be hostile, so it takes `size` times as many
neighbours as the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array, Judging, Robust, Scene
from gossipfl.learn.options import demand_between
from gossipfl.learn.robust.distances import from_own
from gossipfl.learn.robust.guarding import guarded, weighed


@dataclass(frozen=True, slots=True)
class Bucketing:
    """Deals into buckets of `size`, and then applies `rule`, which says how many attackers there may be."""

    rule: Robust
    size: int = 2

    def __post_init__(self) -> None:
        demand_between("size", self.size, 1, 4096)

    @property
    def attackers(self) -> int:
        """How many of the neighbours heard may be hostile."""
        return self.rule.attackers

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return (self.rule.least_heard - 1) * self.size + 1

    @property
    def asks_losses(self) -> bool:
        """Never: losses are of vectors as they were said."""
        return False

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        return self.judged(own, heard, own_weight, weights, None)

    @guarded
    def judged(
        self, own: Array, heard: Array, own_weight: Array, weights: Array, scene: Scene | None
    ) -> Array:
        """The same, where neighbours are dealt by the draws of the scene, which `rule` sees too."""
        means, counts = self._dealt(own, heard, weights, scene)
        given = own, means, own_weight, counts
        return self.rule.judged(*given, scene) if isinstance(self.rule, Judging) else self.rule(*given)

    def _dealt(self, own: Array, heard: Array, weights: Array, scene: Scene | None) -> tuple[Array, Array]:
        """The mean (..., b, d) of each of b buckets, and how much it counts (..., b)."""
        count = heard.shape[-2]
        order = np.argsort(from_own(own, heard), axis=-1, kind="stable")
        if scene is not None and scene.draws is not None:
            order = np.take_along_axis(order, scene.draws.permutation("buckets", count), axis=-1)
        vectors = np.take_along_axis(heard, order[..., None], axis=-2)
        shares = np.take_along_axis(weights, order, axis=-1)
        buckets = [slice(first, first + self.size) for first in range(0, count, self.size)]
        counts = np.stack([shares[..., bucket].sum(axis=-1) for bucket in buckets], axis=-1)
        means = [
            weighed(vectors[..., bucket, :], shares[..., bucket] / counts[..., index, None])
            for index, bucket in enumerate(buckets)
        ]
        return np.stack(means, axis=-2), counts
