"""A federation: what an experiment says, as data, graph, model and peers that any driver can run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gossipfl.data import Dataset
from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.experiment.attack import Assault, assault_of, honest_of
from gossipfl.experiment.dealing import common_test, load_data, local_parts, split
from gossipfl.experiment.defence import Defence, defence_of, in_turn, neighbourhoods, refuse_beside_objects
from gossipfl.experiment.meeting import Meeting, meeting_of, refuse_misfits
from gossipfl.experiment.pace import new_peer, refuse_free
from gossipfl.experiment.settings import Experiment, LearningSettings, ModelSettings
from gossipfl.experiment.watching import refuse_quarantine, speaks_alike, watched
from gossipfl.learn.attacks import Attack
from gossipfl.learn.batches import one_batch
from gossipfl.learn.compiled import fastest
from gossipfl.learn.contracts import Aggregator, Algorithm, Array, Model, Samples
from gossipfl.learn.registry import build_algorithm, build_model
from gossipfl.learn.training import Training
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.notary import Sealed
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Targets
from gossipfl.protocol.watch import Watch
from gossipfl.topology import Topology, mixing_matrix, spectral_gap
from gossipfl.topology.spectrum import schedule_gap

GAP_PEERS_MAX = 20_000
"""Larger graphs take minutes to find their spectral gap."""


@dataclass(frozen=True)
class Federation:
    """Peers `0 .. n-1` with their graph, data and model; everything is a pure function of the experiment."""

    experiment: Experiment
    meeting: Meeting
    dataset: Dataset
    model: Model
    algorithm: Algorithm[Any]
    defence: Defence
    train: Samples  # of each peer
    test: Samples  # common to all, seen by none in training
    local_test: Samples | None  # of each peer
    assault: Assault | None = None

    @property
    def topology(self) -> Topology:
        """The graph of all who ever meet."""
        return self.meeting.topology

    @property
    def peers(self) -> int:
        """n."""
        return self.topology.peers

    @property
    def attackers(self) -> tuple[int, ...]:
        """The peers that attack, ascending."""
        return self.assault.attackers if self.assault else ()

    @cached_property
    def honest(self) -> Array:
        """The peers that do not attack (h,), ascending."""
        return honest_of(self.peers, self.attackers)

    @property
    def metric(self) -> str:
        """What models are judged by: accuracy of classes, or r2 of numbers."""
        return "accuracy" if self.dataset.classes else "r2"

    @cached_property
    def spectral_gap(self) -> float | None:
        """Of the mixing that the peers apply in a round; None where it costs too much or nobody has any."""
        if self.peers > GAP_PEERS_MAX or self.experiment.gossip.exchange is not None:
            return None
        if self.meeting.schedule:
            return schedule_gap(self.meeting.schedule)
        counts = self.train.counts if self.experiment.learning.weights == "samples" else None
        return spectral_gap(mixing_matrix(self.topology, counts), counts)

    def quick(self) -> Federation:
        """The same, whose model trains by the fastest kernels that are installed."""
        return replace(self, model=fastest(self.model))

    def start(self) -> Array:
        """The first model (d,), the same for all peers and not to be written to."""
        return self._first

    @cached_property
    def _first(self) -> Array:
        vector = self.model.start(Draws(self.experiment.run.seed))
        vector.flags.writeable = False
        return vector

    def fit_many(self, peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        """One round of local training of several peers: (m,), (m, d), drifts (m, d) -> (m, d)."""
        draws = Draws(self.experiment.run.seed, peers, round)
        led = {} if drifts is None else {"drift": drifts}
        rows = self.assault.samples(self.train, round) if self.assault else self.train
        return self.model.fit(vectors, rows.of(peers), draws, **led)

    def losses(self, peer: int, vectors: Array, round: int) -> Array:
        """What each of `vectors` (m, d) loses on a batch of `peer`, (m,); NaN where it has no rows."""
        draws, batch = Draws(self.experiment.run.seed, peer, round), self.experiment.learning.batch
        return losses_of(self.model, vectors, one_batch(self.train.of(peer), batch, draws))

    def targets(self, number: int) -> Targets:
        """Whom peer `number` speaks to and waits for."""
        numbers = {other: other for other in self.meeting.linked(number)}
        draws, rounds = Draws(self.experiment.run.seed, number), self.experiment.learning.rounds
        return self.meeting.targets(number, numbers, draws, rounds)

    @cached_property
    def watches(self) -> bool:
        """Whether peers watch one another."""
        quarantine = self.experiment.robust.quarantine
        return bool(self.attackers) if quarantine is None else quarantine

    def new_peer(self, number: int, epoch: int) -> RoundPeer | FreePeer | Watch:
        """Peer `number`, in the `epoch`-th of its lives."""
        targets = self.targets(number)
        peer = new_peer(
            self.experiment.gossip,
            self.experiment.learning,
            number,
            self.assault.algorithm(number, self.algorithm) if self.assault else self.algorithm,
            self.start(),
            targets,
            samples=int(self.train.counts[number]),
            seed=self.experiment.run.seed,
            epoch=epoch,
        )
        if not self.watches:
            return peer
        alike = speaks_alike(self.experiment.gossip, self.algorithm)
        return watched(peer, targets, Sealed() if alike else None)


def build(
    experiment: Experiment,
    *,
    topology: Topology | None = None,
    dataset: Dataset | None = None,
    model: Model | None = None,
    algorithm: Algorithm[Any] | None = None,
    aggregator: Aggregator | None = None,
    attack: Attack | None = None,
) -> Federation:
    """The federation that `experiment` describes; objects given take the place of what it names."""
    if topology is not None:
        _check_given(experiment, topology)
    dataset = dataset or load_data(experiment.data)
    seed = experiment.run.seed
    held, test = common_test(experiment.data, dataset)
    peers = topology.peers if topology else experiment.topology.peers
    parts, names = split(experiment.data, dataset, held, peers, seed)
    learning = experiment.learning
    meeting = _meeting(experiment, topology, len(parts), names)
    train, local_test = local_parts(experiment.data, parts, seed)
    if algorithm is not None or aggregator is not None:
        refuse_beside_objects(experiment.robust)
        defence = Defence(type(aggregator).__name__ if aggregator else "that of the algorithm")
    else:
        hears = neighbourhoods(meeting, learning.rounds)
        defence = defence_of(experiment.robust, in_turn(hears) if experiment.gossip.exchange else hears)
    if algorithm is None:
        algorithm = build_algorithm_from(learning, aggregator or defence.aggregator)
        refuse_misfits(learning, algorithm, meeting)
    refuse_free(experiment.gossip, learning, algorithm, meeting.schedule)
    refuse_quarantine(experiment.robust.quarantine, experiment.gossip, algorithm)
    model = model or build_model_from(experiment.model, learning, dataset.features.shape[1], dataset.classes)
    values, targets = _arrays(dataset, model)
    rows, classes = Samples.parts(values, targets, train), len(dataset.classes) if dataset.classes else None
    return Federation(
        experiment,
        meeting,
        dataset,
        model,
        algorithm,
        defence,
        rows,
        Samples(*_arrays(test, model), np.arange(len(test)), np.asarray(len(test))),
        Samples.parts(values, targets, local_test) if local_test else None,
        assault_of(experiment, attack, meeting.topology, algorithm, model, rows, classes),
    )


def _meeting(
    experiment: Experiment, topology: Topology | None, parts: int, names: tuple[str, ...] | None
) -> Meeting:
    """Who meets whom, where the data is split into so many `parts`. Raises `SettingsError` if they misfit."""
    meeting = meeting_of(
        experiment.topology,
        experiment.learning,
        parts,
        experiment.run.seed,
        names=names,
        topology=topology,
        linked=experiment.run.engine == "network",
    )
    if meeting.topology.peers != parts:
        raise SettingsError(
            f"The graph has {meeting.topology.peers} peers, but the data is split among {parts}: "
            "make topology.peers fit the split."
        )
    return meeting


def _check_given(experiment: Experiment, topology: Topology) -> None:
    """Raise `UserError` if the settings say otherwise than a graph that was given."""
    wanted = experiment.topology
    if wanted.peers not in (None, topology.peers):
        raise SettingsError(f"The graph has {topology.peers} peers, not {wanted.peers}: leave out peers.")
    if not wanted.allow_disconnected:
        topology.refuse_disconnected()


def losses_of(model: Model, vectors: Array, rows: Samples) -> Array:
    """What each of `vectors` (m, d) loses on `rows` of one peer, (m,); however wild, none warns."""
    with np.errstate(all="ignore"):
        return np.asarray(model.score(vectors, rows)["loss"])


def build_model_from(
    model: ModelSettings, learning: LearningSettings, features: int, classes: tuple[str, ...] | None
) -> Model:
    """The model that settings describe for data of so many features and these classes."""
    return build_model(
        model.kind,
        features=features,
        classes=len(classes) if classes else None,
        hidden=model.hidden,
        dtype=model.dtype,
        options=model.options,
        training=Training(
            learning_rate=learning.learning_rate,
            batch=learning.batch,
            epochs=learning.epochs,
            steps=learning.steps,
            momentum=learning.momentum,
            weight_decay=learning.weight_decay,
            proximal=learning.proximal,
            class_weights=learning.class_weights,
            decay_rounds=learning.rounds if learning.decay == "cosine" else None,
        ),
    )


def build_algorithm_from(learning: LearningSettings, aggregator: Aggregator | None = None) -> Algorithm[Any]:
    """The algorithm that settings describe, combining with `aggregator` if that is given."""
    return build_algorithm(
        learning.algorithm,
        aggregator,
        compressor=learning.compressor,
        compression=learning.compression,
        options=learning.options,
    )


def _arrays(dataset: Dataset, model: Model) -> tuple[Array, Array]:
    targets = dataset.targets if dataset.classes else dataset.targets.astype(model.dtype)
    return dataset.features.astype(model.dtype), targets
