"""Mimic: all attackers repeat one honest peer, so that it counts for many.

Karimireddy, He and Jaggi (ICLR 2022, arXiv 2006.09365), "Byzantine-robust learning on heterogeneous datasets
via bucketing": of all honest peers, the one that stands out most along the direction in which they differ
most. Nothing that is said is false, so no rule can tell; unlike data suffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array


@dataclass(frozen=True, slots=True)
class Mimic:
    """Says what one honest peer said."""

    conduct: ClassVar[Conduct] = Conduct()

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        honest = known.honest.astype(np.float64)
        apart = honest - honest.mean(axis=0)
        _, directions = np.linalg.eigh(apart @ apart.T)  # its last column is where each stands on that line
        outstanding = int(np.argmax(np.abs(directions[:, -1])))
        return np.broadcast_to(known.honest[outstanding], own.shape).astype(own.dtype)
