"""Label flip: honest training on false labels.

Fang, Cao, Jia and Gong (USENIX Security 2020, arXiv 1911.11815), "Local model poisoning attacks to
Byzantine-robust federated learning": class c becomes C - 1 - c. Numbers are mirrored in their range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class LabelFlip:
    """Trains on rows of which a `share` is labelled falsely, on its own unless it is not `stubborn`."""

    share: float = 1.0
    stubborn: bool = True

    def __post_init__(self) -> None:
        demand_between("share", self.share, 0.0, 1.0)

    @property
    def conduct(self) -> Conduct:
        """One that is not stubborn is healed by its neighbours, round after round."""
        return Conduct(stubborn=self.stubborn, models=False)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        return own

    def poison(
        self, features: Array, targets: Array, classes: int | None, draws: Draws
    ) -> tuple[Array, Array]:
        """The same rows (k, f), and false labels (k,) for the first of them in an order drawn at random."""
        lied = draws.permutation("label-flip", len(targets))[: round(self.share * len(targets))]
        false = targets.copy()
        if classes is None:
            low, high = (targets.min(), targets.max()) if len(targets) else (0, 0)
            false[lied] = low + high - targets[lied]
        else:
            false[lied] = classes - 1 - targets[lied]
        return features, np.asarray(false)
