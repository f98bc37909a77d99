"""Models told modulo a box: a neighbour that is near knows which of the possible ones is meant.

Lu and De Sa (ICML 2020, arXiv 2002.11787), "Moniqua": if |x_i - x_j| <= reach in every coordinate, x_j modulo
B = 2 reach / (1 - 2 delta), rounded to `bits` bits, is enough to rebuild x_j to delta B, where delta =
2^-(bits + 1). No more memory than D-PSGD takes. Whoever is further away than `reach` is misunderstood by
multiples of B: choose it above what training can pull neighbours apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.choco import pull
from gossipfl.learn.compressors.packing import packed, unpacked
from gossipfl.learn.contracts import ONE, Array, Heard, Payload
from gossipfl.learn.options import demand_between


class MoniquaState(NamedTuple):
    """The model, and as what it was told."""

    vector: Array  # (..., d)
    told: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class Moniqua:
    """Speaks `bits` bits of each parameter, which must be within `reach` of those of every neighbour."""

    bits: int = 8
    reach: float = 1.0
    settles: ClassVar[bool] = False

    def __post_init__(self) -> None:
        demand_between("bits", self.bits, 2, 16)
        demand_between("reach", self.reach, 1e-9, 1e9)

    @property
    def box(self) -> float:
        """B, the length modulo which parameters are told."""
        return 2 * self.reach / (1 - 2.0**-self.bits)

    def start(self, vector: Array, mass: Array = ONE) -> MoniquaState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return MoniquaState(vector, vector)

    def model(self, state: MoniquaState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: MoniquaState, vector: Array) -> MoniquaState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(vector=vector)

    def speak(self, state: MoniquaState, share: Array, draws: Draws) -> tuple[Payload, MoniquaState]:
        """The nearest levels in the box, packed."""
        levels = 1 << self.bits
        place = np.rint(np.mod(state.vector / self.box, 1.0) * levels).astype(np.int64) % levels
        code = (packed(place, self.bits),)
        return code, state._replace(told=self._near(state.vector, place))

    def listen(self, state: MoniquaState, heard: Heard) -> MoniquaState:
        """The mean of what was told, and of the own model what was not told."""
        adopts = (heard.own_weight == 0)[..., None]
        base = np.where(adopts, state.told, state.vector)
        return self.start(base + pull(state.told, heard))

    def whole(self, state: MoniquaState, held: Payload = ()) -> Payload:
        """The model itself, for whoever is far from it."""
        return (state.vector,)

    def hear(self, state: MoniquaState, held: Payload, code: Payload) -> Payload:
        """The models (..., k, d) nearest to the own one that `code` can mean."""
        places = unpacked(code[0], state.vector.shape[-1], self.bits)
        return (self._near(state.vector[..., None, :], places),)

    def hear_whole(self, state: MoniquaState, held: Payload, whole: Payload) -> Payload:
        """That, whatever was held."""
        return whole

    def _near(self, own: Array, place: Array) -> Array:
        """What `place` in the box means to somebody at `own`."""
        offset = place.astype(own.dtype) * (self.box / (1 << self.bits)) - own
        half = self.box / 2
        return (np.mod(offset + half, self.box) - half + own).astype(own.dtype, copy=False)
