"""Sign flip: the opposite of what was learnt.

Li, Xu, Chen, Giannakis and Ling (AAAI 2019, arXiv 1811.03761), "RSA: Byzantine-robust stochastic aggregation
methods": attackers say -s x, s = 4 in their experiments. Of an "update" the step alone is turned around: x0 -
s (x - x0), x0 being where local training began; they mix as others do, so that what they say lies near. That
is harder to tell, most of all with a small s. Of a "model" all of it is, and they hold to what they have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

SCALE_MAX = 1e6


@dataclass(frozen=True, slots=True)
class SignFlip:
    """Says the opposite `of` its "update" or of its "model", `scale` times as large."""

    of: Literal["update", "model"] = "update"
    scale: float = 2.5

    def __post_init__(self) -> None:
        if self.of not in ("model", "update"):
            raise SettingsError(f'of is {self.of!r}: flip the "model" or the "update".')
        demand_between("scale", self.scale, 0.0, SCALE_MAX)

    @property
    def conduct(self) -> Conduct:
        """One that flips its update builds on what it hears."""
        return Conduct(stubborn=self.of == "model")

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        scale = own.dtype.type(self.scale)
        told: Array = -scale * own if self.of == "model" else known.began - scale * (own - known.began)
        return told
