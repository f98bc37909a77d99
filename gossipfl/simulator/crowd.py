"""A crowd: the algorithm of all peers at once, over arrays whose rows are peers, in rounds.

Rules:
- No messages, no clock, no delay: what a network without faults comes to, many times faster.
- A round goes through the peers twice: all train and speak, then all listen. What was said lies apart from
  what peers are, so that nobody hears the next round.
- Each verb sees a block of peers, and in `listen` peers that heard equally many.
- Where the algorithm takes in one mean, that is a sparse product, and no neighbour's vector is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import RunError
from gossipfl.learn.aggregators import WeightedMean, asks_losses, judges
from gossipfl.learn.compiled import Kernels
from gossipfl.learn.contracts import Algorithm, Array, Heard, Mixing, Payload, Scene, Steering
from gossipfl.learn.mixing import mixed
from gossipfl.learn.robust.distances import norms
from gossipfl.protocol.admission import VALUE_MAX
from gossipfl.simulator.collusion import CrowdCollusion
from gossipfl.simulator.hearsay import hearsay_of
from gossipfl.simulator.shelf import Shelf
from gossipfl.simulator.states import States
from gossipfl.simulator.ties import Block, Integers, Present, Ties, TiesOf
from gossipfl.simulator.trainings import FitMany, Losses, no_losses
from gossipfl.simulator.workers import Workers, block_size

HEARD_BYTES_MAX = 1 << 20
"""What is gathered at once of what neighbours said."""


class Attendance(NamedTuple):
    """Who takes part in a round, (n,) each."""

    present: Present
    newcomers: Present  # not among those present: they hear what is said, adopt it, and are there next


def everybody(round: int) -> None:
    """All take part in every round."""


class Crowd:
    """Peers `0 .. n-1` that all begin from `start` (d,) and whose samples count `masses` (n,).

    `attendance` tells who takes part in a round, None being all; whoever is absent keeps what it has. Those
    of a `collusion` tell something else than they would.
    `block_bytes_max` is what peers may take that train together, where that is for the model to say.
    `progress` is told how many peers have worked through a half of a round.
    """

    def __init__(
        self,
        algorithm: Algorithm[Any],
        start: Array,
        masses: Array,
        ties_of: TiesOf,
        fit: FitMany,
        *,
        seed: int,
        rounds: int,
        losses: Losses = no_losses,
        shelf: Shelf,
        workers: Workers,
        kernels: Kernels = "numpy",
        block_bytes_max: int | None = None,
        attendance: Callable[[int], Attendance | None] = everybody,
        collusion: CrowdCollusion | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.peers = len(masses)
        self._algorithm = algorithm
        self._start = start
        self._masses = masses
        self._ties_of = ties_of
        self._fit = fit
        self._seed = seed
        self._rounds = rounds
        self._losses = losses
        self._workers = workers
        self._kernels = kernels
        self._attendance = attendance
        self._collusion = collusion
        self._progress = progress
        self._drift = algorithm.drift if isinstance(algorithm, Steering) else None
        self._mixes = isinstance(algorithm, Mixing) and isinstance(algorithm.aggregator, WeightedMean)
        self._judges, self._asks_losses = judges(algorithm), asks_losses(algorithm)
        self._steps = np.zeros(self.peers if self._judges else 0)  # how long each last training's was
        self._words = hearsay_of(algorithm, start, ties_of(1), shelf)
        self._states = States(algorithm.start(start[None], masses[:1]), self.peers, shelf)
        threads = workers.threads if block_bytes_max is None else 1
        self._block = block_size(self.peers, 2 * self._states.bytes_each, threads, block_bytes_max)
        self._each(self._begin)

    def models(self, peers: Block) -> Array:
        """The vectors (b, d) by which `peers` are judged."""
        model: Array = self._algorithm.model(self._states.of(peers))
        return model

    @property
    def word(self) -> Payload:
        """What somebody told a neighbour last."""
        return tuple(part[0] for part in self._words.told)

    def round(self, round: int) -> int:
        """Train, speak and listen; how many messages that is. Raises `RunError` if training diverges."""
        ties, attendance = self._ties_of(round), self._attendance(round)
        present: Present | None = None
        newcomers: Present | None = None
        listening = ties.degrees > 0
        if attendance is not None:
            present, newcomers = attendance
            ties = ties.among(present, newcomers)
            listening = (present | newcomers) & (ties.degrees > 0)
            for peer in np.flatnonzero(newcomers):
                self._begin(slice(peer, peer + 1))
        self._words.ties = ties
        self._each(lambda block: self._speak(_those(block, present), ties, round))
        if self._collusion is not None:
            self._collusion.tell(self._words.told[0], present, round)
            listening = self._collusion.listening(listening, newcomers, round)
        self._each(lambda block: self._listen(block, ties, listening, round))
        self._words.turn()
        return len(ties.senders)

    # Halves of a round

    def _speak(self, peers: Block, ties: Ties, round: int) -> None:
        numbers = np.arange(peers.start, peers.stop) if isinstance(peers, slice) else peers
        if not len(numbers):
            return
        algorithm, state = self._algorithm, self._states.of(peers)
        drift = self._drift(state) if self._drift else None
        began = algorithm.model(state)
        vectors = self._fit(numbers, began, round, drift)
        if not (vectors.max() <= VALUE_MAX and vectors.min() >= -VALUE_MAX):  # nor if one is NaN
            raise RunError(f"Training diverged in round {round}: lower learning.learning_rate.")
        if self._judges:
            self._steps[peers] = norms(vectors - began)
        learned = algorithm.learned(state, vectors)
        spoken, said = algorithm.speak(learned, ties.shares[peers], Draws(self._seed, numbers, round))
        self._words.tell(peers, spoken)
        self._states.put(peers, said, state)

    def _listen(self, block: slice, ties: Ties, listening: Present, round: int) -> None:
        if self._mixes:
            self._mix(block, ties, listening)
            return
        peers = block.start + np.flatnonzero(listening[block])
        degrees = ties.degrees[peers]
        for degree in np.unique(degrees):
            alike = peers[degrees == degree]
            fit = max(1, HEARD_BYTES_MAX // (int(degree) * sum(part.nbytes for part in self.word)))
            for first in range(0, len(alike), fit):
                self._hear(alike[first : first + fit], int(degree), ties, round)

    def _hear(self, peers: Integers, degree: int, ties: Ties, round: int) -> None:
        state = self._states.of(peers)
        payload, said = self._words.heard(peers, degree, state)
        heard = Heard(payload, ties.weights[ties.slots(peers, degree)], ties.own_weights[peers], said)
        if self._judges:
            heard = heard._replace(scene=self._scene(peers, self._algorithm.model(state), heard, round))
        self._states.put(peers, self._algorithm.listen(state, heard), state)

    def _scene(self, peers: Integers, own: Array, heard: Heard, round: int) -> Scene:
        losses = None
        if self._asks_losses:
            vectors = np.concatenate((own[:, None], heard.payload[0]), axis=1)
            found = np.stack(
                [self._losses(int(peer), some, round) for peer, some in zip(peers, vectors, strict=True)]
            )
            losses = found[:, 0], found[:, 1:]
        progress = np.full(len(peers), round / self._rounds)
        return Scene(progress, self._steps[peers], Draws(self._seed, peers, round), losses)

    def _mix(self, block: slice, ties: Ties, listening: Present) -> None:
        algorithm = cast("Mixing[Any]", self._algorithm)
        here = ties.starts[block.start : block.stop + 1]
        own, own_weights = self.models(block), ties.own_weights[block]
        told, kernels = self._words.told[0], self._kernels
        mean = mixed(own, own_weights, here, ties.senders, ties.weights, told, kernels=kernels)
        peers = _those(block, listening)
        state = self._states.of(peers)
        if not isinstance(peers, slice):
            mean, own_weights = mean[peers - block.start], own_weights[peers - block.start]
        self._states.put(peers, algorithm.mixed(state, mean, own_weights), state)

    def _begin(self, peers: slice) -> None:
        masses = self._masses[peers]
        self._steps[peers] = 0.0
        alike = np.broadcast_to(self._start, (len(masses), len(self._start)))
        self._states.put(peers, self._algorithm.start(alike, masses))

    def _each(self, work: Callable[[slice], None]) -> None:
        """Do `work` for blocks of all peers."""
        self._workers.each(work, self.peers, self._block, self._progress)


def _those(block: slice, wanted: Present | None) -> Block:
    """The peers of `block` that are `wanted`: all, where that is None."""
    if wanted is None or wanted[block].all():
        return block
    these: Integers = block.start + np.flatnonzero(wanted[block])
    return these
