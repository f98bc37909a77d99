"""Averaging in pairs that keeps the sum: both sides of an exchange take the same difference, with its sign.

Lian, Zhang, Zhang and Liu (ICML 2018, arXiv 1710.06952), "Asynchronous decentralized parallel stochastic
gradient descent" (AD-PSGD), without its locks: a peer that said s and hears h moves by w (h - s), the other
by w (s - h), whatever training or others made of their models meanwhile. For want of locks w is 1/3 rather
than their 1/2; with sample counts it is a Metropolis weight, and the sum kept is the one by samples. An
answer that is lost costs one difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import ONE, Array, Heard, Payload


class PairState(NamedTuple):
    """The model is all there is."""

    vector: Array  # (..., d)


@dataclass(frozen=True, slots=True)
class PairAveraging:
    """Speaks `(vector,)`; where nothing was said in return it is the weighted mean, as in D-PSGD."""

    def start(self, vector: Array, mass: Array = ONE) -> PairState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return PairState(vector)

    def model(self, state: PairState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: PairState, vector: Array) -> PairState:
        """Local training ended at `vector` (..., d)."""
        return PairState(vector)

    def speak(self, state: PairState, share: Array, draws: Draws) -> tuple[Payload, PairState]:
        """The vector; nothing changes by speaking."""
        return (state.vector,), state

    def listen(self, state: PairState, heard: Heard) -> PairState:
        """Move by what was heard less what was said, by weight."""
        (vectors,), weights = heard.payload, heard.weights.astype(state.vector.dtype, copy=False)
        said = heard.said[0] if heard.said else np.broadcast_to(state.vector[..., None, :], vectors.shape)
        moved = state.vector.copy()
        for index in range(vectors.shape[-2]):
            moved += weights[..., index, None] * (vectors[..., index, :] - said[..., index, :])
        return PairState(moved)
