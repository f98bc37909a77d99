"""The mean with all neighbours that do not stand out from those nearest to the own vector.

After Farhadkhani, Guerraoui, Gupta, Hoang, Pinot and Stephan (ICML 2023, arXiv 2209.10931), nearest-neighbour
averaging, which leaves f of k neighbours out whether they attack or not. Here its result, the mean with the
k - f nearest, is where we look from: taken are all within `slack` times the (k - f)-th least distance to it.
From there honest peers are nearer than from one another, and attackers are not, so that a slack parts them;
and where nobody attacks almost nobody is left out. Mixing weights are kept as they are, and the peer keeps
the weight of whoever is left out. It takes k + 1 > 2 f, and costs 2 d k.

Let D be the greatest distance of an honest neighbour. At least k - f neighbours are honest, so the k - f
nearest are within D, and so is their mean; from it k - f honest ones are within 2 D, and whoever is taken
within 2 `slack` D. So attackers that weigh w together move a peer by at most (1 + 2 `slack`) w D in a round,
wherever they stand: more than the D w of nearest-neighbour averaging, which is what taking all the honest
costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between
from gossipfl.learn.robust.distances import from_own, nearest
from gossipfl.learn.robust.guarding import chosen_mean, guarded, moved

SLACK_MAX = 100.0


@dataclass(frozen=True, slots=True)
class Nearby:
    """Stands `attackers` among those heard.

    The `slack` is our guess, between 1.6 and 2, which did alike on two seeds of one task under sign-flip,
    ALIE and dissensus; with 1.3 too many honest peers were left out.
    """

    attackers: int = 1
    slack: float = 1.8

    def __post_init__(self) -> None:
        demand_between("slack", self.slack, 1.0, SLACK_MAX)

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers)

    @guarded
    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        place = heard.shape[-2] - self.attackers
        near = nearest(from_own(own, heard), place)
        middle = chosen_mean(own, heard, own_weight, weights, near)
        distances = from_own(middle, heard)
        radius = self.slack * np.sort(distances, axis=-1)[..., place - 1, None]
        return moved(own, heard, np.where(distances <= radius, weights, 0.0))
