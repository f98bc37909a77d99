"""What an experiment's faults come to where every peer is a process; what cannot be honoured is refused.

Rules:
- A key of [network] that is at its default says nothing here: messages and training take what they take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gossipfl.cli.happenings import AtRound, AtTime, Cut, Kill, Start
from gossipfl.cli.road import Weather
from gossipfl.cli.shuttle import Pair
from gossipfl.errors import SettingsError
from gossipfl.experiment.settings import NetworkSettings, moments
from gossipfl.protocol.messages import PeerId

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is to happen to the processes of a run, to the links between them, and how slow they are."""

    expected: tuple[AtRound | AtTime, ...] = ()
    weather: Weather = field(default_factory=Weather)
    environments: Mapping[PeerId, Mapping[str, str]] = field(default_factory=dict)

    def carried(self, federation: Federation) -> set[Pair]:
        """The pairs (dialler, dialled) whose connections something is to happen to."""
        peers = range(federation.peers)
        linked = {(peer, other) for peer in peers for other in federation.topology.neighbours(peer)}
        if not self.weather.fair:
            return linked
        cut = {pair for e in self.expected if isinstance(e.deed, Cut) for pair in e.deed.pairs}
        return {pair for pair in linked if pair in cut or pair[::-1] in cut}


def foresee(federation: Federation) -> Foreseen:
    """What the experiment says. Raises `SettingsError`."""
    faults = federation.experiment.faults
    if federation.experiment.network != NetworkSettings():
        raise SettingsError(
            "[network] is for `gossipfl simulate`: here messages and training take the time that they take, "
            "so leave the section out."
        )
    expected = [
        *(AtRound(round, Kill(peer), peer) for peer, round in moments(faults.kill).items()),
        *(AtRound(round, Start(peer)) for peer, round in moments(faults.restart).items()),
    ]
    return Foreseen(tuple(expected))
