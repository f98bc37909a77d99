"""What a free peer holds: its model, in training and out of it, and what it makes of what it hears.

Rules:
- What training changed is added to what was heard while it went on.
- Whoever adopts another's model throws away what it was training.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError, RunError
from gossipfl.learn.contracts import Algorithm, Array, Payload
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.events import Train
from gossipfl.protocol.layout import Layout, layout_of
from gossipfl.protocol.messages import PeerId, Update
from gossipfl.protocol.weighing import adopted, claimed_weights, mixed

_SHARE = np.asarray(0.5)


class Learner:
    """The model of the peer `number` with so many `samples`, which is in `degree` exchanges at once.

    An update that is k cycles behind counts (1 + k)^-a, a = `staleness`.
    """

    def __init__(
        self,
        number: PeerId,
        algorithm: Algorithm[Any],
        vector: Array,
        *,
        seed: int,
        samples: int,
        weigh_samples: bool,
        degree: int,
        staleness: float,
    ) -> None:
        self.samples = max(samples, 1)
        self.degree = degree
        self.heard = self.stale = 0  # updates, in this cycle
        self._number = number
        self._algorithm = algorithm
        self._seed = seed
        self._weighed_samples = self.samples if weigh_samples else None
        self._staleness = staleness
        self._state = algorithm.start(vector, np.asarray(float(self._weighed_samples or 1)))
        self._began: Array | None = None  # the vector that training began from
        self._void = False

    @property
    def model(self) -> Array:
        """The vector (d,) to train from and to judge."""
        return self._algorithm.model(self._state)

    @property
    def layout(self) -> Layout:
        """Of what is said."""
        return layout_of(self._algorithm.speak(self._state, _SHARE, Draws(self._seed, self._number))[0])

    @property
    def trains(self) -> bool:
        """Whether training is under way."""
        return self._began is not None

    def train(self, round: int) -> Train:
        """Begin to train with the draws of `round`."""
        self._began = self.model
        return Train(self._began, round)

    def trained(self, vector: Array, round: int) -> bool:
        """Take in where training ended; False if it is void and must be done again. Raises `RunError`."""
        began, self._began = self._began, None
        if began is None:
            raise LocalProtocolError("A peer is trained only when it asked for it.")
        if not np.isfinite(vector).all():
            raise RunError(f"Training diverged in round {round}: lower learning.learning_rate.")
        if self._void:
            self._void = False
            return False
        model = self.model
        if model is not began and not np.array_equal(model, began):
            vector = model + (vector - began)
        self._state = self._algorithm.learned(self._state, vector)
        return True

    def words(self, turn: int) -> Payload:
        """What to say, with draws of its own for each `turn`."""
        draws = Draws(self._seed, self._number, turn)
        payload, self._state = self._algorithm.speak(self._state, _SHARE, draws)
        return payload

    def listen(self, update: Update, said: Payload, round: int) -> None:
        """Take `update` in, in whose exchange `said` was said, in our `round`."""
        behind = max(0, round - update.round)
        weights = claimed_weights([update], self.degree, self._weighed_samples)
        if behind and self._staleness:
            weights = weights * (1.0 + behind) ** -self._staleness
        self.heard += 1
        self.stale += behind > 0
        self._state = self._algorithm.listen(self._state, mixed([Taken(update.payload, said)], weights))

    def adopt(self, update: Update) -> None:
        """Take `update` in the place of what we have."""
        self.heard += 1
        self._state = self._algorithm.listen(self._state, adopted([Taken(update.payload)]))
        self._void = self.trains
