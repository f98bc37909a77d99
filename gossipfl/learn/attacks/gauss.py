"""Gaussian noise in the place of a model.

Blanchard, El Mhamdi, Guerraoui and Stainer (NeurIPS 2017), "Machine learning with adversaries: Byzantine
tolerant gradient descent": attackers send vectors of a Gaussian with a large deviation. Here it is added to
the mean of what honest peers said, in units of the root mean square of its coordinates, so that one `scale`
means the same to every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

SCALE_MAX = 1e6


@dataclass(frozen=True, slots=True)
class Gauss:
    """Says the honest mean and noise of `scale` times its root mean square, new in each round."""

    scale: float = 2.0

    conduct: ClassVar[Conduct] = Conduct()

    def __post_init__(self) -> None:
        demand_between("scale", self.scale, 0.0, SCALE_MAX)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        mean = known.honest.mean(axis=0, dtype=np.float64)
        deviation = self.scale * float(np.sqrt(np.mean(np.square(mean))))
        noise = draws.normal("gauss", own.shape[-1])
        told: Array = (mean + deviation * noise).astype(own.dtype)
        return told
