"""Gossip learning by samples of the model: a message carries a random part of its parameters.

Hegedus, Danner and Jelasity (JPDC 2021), "Decentralized learning works: an empirical comparison of gossip
learning and federated learning". What is heard is merged by age, as in partitioned.py; a sample says little
of a model's age, so each parameter is as old as the model. Which parameters they are follows from one number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.algorithms.merging import claimed_age, weight_by_age
from gossipfl.learn.algorithms.partitioned import AgedState
from gossipfl.learn.contracts import ONE, Array, Heard, Payload


@dataclass(frozen=True, slots=True)
class Sampled:
    """Speaks `(key, values, age)`: the share `fraction` of the parameters, those that `key` draws."""

    fraction: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise SettingsError(f"fraction is {self.fraction}: choose one above 0 and at most 1.")

    def start(self, vector: Array, mass: Array = ONE) -> AgedState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return AgedState(vector, np.zeros((*vector.shape[:-1], 1)))

    def model(self, state: AgedState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: AgedState, vector: Array) -> AgedState:
        """Local training ended at `vector` (..., d), a step older."""
        return AgedState(vector, state.ages + 1.0)

    def speak(self, state: AgedState, share: Array, draws: Draws) -> tuple[Payload, AgedState]:
        """A random sample with the model's age; nothing changes by speaking."""
        key = np.broadcast_to(draws.words("sample", 1), (*state.vector.shape[:-1], 1)).copy()
        places = self._places(key, state.vector.shape[-1])
        return (key, np.take_along_axis(state.vector, places, axis=-1), state.ages), state

    def listen(self, state: AgedState, heard: Heard) -> AgedState:
        """Merge what was heard by age, one after another; with `own_weight` 0 it counts alone."""
        vector, ages = state.vector.copy(), state.ages
        for index in range(heard.weights.shape[-1]):
            key, values, age = (piece[..., index, :] for piece in heard.payload)
            age = claimed_age(age)
            places = self._places(key, vector.shape[-1])
            own = np.take_along_axis(vector, places, axis=-1)
            weight = weight_by_age(ages, age, heard.own_weight).astype(vector.dtype)
            np.put_along_axis(vector, places, own + weight * (values - own), axis=-1)
            ages = np.maximum(ages, age)
        return AgedState(vector, ages)

    def _places(self, key: Array, size: int) -> Array:
        """The parameters (..., k) that `key` (..., 1) draws of `size`."""
        count = max(1, round(self.fraction * size))
        return Draws(0, key[..., 0]).permutation("sample", size)[..., :count]
