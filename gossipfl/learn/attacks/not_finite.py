"""Values that are no use to anybody: NaN, infinite, and huge ones, in turn.

Blanchard, El Mhamdi, Guerraoui and Stainer (NeurIPS 2017): one value that is not a number is enough to undo a
mean. What protects is that such an update is refused before it is mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array

HUGE = 1e30
VALUES = (np.nan, np.inf, HUGE)


@dataclass(frozen=True, slots=True)
class NotFinite:
    """Says its model with every other value NaN, infinite or huge, by the round."""

    conduct: ClassVar[Conduct] = Conduct()

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        bad = own.copy()
        bad[..., ::2] = VALUES[(draws.round - 1) % len(VALUES)]
        return bad
