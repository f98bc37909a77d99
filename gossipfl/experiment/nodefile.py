"""A node's own file: who it is, whom it knows, its data, and the terms that all nodes of the run share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from gossipfl.data import Dataset, Schema, read_table, train_test
from gossipfl.draws import Draws
from gossipfl.errors import DataError, SettingsError
from gossipfl.experiment.defence import Defence, defence_of, in_turn, listed, neighbourhoods
from gossipfl.experiment.federation import build_algorithm_from, build_model_from, losses_of
from gossipfl.experiment.files import factory_beside, read_toml, validate
from gossipfl.experiment.meeting import Meeting, meeting_of, refuse_misfits, standing_in
from gossipfl.experiment.pace import new_peer, refuse_free
from gossipfl.experiment.prepared import read_prepared
from gossipfl.experiment.section import Fraction, Section
from gossipfl.experiment.settings import (
    PEERS_MAX,
    GossipSettings,
    LearningSettings,
    ModelSettings,
    RobustSettings,
    RunSettings,
    TopologySettings,
    refuse_unheard,
    without,
)
from gossipfl.experiment.unheard import unheard_gossip, unheard_mixing, unheard_training
from gossipfl.experiment.watching import refuse_quarantine, speaks_alike
from gossipfl.learn.contracts import Algorithm, Array, Model, Samples
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.identity import Address, Neighbour, Roster, parse_address, parse_key, peer_number
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.notary import Signed
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Targets
from gossipfl.protocol.watch import Watch


class NodeSection(Section):
    """This node. `number` stands for it in random draws; its key gives one if it is left out. `place` is
    where it stands in the [topology] of the run, if that is said.

    It begins without those who are not there `wait_s` after the first of its peers is.
    """

    name: str
    key: str = "node.key"
    listen: str
    state: str = "state"
    number: int | None = Field(None, ge=0, lt=1 << 32)
    place: int | None = Field(None, ge=0, lt=PEERS_MAX)
    wait_s: Annotated[float, Field(ge=0.0, le=30 * 24 * 3600)] = 3600.0
    keep_rounds: bool = False


class NodeDataSection(Section):
    """What this node learns from: a table with its schema, or arrays prepared by `gossipfl up`."""

    file: str | None = None
    schema_file: str | None = Field(None, alias="schema")
    test_fraction: Fraction = 0.2
    prepared: str | None = None


class PeerSection(Section):
    """A neighbour, or a `reserve` that may stand in for lost ones, and that lists this node as one too."""

    name: str
    address: str
    key: str
    place: int | None = Field(None, ge=0, lt=PEERS_MAX)
    reserve: bool = False


class NodeFile(Section):
    """The whole file."""

    node: NodeSection
    data: NodeDataSection
    topology: TopologySettings | None = None
    model: ModelSettings = ModelSettings()
    learning: LearningSettings = LearningSettings()
    gossip: GossipSettings = GossipSettings()
    robust: RobustSettings = RobustSettings()
    run: RunSettings = RunSettings()
    peer: Annotated[tuple[PeerSection, ...], Field(max_length=4096)] = ()

    @model_validator(mode="after")
    def _agree(self) -> NodeFile:
        refuse_unheard(self, self.unheard())
        places = [self.node.place, *(peer.place for peer in self.peer)]
        if self.topology is not None and (None in places or len(set(places)) < len(places)):
            raise ValueError("give node.place and the place of each [[peer]], all different, for [topology]")
        if self.topology is None and any(place is not None for place in places):
            raise ValueError("leave out place, or say in [topology] of what graph")
        if any(peer.reserve for peer in self.peer) and self.gossip.exchange is not None:
            raise ValueError("leave out reserve: peers at their own pace turn to another if one is lost")
        peers = self.topology.peers if self.topology else None
        for place in (place for place in places if peers and place is not None and place >= peers):
            raise ValueError(f"place {place} is beyond topology.peers = {peers}: places begin at 0")
        return self

    @model_serializer(mode="wrap")
    def _heard_alone(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(dump(self), self.unheard())

    def unheard(self) -> dict[str, str]:
        """The keys that mean nothing beside the others, and what to do about each."""
        unheard = unheard_training(self.model.kind, self.learning.steps)
        unheard |= unheard_gossip(self.gossip.exchange, self.gossip.trains)
        if self.topology is not None:
            unheard["topology.reserves"] = "mark each of them by reserve = true in its [[peer]]"
            return unheard | unheard_mixing(
                self.topology.kind, self.learning.algorithm, self.learning.compressor
            )
        mixing = unheard_mixing("", self.learning.algorithm, self.learning.compressor)
        return unheard | {name: advice for name, advice in mixing.items() if name.startswith("learning")}


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

    def fit(self, number: int, vector: Array, round: int, drift: Array | None) -> Array:
        """One round of local training, (d,), drift (d,) -> (d,)."""
        draws = Draws(self.file.run.seed, number, round)
        return self.model.fit(vector, self.train, draws, **({} if drift is None else {"drift": drift}))

    def losses(self, vectors: Array) -> Array:
        """What each of `vectors` (m, d) loses on the rows of the node, (m,)."""
        return losses_of(self.model, vectors, self.train)

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
            return standing_in(sorted(set(numbers).difference(reserves)), reserves, draws, rounds)
        placed = {peer.place: number for peer, number in listed}
        known = {other: placed[other] for other in meeting.linked(place)}
        if meeting.schedule is None:
            own = sorted(known.values())
            return standing_in(own, sorted(set(reserves).difference(own)), draws, rounds)
        return meeting.targets(place, known, draws, rounds)

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
        alike = speaks_alike(self.file.gossip, self.algorithm)
        return Watch(peer, targets, authors, Signed(self.manifest()) if alike else None)


def node_path(path: Path) -> Path:
    """The node file that a person means by `path`: itself, or the node.toml in a folder."""
    return path / "node.toml" if path.is_dir() else path


def read_node_file(path: Path) -> NodeFile:
    """The node file at `path`. Raises `SettingsError`."""
    return validate(NodeFile, read_toml(path), str(path))


def roster_of(file: NodeFile, key: bytes) -> Roster:
    """The node of `file`, whose public key is `key`, and its neighbours. Raises `UserError`."""
    neighbours = (
        Neighbour(peer.name, parse_address(peer.address), parse_key(peer.key)) for peer in file.peer
    )
    return Roster(file.node.name, key, tuple(neighbours))


def read_member(path: Path) -> Member:
    """The member that the node file at `path` describes. Raises `UserError`."""
    file = read_node_file(path)
    folder = path.parent
    dataset, train_rows, test_rows = _data(file, folder)
    classes = dataset.classes
    described = file.model.model_copy(update={"options": factory_beside(file.model.options, folder)})
    model = build_model_from(described, file.learning, dataset.features.shape[1], classes)
    features = dataset.features.astype(model.dtype, copy=False)
    meeting = None
    if file.topology is not None:
        peers = file.topology.peers
        if peers is None:
            raise SettingsError("[topology] needs peers, how many nodes the run has.")
        graph = file.topology.file and str(folder / file.topology.file)
        wanted = file.topology.model_copy(update={"file": graph})
        meeting = meeting_of(wanted, file.learning, peers, file.run.seed)
        _refuse_unplaced(file, meeting)
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
