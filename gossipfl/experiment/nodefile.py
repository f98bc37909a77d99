"""A node's own file: who it is, whom it knows, its data, and the terms that all nodes of the run share."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from gossipfl.errors import SettingsError, UserError
from gossipfl.experiment.files import read_toml, validate
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
from gossipfl.protocol.identity import Address, Neighbour, Roster, is_anywhere, parse_address, parse_key

_ANYWHERE = "anywhere"
"""What a node listens on that stands for no one place."""


class NodeSection(Section):
    """This node. `number` stands for it in random draws; its key gives one if it is left out. `place` is
    where it stands in the [topology] of the run, if that is said. `address` is where the others reach it, if
    that is not where it listens.

    It begins without those who are not there `wait_s` after the first of its peers is. Where `metrics` names
    an address of this machine, its operator can look in there.
    """

    name: str
    key: str = "node.key"
    listen: str
    address: str | None = None
    state: str = "state"
    number: int | None = Field(None, ge=0, lt=1 << 32)
    place: int | None = Field(None, ge=0, lt=PEERS_MAX)
    wait_s: Annotated[float, Field(ge=0.0, le=30 * 24 * 3600)] = 3600.0
    keep_rounds: bool = False
    metrics: str | None = None

    @field_validator("address")
    @classmethod
    def _is_one_place(cls, address: str | None) -> str | None:
        if address is not None and _reach(_parsed(address)) == _ANYWHERE:
            raise ValueError(f"take an address at which others reach this node instead of {address}")
        return address

    @field_validator("metrics")
    @classmethod
    def _on_this_machine(cls, metrics: str | None) -> str | None:
        if metrics is not None:
            address = _parsed(metrics)
            if not _is_loopback(address.host) or not address.port:
                raise ValueError(
                    f"take an address of the loopback with a port, such as 127.0.0.1:9464, instead of "
                    f"{metrics}, for whoever reaches it may look in"
                )
        return metrics


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


def whereabouts(node: NodeSection, listed: Address | None = None) -> Address:
    """Where the others reach `node`, which the list of members, if one holds, has at `listed`.

    Without an `address` that is where it listens, or where it is listed if that can be nowhere near: a node
    behind a gateway cannot know what stands before it, nor what a name stands for. Raises `SettingsError` if
    nobody can know.
    """
    own = parse_address(node.address or node.listen)
    anywhere = _reach(own) == _ANYWHERE
    if node.address is None and listed is not None and (anywhere or _reach(own) != _reach(listed)):
        return listed
    if anywhere:
        raise SettingsError(f"Say in node.address where others reach this node: it listens on {own}.")
    return own


def _reach(address: Address) -> str:
    """From where one reaches `address`, or by which name."""
    if address.port == 0 or is_anywhere(address):
        return _ANYWHERE
    if _is_loopback(address.host):
        return "this machine"
    try:
        host = ipaddress.ip_address(address.host)
    except ValueError:
        return address.host
    return "the world" if host.is_global else "a network"


def _parsed(text: str) -> Address:
    try:
        return parse_address(text)
    except UserError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def node_path(path: Path) -> Path:
    """The node file that a person means by `path`: itself, or the node.toml in a folder.

    Raises `SettingsError` if there is none.
    """
    file = path / "node.toml" if path.is_dir() else path
    if not file.exists():
        raise SettingsError(f'There is no node at "{path}": name its folder, or the node.toml in it.')
    return file


def read_node_file(path: Path) -> NodeFile:
    """The node file at `path`. Raises `SettingsError`."""
    return validate(NodeFile, read_toml(path), str(path))


def roster_of(file: NodeFile, key: bytes) -> Roster:
    """The node of `file`, whose public key is `key`, and its neighbours. Raises `UserError`."""
    neighbours = (
        Neighbour(peer.name, parse_address(peer.address), parse_key(peer.key)) for peer in file.peer
    )
    return Roster(file.node.name, key, tuple(neighbours))
