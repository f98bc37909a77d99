"""Flood: the same said very many times.

Needham (SIGCOMM CCR 1994), "Denial of service: an example". What protects is that a neighbour speaks once of
each round, that whoever says more loses its link, and that queues are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

COPIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Flood:
    """Says each update so many times more."""

    copies: int = 100

    def __post_init__(self) -> None:
        demand_between("copies", self.copies, 1, COPIES_MAX)

    @property
    def conduct(self) -> Conduct:
        """It learns as others do."""
        return Conduct(stubborn=False, models=False, copies=self.copies)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        return own
