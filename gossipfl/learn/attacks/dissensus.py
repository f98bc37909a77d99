"""Dissensus: each neighbour is told what undoes its honest neighbours' pull.

He, Karimireddy and Jaggi (2022, arXiv 2202.01545), "Byzantine-robust decentralized learning via
ClippedGossip": x_i - epsilon sum_k W_ik (x_k - x_i) / sum W_bad, k being the honest neighbours of i. With
epsilon 1 peer i keeps what it has; above it, honest peers are driven apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

EPSILON_MAX = 1e3


@dataclass(frozen=True, slots=True)
class Dissensus:
    """Tells each neighbour what drives it away from honest peers, `epsilon` times as far as they pull."""

    epsilon: float = 1.5

    conduct: ClassVar[Conduct] = Conduct(each=True)

    def __post_init__(self) -> None:
        demand_between("epsilon", self.epsilon, 0.0, EPSILON_MAX)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        if known.target is None:
            raise LocalProtocolError("Dissensus must know whom it speaks to.")
        target = known.target
        part = (self.epsilon / np.asarray(target.weight, np.float64))[..., None]
        return (target.vector - part * target.pull).astype(own.dtype)
