"""Gossip learning in parts: a message carries one part of the model, and each part has an age of its own.

Hegedus, Danner and Jelasity (JPDC 2021), "Decentralized learning works: an empirical comparison of gossip
learning and federated learning". What is heard is merged by age, (t1 w1 + t2 w2) / (t1 + t2), and is as old
as the older of the two. With one part that is their age-weighted merge of whole models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.algorithms.merging import claimed_age, weight_by_age
from gossipfl.learn.contracts import ONE, Array, Heard, Payload


class AgedState(NamedTuple):
    """The model, and how often each of its parts was trained on its way."""

    vector: Array  # (..., d)
    ages: Array  # (..., parts), float64


@dataclass(frozen=True, slots=True)
class Partitioned:
    """Speaks `(part, values, age)`: every `parts`-th parameter from a random first one on, padded."""

    parts: int = 4

    def __post_init__(self) -> None:
        if self.parts < 1:
            raise SettingsError(f"parts is {self.parts}: choose 1, for whole models, or more.")

    def start(self, vector: Array, mass: Array = ONE) -> AgedState:
        """The state of a peer whose first model is `vector` (..., d)."""
        return AgedState(vector, np.zeros((*vector.shape[:-1], self.parts)))

    def model(self, state: AgedState) -> Array:
        """The vector (..., d) to train from and to judge."""
        return state.vector

    def learned(self, state: AgedState, vector: Array) -> AgedState:
        """Local training ended at `vector` (..., d), a step older in all parts."""
        return AgedState(vector, state.ages + 1.0)

    def speak(self, state: AgedState, share: Array, draws: Draws) -> tuple[Payload, AgedState]:
        """A random part with its age; nothing changes by speaking."""
        part = np.broadcast_to(draws.integers("part", 1, self.parts), (*state.vector.shape[:-1], 1))
        values = np.take_along_axis(self._table(state.vector), part[..., None], axis=-1)[..., 0]
        return (part.copy(), values, np.take_along_axis(state.ages, part, axis=-1)), state

    def listen(self, state: AgedState, heard: Heard) -> AgedState:
        """Merge what was heard by age, one after another; with `own_weight` 0 it counts alone."""
        vector, ages = self._table(state.vector), state.ages
        for index in range(heard.weights.shape[-1]):
            part, values, age = (piece[..., index, :] for piece in heard.payload)
            age = claimed_age(age)
            mine = np.arange(self.parts) == part % self.parts  # (..., parts)
            weight = weight_by_age(ages, age, heard.own_weight)
            mixed = vector + weight[..., None, :].astype(vector.dtype) * (values[..., None] - vector)
            vector = np.where(mine[..., None, :], mixed, vector)
            ages = np.where(mine, np.maximum(ages, age), ages)
        flat = vector.reshape(*vector.shape[:-2], -1)[..., : state.vector.shape[-1]]
        return AgedState(np.ascontiguousarray(flat), ages)

    def _table(self, vector: Array) -> Array:
        """`vector` (..., d) as (..., width, parts), padded with zeros."""
        padding = [(0, 0)] * (vector.ndim - 1) + [(0, -vector.shape[-1] % self.parts)]
        return np.pad(vector, padding).reshape(*vector.shape[:-1], -1, self.parts)
