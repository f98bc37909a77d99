"""Exact diffusion that corrects each local step, so that many of them a round do not drift apart.

Alghunaim (IEEE Trans. Autom. Control 2024, arXiv 2302.00620), "Local exact-diffusion": what mixing
taught a peer of how its data differ from everybody's leads it through local training, as the control
variates of SCAFFOLD do with a server (Karimireddy et al., ICML 2020, arXiv 1910.06378). With one local step
a round it is exact diffusion, and a lost update or a dead peer costs what it costs there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.exact_diffusion import ExactDiffusion, ExactDiffusionState
from gossipfl.learn.contracts import ONE, Array, Heard, Link, Payload


@dataclass(frozen=True, slots=True)
class LocalExactDiffusion:
    """Speaks what exact diffusion does; the model trains with the dual as its drift."""

    lazy: bool = True
    link: ClassVar[Link] = ExactDiffusion.link

    def start(self, vector: Array, mass: Array = ONE) -> ExactDiffusionState:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass`."""
        return ExactDiffusion(self.lazy).start(vector, mass)

    def model(self, state: ExactDiffusionState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def drift(self, state: ExactDiffusionState) -> Array:
        """By how much everybody's data would move the model otherwise, (..., d)."""
        return state.dual.astype(state.vector.dtype)

    def learned(self, state: ExactDiffusionState, vector: Array) -> ExactDiffusionState:
        """Local training ended at `vector` (..., d), its drift included."""
        return state._replace(vector=vector)

    def speak(
        self, state: ExactDiffusionState, share: Array, draws: Draws
    ) -> tuple[Payload, ExactDiffusionState]:
        """The corrected model; nothing changes by speaking."""
        return ExactDiffusion(self.lazy).speak(state, share, draws)

    def listen(self, state: ExactDiffusionState, heard: Heard) -> ExactDiffusionState:
        """As exact diffusion does."""
        return ExactDiffusion(self.lazy).listen(state, heard)
