"""Nearest-neighbour mixing in front of any rule.

Allouah, Farhadkhani, Guerraoui, Gupta, Pinot and Stephan (AISTATS 2023, arXiv 2302.01772), "Fixing by mixing:
a recipe for optimal Byzantine ML under heterogeneity": each vector, the own one too, is replaced by the mean
of its m - f nearest, itself among them, m = k + 1 being all. Unlike honest vectors come nearer to one
another, so that a rule can tell them from attackers. The means are by mixing weights, and the rule gets these
as they are. It takes k + 1 > 2 f and what the rule takes, and costs d k^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array, Judging, Robust, Scene
from gossipfl.learn.robust.distances import nearest, squares_between
from gossipfl.learn.robust.guarding import guarded
from gossipfl.learn.robust.order import together


@dataclass(frozen=True, slots=True)
class NearestMixing:
    """Mixes, and then applies `rule`, which says how many attackers there may be."""

    rule: Robust

    @property
    def attackers(self) -> int:
        """How many of the neighbours heard may be hostile."""
        return self.rule.attackers

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers, self.rule.least_heard)

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
        """The same, where `rule` sees the scene."""
        mixed = _mixed(own, heard, own_weight, weights, self.attackers)
        given = mixed[..., 0, :], mixed[..., 1:, :], own_weight, weights
        return self.rule.judged(*given, scene) if isinstance(self.rule, Judging) else self.rule(*given)


def _mixed(own: Array, heard: Array, own_weight: Array, weights: Array, attackers: int) -> Array:
    """Each vector (..., k + 1, d) as the mean of those nearest to it; own first."""
    squares, count = squares_between(own, heard), heard.shape[-2] + 1 - attackers
    shares = np.concatenate((own_weight[..., None], weights), axis=-1)[..., None, :]
    shares = np.where(nearest(squares, count), np.maximum(shares, 0.0), 0.0)
    total = shares.sum(axis=-1, keepdims=True)
    shares /= np.where(total == 0, 1.0, total)
    mixed: Array = shares.astype(own.dtype) @ together(own, heard)
    return mixed
