"""What attackers know when they speak, how they behave, and what an attack is: arrays in, arrays out.

Rules:
- Attackers collude: they know what every honest peer said last, and speak after it (rushing, omniscient).
- The last axis is one vector; leading axes, if any, are attackers, as in all contracts of this floor.
- Pure: inputs are never changed, randomness comes from `Draws` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array


class Target(NamedTuple):
    """The neighbour that is spoken to, for attacks that tell each something else."""

    place: Array  # (...), integers: where it stands among all whom the attacker tells something
    vector: Array  # (..., d): what it said last
    pull: Array  # (..., d): where its honest neighbours take it, sum_k W_ik (x_k - x_i)
    weight: Array  # (...), above 0: what all attackers together weigh there


class Known(NamedTuple):
    """What an attacker knows when it speaks."""

    honest: Array  # (h, d), h >= 1: what each honest peer said last, in growing order of peers
    began: Array  # (..., d): what its own last training began from
    before: Array  # (..., d): what it would have said `Conduct.lag` rounds ago
    target: Target | None = None  # where it tells each neighbour something else


@dataclass(frozen=True, slots=True)
class Conduct:
    """How an attacker behaves beside what it says."""

    stubborn: bool = True  # it never mixes what it hears into its own model
    trains: bool = True
    each: bool = False  # it tells each neighbour something else
    lag: int = 0  # of which of its own earlier words it must know, in rounds
    models: bool = True  # what it alters are models: of no meaning where words are something else
    again: int = 0  # so many of its old updates are said again with each new one
    copies: int = 0  # so many times each update is said again at once


ORDINARY = Conduct(stubborn=False, models=False)
"""Of one whose data alone are bad, or whose messages alone are too many."""


class Attack(Protocol):
    """What is said in the place of what would be said. One with another `conduct: Conduct` says so."""

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """What an attacker tells that would say `own`: (..., d) -> (..., d) of the same dtype."""


@runtime_checkable
class Poison(Protocol):
    """An attack on the rows that attackers hold."""

    def poison(
        self, features: Array, targets: Array, classes: int | None, draws: Draws
    ) -> tuple[Array, Array]:
        """Bad rows, as many as there are `features` (k, f) and `targets` (k,): labels, or numbers if None."""


@runtime_checkable
class Backdoor(Protocol):
    """An attack that wants a trigger to be taken for one class."""

    @property
    def target(self) -> int:
        """The class."""

    def triggered(self, features: Array) -> Array:
        """`features` (k, f) with the trigger in each row."""


def conduct_of(attack: Attack) -> Conduct:
    """How attackers behave; any callable that does not say so is stubborn and tells all alike."""
    found: Conduct = getattr(attack, "conduct", Conduct())
    return found
