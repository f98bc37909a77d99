"""The nearest neighbours that do as well as the own vector on the own rows.

Guo, Zhang, Xie, Ma, Xiang and Liu (IEEE Trans. Circuits Syst. Video Technol. 2022, arXiv 2002.08569),
"Byzantine-resilient decentralized stochastic gradient descent", UBAR: of k neighbours the k - f nearest are
candidates; of these, those whose loss on a batch of own rows is at most that of the own vector are taken, or
else the best one. x <- `kept` x + (1 - `kept`) mean, where kept is .5 in the paper. The mean is by mixing
weights. It takes k + 1 > 2 f, and a pass over the batch for each neighbour. Without losses, or rows, all
candidates are taken. On all own rows the own vector, which was just trained on them, would nearly always do
best, and hardly anybody would be heard: on a batch chance lets others in.

It is for like data: where they are unlike, few neighbours do as well on the own rows as the own vector, so
that hardly anybody is heard. In docs/robustness.md that costs 6.3 points of 96.1 with nobody attacking; under
every attack it stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.learn.contracts import Array, Scene
from gossipfl.learn.options import demand_between
from gossipfl.learn.robust.distances import from_own, nearest
from gossipfl.learn.robust.guarding import guarded, moved


@dataclass(frozen=True, slots=True)
class Ubar:
    """Stands `attackers` among those heard."""

    attackers: int = 1
    kept: float = 0.5

    def __post_init__(self) -> None:
        demand_between("kept", self.kept, 0.0, 1.0)

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile."""
        return max(1, 2 * self.attackers)

    @property
    def asks_losses(self) -> bool:
        """That is its second stage."""
        return True

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d)."""
        return self.judged(own, heard, own_weight, weights, None)

    @guarded
    def judged(
        self, own: Array, heard: Array, own_weight: Array, weights: Array, scene: Scene | None
    ) -> Array:
        """The same, seeing the losses."""
        taken = nearest(from_own(own, heard), heard.shape[-2] - self.attackers)
        if scene is not None and scene.losses is not None:
            taken = _useful(taken, *scene.losses)
        shares = np.where(taken, weights, 0.0)
        total = shares.sum(axis=-1, keepdims=True)
        shares *= (1.0 - self.kept) / np.where(total == 0, 1.0, total)
        return moved(own, heard, shares)


def _useful(candidates: Array, own_loss: Array, losses: Array) -> Array:
    """Which of the `candidates` (..., k) lose at most as much as the own vector, or else lose least."""
    known = np.where(candidates & ~np.isnan(losses), losses, np.inf)
    useful = candidates & (known <= own_loss[..., None])
    best = np.zeros(candidates.shape, np.bool_)
    np.put_along_axis(best, np.argmin(known, axis=-1)[..., None], True, axis=-1)
    useful = np.where(useful.any(axis=-1, keepdims=True), useful, best & candidates)
    return np.where(np.isnan(own_loss)[..., None], candidates, useful)
