"""What a peer holds: its model, in training and out of it.

Rules:
- What training changed is added to what was heard while it went on.
- Whoever adopts others' models throws away what it was training.
- A rule that judges by more than vectors sees how long the last step of training was, and in which round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError, RunError
from gossipfl.learn.aggregators import asks_losses, judges
from gossipfl.learn.contracts import Algorithm, Array, Heard, Payload, Scene
from gossipfl.learn.robust.distances import norms
from gossipfl.learn.robust.known import with_one_known
from gossipfl.protocol.events import Train
from gossipfl.protocol.layout import Layout, layout_of
from gossipfl.protocol.memory import filled
from gossipfl.protocol.messages import PeerId


class Learner:
    """The state of `algorithm` at the peer `number`, which holds so many `samples`."""

    def __init__(
        self,
        number: PeerId,
        algorithm: Algorithm[Any],
        vector: Array,
        *,
        seed: int,
        rounds: int,
        samples: int,
        weigh_samples: bool,
    ) -> None:
        self.asks_losses = asks_losses(algorithm)
        self.samples = max(samples, 1)
        self.weighed_samples = self.samples if weigh_samples else None
        self.state = algorithm.start(vector, np.asarray(float(self.weighed_samples or 1)))
        self._number = number
        self._algorithm = algorithm
        self._seed = seed
        self._drift = getattr(algorithm, "drift", None)  # of `Steering`, for which to ask would take longest
        self._sound = vector  # where training last ended
        self._astray = False  # training diverged from what we had, and begins again from there
        self._began: Array | None = None  # the vector that training began from
        self._void = False
        self._judges = judges(algorithm)
        self._rounds = rounds
        self._round = 1
        self._step = np.asarray(0.0)  # how long the last training's was

    @property
    def model(self) -> Array:
        """The vector (d,) to train from and to judge."""
        return self._algorithm.model(self.state)

    def resume(self, arrays: tuple[Array, ...]) -> None:
        """Go on with a state of these `arrays`. Raises `DataError` if they are none of the algorithm's."""
        self.state = filled(self.state, arrays)
        self._sound = self.model

    @property
    def trains(self) -> bool:
        """Whether training is under way."""
        return self._began is not None

    @property
    def layout(self) -> Layout:
        """Of what is said."""
        spoken, _ = self._algorithm.speak(self.state, np.asarray(1.0), Draws(self._seed, self._number))
        return layout_of(spoken)

    def knows_one(self) -> None:
        """One of the hostile neighbours that it must stand is known, and will not be heard any more."""
        self._algorithm = with_one_known(self._algorithm)

    def train(self, round: int) -> Train:
        """Begin to train with the draws of `round`."""
        self._round = round
        self._began = self._sound if self._astray else self.model
        return Train(self._began, round, self._drift(self.state) if self._drift else None)

    def trained(self, vector: Array, round: int) -> bool:
        """Take in where training ended; False if it is void and must be done again.

        What diverges may be somebody else's fault, so that it is done again from where training last ended.
        Raises `RunError` if it diverges from there too.
        """
        began, self._began = self._began, None
        if began is None:
            raise LocalProtocolError("A peer is trained only when it asked for it.")
        astray, self._astray = self._astray, not np.isfinite(vector).all()
        if self._astray and astray:
            raise RunError(f"Training diverged in round {round}: lower learning.learning_rate.")
        if self._astray:
            return False
        if self._void:
            self._void = False
            return False
        if self._judges:
            self._step = norms(vector - began)
        model = self.model
        if not astray and model is not began and not np.array_equal(model, began):
            vector = model + (vector - began)
        self._sound = vector
        self.state = self._algorithm.learned(self.state, vector)
        return True

    def words(self, share: float, turn: int) -> Payload:
        """What to tell each neighbour, who is given this `share`, with draws of its own for each `turn`."""
        draws = Draws(self._seed, self._number, turn)
        payload, self.state = self._algorithm.speak(self.state, np.asarray(share), draws)
        return payload

    def to_judge(self, heard: Heard) -> Array:
        """The own vector and those `heard`, (k + 1, d), of which the rule asks the losses."""
        return np.concatenate((self.model[None], heard.payload[0]))

    def listen(self, heard: Heard, losses: Array | None = None) -> None:
        """Take in what was `heard`, or adopt it; `losses` (k + 1,) are those of `to_judge`."""
        if self._judges:
            heard = heard._replace(scene=self._scene(losses))
        self.state = self._algorithm.listen(self.state, heard)
        if heard.own_weight == 0:
            self._void = self.trains

    def _scene(self, losses: Array | None) -> Scene:
        return Scene(
            np.asarray(self._round / self._rounds),
            self._step,
            Draws(self._seed, self._number, self._round),
            None if losses is None else (losses[0], losses[1:]),
        )
