"""Replay: old updates, signed and once valid, said again.

Syverson (CSFW 1994), "A taxonomy of replay attacks". What protects is that each update of a sender is let
through once, by its boot epoch, sequence and round.
"""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

UPDATES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Replay:
    """Says its last so many `updates` again after each new one."""

    updates: int = 3

    def __post_init__(self) -> None:
        demand_between("updates", self.updates, 1, UPDATES_MAX)

    @property
    def conduct(self) -> Conduct:
        """It learns as others do."""
        return Conduct(stubborn=False, models=False, again=self.updates)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        return own
