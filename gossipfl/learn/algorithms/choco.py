"""Compressed differences to what the neighbours already hold, so that any compressor will do.

Koloskova, Stich and Jaggi (ICML 2019, arXiv 1902.00340), "CHOCO-SGD"; with momentum and deep models
Koloskova, Lin, Stich and Jaggi (ICLR 2020, arXiv 1907.09356): q = C(x - r), r <- r + q at the peer and at
all its neighbours, x <- x + step sum_j w_j (r_j - r). It starts from a model that all hold. An update lost
makes its receiver ask for r, whole; until then the two sides of a link differ, and the mean moves by that.

The step is our own choice: a peer measures w, the part of |x - r|^2 that its codes keep, takes
w / (w + 2 (1 - w) b), where b is what all its neighbours weigh, and tells it; each link goes by the smaller
of its two. For codes that are random masks twice that step is where the recursion of second moments ends to
be stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import ONE, Array, Compressor, Heard, Payload
from gossipfl.learn.options import demand_between

PACE = 0.1
"""The part of each new measurement in what is known of what codes keep. Our guess; 0.02 to 1 do alike."""

KEPT_MIN = 1e-6
"""Whatever codes keep, a peer goes some way towards its neighbours."""


class ChocoState(NamedTuple):
    """The model, what the neighbours hold of it, what codes keep, and how far to go."""

    vector: Array  # (..., d)
    replica: Array  # (..., d)
    kept: Array  # (...), the part of a difference that codes were seen to keep; 0 before the first
    towards: Array  # (...), what all neighbours weigh together
    told: Array  # (..., 2), float32: the step, and the step times what codes keep


@dataclass(frozen=True, slots=True)
class Choco:
    """Speaks codes and the step; with `step` above 0 that is taken instead of a measured one."""

    compressor: Compressor
    step: float = 0.0
    settles: ClassVar[bool] = False

    def __post_init__(self) -> None:
        demand_between("step", self.step, 0.0, 1.0)

    def start(self, vector: Array, mass: Array = ONE) -> ChocoState:
        """The state of a peer whose first model is `vector` (..., d), which all its neighbours hold."""
        alone = np.zeros(vector.shape[:-1])
        return ChocoState(vector, vector, alone, alone + 1.0, np.zeros((*alone.shape, 2), np.float32))

    def model(self, state: ChocoState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: ChocoState, vector: Array) -> ChocoState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(vector=vector)

    def speak(self, state: ChocoState, share: Array, draws: Draws) -> tuple[Payload, ChocoState]:
        """The code of what the neighbours lack, which they hold from then on, and how far to go."""
        lacking = state.vector - state.replica
        code = self.compressor.encode(lacking, draws)
        given = self.compressor.decode(code, lacking)
        kept = _kept(state.kept, lacking, given)
        step = kept / (kept + 2.0 * (1.0 - kept) * state.towards) if self.step == 0 else self.step
        told = np.stack((step + 0.0 * kept, step * kept), axis=-1).astype(np.float32)
        return (*code, told), state._replace(replica=state.replica + given, kept=kept, told=told)

    def listen(self, state: ChocoState, heard: Heard) -> ChocoState:
        """A step towards what is held of the neighbours, from what they hold of this peer."""
        moved = state.vector + pull(state.replica, heard, narrower(state, heard.payload[1], 0))
        adopts = (heard.own_weight == 0)[..., None]
        adopted = state.replica + pull(state.replica, heard)
        vector, replica = np.where(adopts, adopted, moved), np.where(adopts, adopted, state.replica)
        return state._replace(vector=vector, replica=replica, towards=1.0 - heard.own_weight)

    def whole(self, state: ChocoState, held: Payload = ()) -> Payload:
        """What the neighbours hold, the last code included, and the step."""
        return state.replica, state.told

    def hear(self, state: ChocoState, held: Payload, code: Payload) -> Payload:
        """What is held of neighbours (..., k, d) with their codes on top, and their steps (..., k, 2)."""
        return held[0] + self.compressor.decode(code[:-1], held[0]), code[-1]

    def hear_whole(self, state: ChocoState, held: Payload, whole: Payload) -> Payload:
        """That, whatever was held."""
        return whole


def pull(own: Array, heard: Heard, factors: Array | None = None) -> Array:
    """sum_j w_j f_j (x_j - own) for x_j (..., k, d) heard and f_j (..., k) or 1, neighbour by neighbour."""
    weights = heard.weights if factors is None else heard.weights * factors
    weights = weights.astype(own.dtype, copy=False)
    total = np.zeros_like(own)
    for index in range(weights.shape[-1]):
        total += weights[..., index, None] * (heard.payload[0][..., index, :] - own)
    return total


def narrower(state: ChocoState, told: Array, place: int) -> Array:
    """What both ends of each link (..., k) can bear of what neighbours `told` (..., k, 2) at `place`."""
    least: Array = np.minimum(state.told[..., None, place], np.clip(told[..., place], 0.0, 1.0))
    return least


def _kept(known: Array, lacking: Array, given: Array) -> Array:
    """What codes keep (...), with the newest seen: all, if nothing was lacking."""
    left, all_ = (
        np.square(np.ascontiguousarray(part, np.float64)).sum(-1) for part in (lacking - given, lacking)
    )
    seen = np.clip(1.0 - left / np.where(all_ > 0, all_, 1.0), KEPT_MIN, 1.0)
    measured: Array = np.where(known == 0, seen, known + PACE * (seen - known))
    return measured
