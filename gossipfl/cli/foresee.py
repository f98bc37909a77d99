"""What an experiment's faults come to where every peer is a process; what cannot be honoured is refused.

Rules:
- A key of [network] that is at its default says nothing here: messages and training take what they take.
- What TCP hides from those who use it cannot befall them: nothing is doubled, overtaken or lost for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gossipfl.cli.road import Weather
from gossipfl.cli.shuttle import Pair
from gossipfl.errors import SettingsError
from gossipfl.experiment.adversity import NetworkSettings
from gossipfl.experiment.planning import plans_of
from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.cuts import cut_links
from gossipfl.simulator.faults.plans import (
    Fault,
    Partition,
)

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation

LANES_MAX = 4_000
"""Each has a port of its own on the loopback."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is to happen to the processes of a run, to the links between them, and how slow they are."""

    faults: tuple[Fault, ...] = ()
    weather: Weather = field(default_factory=Weather)
    environments: Mapping[PeerId, Mapping[str, str]] = field(default_factory=dict)

    def carried(self, neighbours: Sequence[Sequence[PeerId]], seed: int) -> set[Pair]:
        """The pairs (dialler, dialled) whose connections are to suffer. Raises `SettingsError`."""
        linked = {(peer, other) for peer, others in enumerate(neighbours) for other in others}
        cuts = [cut_links(fault, neighbours, seed) for fault in self.faults if isinstance(fault, Partition)]
        cut = frozenset[Pair]().union(*cuts)
        carried = {pair for pair in linked if not self.weather.fair or pair in cut or pair[::-1] in cut}
        if len(carried) > LANES_MAX:
            raise SettingsError(
                f"{len(carried) // 2} links are too many to disturb on one machine: take fewer peers or "
                "neighbours, or `gossipfl simulate`."
            )
        return carried


def foresee(federation: Federation) -> Foreseen:
    """What the experiment says. Raises `SettingsError`."""
    experiment = federation.experiment
    faults = experiment.faults
    if experiment.network != NetworkSettings():
        raise SettingsError(
            "[network] is for `gossipfl simulate`: here messages and training take the time that they take, "
            "so leave the section out."
        )
    for key in ("leave", "pause", "slow", "drop_out", "partition", "churn", "clock_skew_s"):
        if key in faults.model_fields_set:
            raise SettingsError(f"faults.{key} is for `gossipfl simulate`: leave it out here.")
    return Foreseen(plans_of(faults))
