"""Sign flip: the opposite of what was learnt.

Li, Xu, Chen, Giannakis and Ling (AAAI 2019, arXiv 1811.03761), "RSA: Byzantine-robust stochastic aggregation":
an attacker says -s x, s = 4 in their experiments, where x is what it would have said. Of an "update" the
step alone is turned around: x0 - s (x - x0), x0 being where local training began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.attacks.knowledge import Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

SCALE_MAX = 1e6


@dataclass(frozen=True, slots=True)
class SignFlip:
    """Says the opposite `of` its "model" or of its "update", `scale` times as large."""

    of: Literal["model", "update"] = "model"
    scale: float = 4.0

    conduct: ClassVar[Conduct] = Conduct()

    def __post_init__(self) -> None:
        if self.of not in ("model", "update"):
            raise SettingsError(f'of is {self.of!r}: flip the "model" or the "update".')
        demand_between("scale", self.scale, 0.0, SCALE_MAX)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        scale = own.dtype.type(self.scale)
        if self.of == "model":
            return -scale * own
        return known.began - scale * (own - known.began)
