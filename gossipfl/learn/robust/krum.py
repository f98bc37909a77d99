"""The vector whose nearest others are nearest, or the mean of the best of them.

Blanchard, El Mhamdi, Guerraoui and Stainer (NeurIPS 2017, arXiv 1703.02757), "Machine learning with
adversaries: Byzantine tolerant gradient descent": each vector, the own one too, is scored by the squared
distances to its m - f - 2 nearest, m = k + 1 being all. Krum takes the best one, whole: weights have no place
in that, but a peer that counts for more moves less far. Multi-Krum takes the mean, by weights, of the
`chosen` best, or of m - f; an attacker far from all honest ones is never among them. Both take k >= 2 f + 3,
as among peers (Fang, Yang and Bajwa 2022, arXiv 1908.08098, BRIDGE-K), and cost d k^2.

Of 8 neighbours that is f = 2. With 4 of 20 hostile some peers have more: in docs/robustness.md Multi-Krum
comes to 84.7 % under label-flip. Krum averages nobody, and loses 3.1 points where nobody attacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between
from gossipfl.learn.robust.distances import nearest, squares_between
from gossipfl.learn.robust.guarding import as_far_as, chosen_mean, guarded
from gossipfl.learn.robust.order import together


@dataclass(frozen=True, slots=True)
class Krum:
    """Stands `attackers` among those heard."""

    attackers: int = 1

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return 2 * self.attackers + 3

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        best = np.argmin(scores(own, heard, self.attackers), axis=-1)
        taken = np.take_along_axis(together(own, heard), best[..., None, None], axis=-2)[..., 0, :]
        return as_far_as(own, taken, own_weight, heard.shape[-2])


@dataclass(frozen=True, slots=True)
class MultiKrum:
    """Stands `attackers` among those heard; with `chosen` 0 it takes all but as many."""

    attackers: int = 1
    chosen: int = 0

    def __post_init__(self) -> None:
        demand_between("chosen", self.chosen, 0, 4096)

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return 2 * self.attackers + 3

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        most = heard.shape[-2] + 1 - self.attackers
        best = nearest(scores(own, heard, self.attackers), min(self.chosen or most, most))
        counts = np.where(best[..., 0], own_weight, 0.0)
        return chosen_mean(own, heard, counts, weights, best[..., 1:])


def scores(own: Array, heard: Array, attackers: int) -> Array:
    """The sums (..., k + 1) of squared distances of each vector to its nearest others; own first."""
    squares = np.sort(squares_between(own, heard), axis=-1)
    count = squares.shape[-1] - attackers - 2
    sums: Array = squares[..., 1 : 1 + count].sum(axis=-1)
    return sums
