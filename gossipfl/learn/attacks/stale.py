"""Stale: what it learnt rounds ago, said as if it were new.

Xie, Koyejo and Gupta (2019, arXiv 1903.03934), "Asynchronous federated optimization", for what staleness
does; here it is a lie, so that no rule which counts rounds sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

ROUNDS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Stale:
    """Says what it would have said so many `rounds` ago, or in the first that it remembers."""

    rounds: int = 10

    def __post_init__(self) -> None:
        demand_between("rounds", self.rounds, 1, ROUNDS_MAX)

    @property
    def conduct(self) -> Conduct:
        """It learns as others do."""
        return Conduct(stubborn=False, lag=self.rounds)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        return known.before
