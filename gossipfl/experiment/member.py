"""A node of a run: what its file describes, made real but for its key and its sockets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.data import Dataset, Schema, read_table, train_test
from gossipfl.draws import Draws
from gossipfl.errors import DataError, SettingsError
from gossipfl.experiment.defence import Defence, defence_of, in_turn, listed, neighbourhoods
from gossipfl.experiment.federation import build_algorithm_from, build_model_from, losses_of
from gossipfl.experiment.files import factory_beside
from gossipfl.experiment.meeting import Meeting, meeting_of, refuse_misfits, standing_in
from gossipfl.experiment.nodefile import NodeFile, PeerSection, read_node_file, roster_of, whereabouts
from gossipfl.experiment.pace import new_peer, refuse_free
from gossipfl.experiment.prepared import read_prepared
from gossipfl.experiment.watching import refuse_quarantine, speaks_alike
from gossipfl.learn.batches import one_batch
from gossipfl.learn.contracts import Algorithm, Array, Model, Samples
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.identity import Address, Neighbour, Roster, parse_address, peer_number
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.memory import flat
from gossipfl.protocol.notary import Signed
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.stand_ins import StandIns
from gossipfl.protocol.targets import Targets
from gossipfl.protocol.watch import Watch


@dataclass(frozen=True, slots=True)
class Member:
    """A node file made real, but for its key and its sockets; its paths begin at its folder."""

    file: NodeFile
    folder: Path
    dataset: Dataset
    model: Model
    algorithm: Algorithm[Any]
    defence: Defence
    meeting: Meeting | None
    train: Samples
    test: Samples | None

    @property
    def key_path(self) -> Path:
        """Of the secret key."""
        return self.folder / self.file.node.key

    @property
    def state_path(self) -> Path:
        """Of the folder for what the node leaves behind."""
        return self.folder / self.file.node.state

    @property
    def listen(self) -> Address:
        """Where to listen."""
        return parse_address(self.file.node.listen)

    def whereabouts(self, listed: Address) -> Address:
        """Where the others reach it, if the list of members has it at `listed`."""
        return whereabouts(self.file.node, listed)

    @property
    def metrics(self) -> Address | None:
        """Where its operator may look in, if anywhere."""
        return None if self.file.node.metrics is None else parse_address(self.file.node.metrics)

    def roster(self, key: bytes) -> Roster:
        """The node and its neighbours; `key` is the node's public key."""
        return roster_of(self.file, key)

    def number(self, key: bytes) -> int:
        """The node's place in random draws."""
        given = self.file.node.number
        return peer_number(key) if given is None else given

    def start(self) -> Array:
        """The first model (d,), the same for all nodes of the run."""
        return self.model.start(Draws(self.file.run.seed))

    def state(self) -> tuple[Array, ...]:
        """The arrays of the state in which the algorithm starts."""
        return flat(self.algorithm.start(self.start()))

    def fit(self, number: int, vector: Array, round: int, drift: Array | None) -> Array:
        """One round of local training, (d,), drift (d,) -> (d,)."""
        draws = Draws(self.file.run.seed, number, round)
        return self.model.fit(vector, self.train, draws, **({} if drift is None else {"drift": drift}))

    def losses(self, number: int, vectors: Array, round: int) -> Array:
        """What each of `vectors` (m, d) loses on a batch of the node's rows, (m,)."""
        draws, batch = Draws(self.file.run.seed, number, round), self.file.learning.batch
        return losses_of(self.model, vectors, one_batch(self.train, batch, draws))

    def manifest(self) -> Manifest:
        """What all nodes of the run must agree on."""
        layout, whole = corresponding(self.algorithm, self.start()).layouts
        schema, meeting = self.dataset.schema, self.meeting
        topology = self.file.topology and self.file.topology.model_dump(mode="json", exclude={"file"})
        if topology and meeting and self.file.topology and self.file.topology.file:
            topology["edges"] = meeting.topology.edges.tolist()
        return Manifest.of(
            self.file.run.name,
            self.file.learning.rounds,
            layout,
            whole,
            seed=self.file.run.seed,
            model=self.file.model.model_dump(mode="json"),
            learning=self.file.learning.model_dump(mode="json", exclude={"rounds"}),
            gossip=self.file.gossip.model_dump(mode="json"),
            robust=self.file.robust.model_dump(mode="json") | {"quarantine": self._watches},
            topology=topology,
            schema=schema.hash if schema else [self.dataset.feature_names, self.dataset.classes],
        )

    def targets(self, key: bytes) -> Targets:
        """Whom the node speaks to and waits for. Raises `UserError`."""
        numbers = [peer.number for peer in self.roster(key).neighbours]
        meeting, place, rounds = self.meeting, self.file.node.place, self.file.learning.rounds
        draws = Draws(self.file.run.seed, self.number(key))
        listed = tuple(zip(self.file.peer, numbers, strict=True))
        reserves = [number for peer, number in listed if peer.reserve]
        if meeting is None or place is None:
            return StandIns(sorted(set(numbers).difference(reserves)), reserves, draws, rounds)
        placed = {peer.place: number for peer, number in listed}
        known = {other: placed[other] for other in meeting.linked(place)}
        if meeting.schedule is None:
            own = sorted(known.values())
            return standing_in(own, sorted(set(reserves).difference(own)), draws, rounds)
        return meeting.targets(place, known, draws, rounds)

    @property
    def speaks_alike(self) -> bool:
        """Whether each update of the node stands alone, and is the same for all."""
        return speaks_alike(self.file.gossip, self.algorithm)

    @property
    def grows(self) -> bool:
        """Whether neighbours may come while the node runs: a topology has a place for each, and no other."""
        return self.meeting is None

    def beside(self, neighbours: Iterable[Neighbour]) -> Member:
        """The same with these neighbours, whatever its file says."""
        known = {peer.key: peer for peer in self.file.peer}
        sections = [
            known.get(peer.key.hex(), PeerSection(name=peer.name, address="", key=peer.key.hex())).model_copy(
                update={"name": peer.name, "address": str(peer.address)}
            )
            for peer in neighbours
        ]
        return replace(self, file=self.file.model_copy(update={"peer": tuple(sections)}))

    @property
    def _watches(self) -> bool:
        return self.file.robust.quarantine is not False

    def new_peer(self, key: bytes, epoch: int) -> RoundPeer | FreePeer | Watch:
        """The state machine of this node in its boot `epoch`."""
        targets = self.targets(key)
        peer = new_peer(
            self.file.gossip,
            self.file.learning,
            self.number(key),
            self.algorithm,
            self.start(),
            targets,
            samples=int(self.train.counts),
            seed=self.file.run.seed,
            epoch=epoch,
            gather_s=self.file.node.wait_s,
        )
        if not self._watches:
            return peer
        authors = {neighbour.number: neighbour.key for neighbour in self.roster(key).neighbours}
        return Watch(peer, targets, authors, Signed(self.manifest()) if self.speaks_alike else None)


def read_member(path: Path) -> Member:
    """The member that the node file at `path` describes. Raises `UserError`."""
    file = read_node_file(path)
    folder = path.parent
    dataset, train_rows, test_rows = _data(file, folder)
    classes = dataset.classes
    described = file.model.model_copy(update={"options": factory_beside(file.model.options, folder)})
    model = build_model_from(described, file.learning, dataset.features.shape[1], classes)
    features = dataset.features.astype(model.dtype, copy=False)
    meeting = _meeting(file, folder)
    hears = listed(file.node.name, len(file.peer))
    if meeting is not None:
        hears = neighbourhoods(meeting, file.learning.rounds)
    defence = defence_of(file.robust, in_turn(hears) if file.gossip.exchange else hears)
    algorithm = build_algorithm_from(file.learning, defence.aggregator)
    if meeting is not None:
        refuse_misfits(file.learning, algorithm, meeting)
    refuse_free(file.gossip, file.learning, algorithm, meeting.schedule if meeting else None)
    refuse_quarantine(file.robust.quarantine, file.gossip, algorithm)
    targets = dataset.targets if classes else dataset.targets.astype(model.dtype, copy=False)
    return Member(
        file,
        folder,
        dataset,
        model,
        algorithm,
        defence,
        meeting,
        Samples(features, targets, train_rows, np.asarray(len(train_rows))),
        Samples(features, targets, test_rows, np.asarray(len(test_rows))) if len(test_rows) else None,
    )


def _meeting(file: NodeFile, folder: Path) -> Meeting | None:
    """Who meets whom, where the file says of what graph."""
    if file.topology is None:
        return None
    peers = file.topology.peers
    if peers is None:
        raise SettingsError("[topology] needs peers, how many nodes the run has.")
    graph = file.topology.file and str(folder / file.topology.file)
    wanted = file.topology.model_copy(update={"file": graph})
    meeting = meeting_of(wanted, file.learning, peers, file.run.seed)
    _refuse_unplaced(file, meeting)
    return meeting


def _refuse_unplaced(file: NodeFile, meeting: Meeting) -> None:
    """Raise `SettingsError` unless the node has its place and knows all those whom it may meet there."""
    place, topology = file.node.place or 0, meeting.topology
    if place >= topology.peers:
        raise SettingsError(f"{topology.name} has no place {place}: choose one of 0..{topology.peers - 1}.")
    for other in sorted(set(meeting.linked(place)).difference(peer.place or 0 for peer in file.peer)):
        raise SettingsError(f"{topology.name} joins place {place} to {other}: add its [[peer]].")


def _data(file: NodeFile, folder: Path) -> tuple[Dataset, Array, Array]:
    data = file.data
    if data.prepared is not None:
        dataset = read_prepared(folder / data.prepared)
        return dataset, np.arange(len(dataset)), np.arange(0)
    if data.file is None or data.schema_file is None:
        raise DataError("[data] needs file, the node's table, and schema, which all nodes share.")
    dataset = read_table(folder / data.file, Schema.read(folder / data.schema_file))
    stratify = dataset.targets if dataset.classes else None
    train, test = train_test(len(dataset), data.test_fraction, Draws(file.run.seed), stratify=stratify)
    return dataset, train, test
