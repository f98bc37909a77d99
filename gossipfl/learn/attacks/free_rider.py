"""Free rider: takes part, trains nothing, and says what it heard.

Fraboni, Vidal and Lorenzi (AISTATS 2021, arXiv 2006.11901), "Free-rider attacks on model aggregation in
federated learning": the plain one says the model that it was given, the disguised one adds noise to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class FreeRider:
    """Says what it made of what it heard, and `noise` times the root mean square of it to hide that."""

    noise: float = 0.0

    conduct: ClassVar[Conduct] = Conduct(stubborn=False, trains=False, models=False)

    def __post_init__(self) -> None:
        demand_between("noise", self.noise, 0.0, 1e6)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        if not self.noise:
            return own
        deviation = self.noise * np.sqrt(np.mean(np.square(own, dtype=np.float64), axis=-1, keepdims=True))
        told: Array = (own + deviation * draws.normal("free-rider", own.shape[-1])).astype(own.dtype)
        return told
