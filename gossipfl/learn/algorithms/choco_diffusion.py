"""CHOCO with a correction for unlike data: exact communication's accuracy at a twentieth of its bytes.

As exact diffusion corrects D-PSGD (Yuan, Ying, Zhao and Sayed 2019, arXiv 1702.05122) and LEAD compressed
gossip (Liu, Li, Wang, Tang and Yan, ICLR 2021, arXiv 2007.00232), here with a small gain, which coarse codes
bear: x <- x - u + c, mixed as in choco.py, where u is what local training took off x, and c is `gain` times
all that ever flowed to the peer: w m (r_j - r) in each round from each neighbour j, w being the less that the
two give each other, and m the less of both steps times what their codes keep.

Both ends of a link count what flowed, so what one gained the other lost. After a gap, and now and then where
they got out of step, each tells the other its count, and both go on from the mean of the two: a lost update
costs delay and no bias that stays. What a dead peer's links brought is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.choco import Choco, ChocoState, narrower
from gossipfl.learn.algorithms.links import summed
from gossipfl.learn.contracts import ONE, Array, Compressor, Heard, Payload, unless_adopted
from gossipfl.learn.options import demand_between


class ChocoDiffusionState(NamedTuple):
    """The state of CHOCO, all that flowed, how much the peer counts, and what it gives each neighbour."""

    choco: ChocoState
    flowed: Array  # (..., d)
    mass: Array  # (...)
    width: Array  # (..., 1), float32


@dataclass(frozen=True, slots=True)
class ChocoDiffusion:
    """Speaks what CHOCO does, and how much it gives. A `gain` of 0.2 is our guess."""

    compressor: Compressor
    gain: float = 0.2
    settles: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand_between("gain", self.gain, 0.0, 0.5)

    def start(self, vector: Array, mass: Array = ONE) -> ChocoDiffusionState:
        """The state of a peer whose first model is `vector` (..., d), and whose samples count `mass`."""
        masses = np.broadcast_to(mass, vector.shape[:-1]).astype(np.float64)
        width = np.zeros((*masses.shape, 1), np.float32)
        return ChocoDiffusionState(self._choco.start(vector), np.zeros_like(vector), masses, width)

    def model(self, state: ChocoDiffusionState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.choco.vector

    def learned(self, state: ChocoDiffusionState, vector: Array) -> ChocoDiffusionState:
        """Local training ended at `vector` (..., d)."""
        pace = (self.gain / state.mass)[..., None].astype(vector.dtype)
        return state._replace(choco=state.choco._replace(vector=vector + pace * state.flowed))

    def speak(
        self, state: ChocoDiffusionState, share: Array, draws: Draws
    ) -> tuple[Payload, ChocoDiffusionState]:
        """What CHOCO says, and what each neighbour may take."""
        payload, choco = self._choco.speak(state.choco, share, draws)
        width = (state.mass * share)[..., None].astype(np.float32)
        return (*payload, width), state._replace(choco=choco, width=width)

    def listen(self, state: ChocoDiffusionState, heard: Heard) -> ChocoDiffusionState:
        """What CHOCO does; what flowed since is added to what did before."""
        since = summed(heard.payload[3] - heard.said[3])
        flowed = unless_adopted(heard.own_weight, state.flowed) + since
        return state._replace(choco=self._choco.listen(state.choco, heard), flowed=flowed)

    def whole(self, state: ChocoDiffusionState, held: Payload = ()) -> Payload:
        """What all neighbours hold, and what flowed from the one of which this is `held`."""
        flowed = held[3] if held else np.zeros_like(state.flowed)
        return *self._choco.whole(state.choco), state.width, flowed

    def hear(self, state: ChocoDiffusionState, held: Payload, code: Payload) -> Payload:
        """As CHOCO hears, and what flows in this round on top of what did before."""
        now = (*self._choco.hear(state.choco, held[:2], code[:-1]), code[-1])
        return *now, held[3] + _flow(state, now)

    def hear_whole(self, state: ChocoDiffusionState, held: Payload, whole: Payload) -> Payload:
        """From the mean of both counts on."""
        return *whole[:3], (held[3] - whole[3]) / 2 + _flow(state, whole)

    @property
    def _choco(self) -> Choco:
        return Choco(self.compressor)


def _flow(state: ChocoDiffusionState, now: Payload) -> Array:
    """What flows from neighbours (..., k, d) of which this is held `now`; seen from them, minus that."""
    replica, told, width, *_ = now
    bearable = narrower(state.choco, told, 1)[..., None]
    gain = np.minimum(state.width[..., None, :], np.maximum(width, 0)) * bearable
    flow: Array = gain.astype(replica.dtype) * (replica - state.choco.replica[..., None, :])
    return flow
