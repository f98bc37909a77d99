"""CHOCO with a correction for unlike data: exact communication's accuracy at a tenth of its bytes and less.

As exact diffusion corrects D-PSGD (Yuan, Ying, Zhao and Sayed 2019, arXiv 1702.05122) and LEAD compressed
gossip (Liu, Li, Wang, Tang and Yan, ICLR 2021, arXiv 2007.00232), here with a small gain, which coarse codes
bear: x <- x - u - c, mixed as in choco.py, c <- c - gain sum_j w_j m_j (r_j - r), where u is what local
training took off x and m_j the smaller of both ends' step times what their codes keep. The c of all peers sum
to 0 as long as both ends of each link hear each other; what an update lost takes from that stays, as a bias
in proportion to the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.choco import Choco, ChocoState, narrower, pull
from gossipfl.learn.contracts import ONE, Array, Compressor, Heard, Payload, unless_adopted
from gossipfl.learn.options import demand_between


class ChocoDiffusionState(NamedTuple):
    """The state of CHOCO, and by how much each round is corrected."""

    choco: ChocoState
    correction: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class ChocoDiffusion:
    """Speaks what CHOCO does; `gain` times the mixing is added up. 0.2 is our guess."""

    compressor: Compressor
    gain: float = 0.2

    def __post_init__(self) -> None:
        demand_between("gain", self.gain, 0.0, 0.5)

    def start(self, vector: Array, mass: Array = ONE) -> ChocoDiffusionState:
        """The state of a peer whose first model is `vector` (..., d), which all its neighbours hold."""
        return ChocoDiffusionState(self._choco.start(vector), np.zeros_like(vector))

    def model(self, state: ChocoDiffusionState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.choco.vector

    def learned(self, state: ChocoDiffusionState, vector: Array) -> ChocoDiffusionState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(choco=state.choco._replace(vector=vector - state.correction))

    def speak(
        self, state: ChocoDiffusionState, share: Array, draws: Draws
    ) -> tuple[Payload, ChocoDiffusionState]:
        """What CHOCO says."""
        payload, choco = self._choco.speak(state.choco, share, draws)
        return payload, state._replace(choco=choco)

    def listen(self, state: ChocoDiffusionState, heard: Heard) -> ChocoDiffusionState:
        """What CHOCO does, and a little of it for all rounds to come."""
        flow = pull(state.choco.replica, heard, self.gain * narrower(state.choco, heard, 1))
        correction = unless_adopted(heard, state.correction - flow)
        return ChocoDiffusionState(self._choco.listen(state.choco, heard), correction)

    def whole(self, state: ChocoDiffusionState) -> Payload:
        """What the neighbours hold, the last code included, and the step."""
        return self._choco.whole(state.choco)

    def hear(self, state: ChocoDiffusionState, held: Payload, code: Payload) -> Payload:
        """As CHOCO hears."""
        return self._choco.hear(state.choco, held, code)

    @property
    def _choco(self) -> Choco:
        return Choco(self.compressor)
