"""A peer that never mixes: it trains on, and what it hears changes nothing of what it holds.

He, Karimireddy and Jaggi (2022, arXiv 2202.01545) let attackers hold to what they have; so a wrong model, or
one of false labels, is not healed by its honest neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import ONE, Algorithm, Array, Heard, Payload


class StubbornState(NamedTuple):
    """The state of the algorithm, and the round in which it last spoke."""

    inner: Any
    round: int = 0


@dataclass(frozen=True, slots=True)
class Stubborn:
    """`algorithm`, which from round `first` on listens to nobody; a newcomer adopts what it hears as ever."""

    algorithm: Algorithm[Any]
    first: int = 1

    def start(self, vector: Array, mass: Array = ONE) -> StubbornState:
        """As the algorithm does."""
        return StubbornState(self.algorithm.start(vector, mass))

    def model(self, state: StubbornState) -> Array:
        """The vector (..., d) to train from."""
        return self.algorithm.model(state.inner)

    def learned(self, state: StubbornState, vector: Array) -> StubbornState:
        """Local training ended at `vector` (..., d)."""
        return state._replace(inner=self.algorithm.learned(state.inner, vector))

    def speak(self, state: StubbornState, share: Array, draws: Draws) -> tuple[Payload, StubbornState]:
        """As the algorithm does."""
        spoken, inner = self.algorithm.speak(state.inner, share, draws)
        return spoken, StubbornState(inner, draws.round)

    def listen(self, state: StubbornState, heard: Heard) -> StubbornState:
        """Nothing changes."""
        if state.round >= self.first and np.all(heard.own_weight != 0):
            return state
        return state._replace(inner=self.algorithm.listen(state.inner, heard))
