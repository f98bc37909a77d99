"""What an experiment's faults come to where every peer is a process; what cannot be honoured is refused.

Rules:
- A key of [network] that is at its default says nothing here: messages and training take what they take.
- What TCP hides from those who use it cannot befall them: nothing is doubled, overtaken or lost for good.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gossipfl.cli.road import Weather
from gossipfl.cli.shuttle import Pair
from gossipfl.cli.slowness import Phase, environment
from gossipfl.errors import SettingsError
from gossipfl.experiment.adversity import NetworkSettings
from gossipfl.experiment.planning import rules_of
from gossipfl.protocol.messages import Begun, PeerId
from gossipfl.simulator.faults import Deliver
from gossipfl.simulator.faults.cuts import cut_links
from gossipfl.simulator.faults.plans import (
    Absence,
    Churn,
    Fault,
    Leave,
    Partition,
    Pause,
    Sessions,
    Skew,
    Slow,
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


def refuse_impossible(faults: Sequence[Fault], network: NetworkSettings) -> None:
    """Raise `SettingsError` for what no process can be made to suffer here."""
    usual = NetworkSettings()
    for key, why in _HIDDEN.items():
        if getattr(network, key) != getattr(usual, key):
            raise SettingsError(f"network.{key} is for `gossipfl simulate`: {why}, so leave it out.")
    for peer, factor in network.slow.items():
        if factor < 1.0:
            raise SettingsError(
                f"network.slow says {factor} of peer {peer}: no process is quicker than it is."
            )
    for fault in faults:
        if isinstance(fault, Skew):
            raise SettingsError(
                "faults.clock_skew_s is for `gossipfl simulate`: all processes share one clock."
            )
        off = isinstance(fault, Churn | Sessions | Absence) and not fault.forgets
        if off and not hasattr(signal, "SIGSTOP"):
            raise SettingsError("faults.churn needs a system that can stop a process: simulate it instead.")
        if isinstance(fault, Pause) and not hasattr(signal, "SIGSTOP"):
            raise SettingsError("faults.pause needs a system that can stop a process: simulate it instead.")
        if isinstance(fault, Leave | Churn | Sessions | Absence) and os.name == "nt":
            raise SettingsError("Windows cannot ask a process to leave: take faults.kill, or simulate it.")


_HIDDEN = {
    "duplicate": "TCP delivers everything once",
    "reorder": "TCP delivers everything in order",
}


def told(peer: PeerId, faults: Sequence[Fault], network: NetworkSettings) -> dict[str, str]:
    """How slow `peer` is told to be."""
    always = [Phase(network.slow[peer])] if network.slow.get(peer, 1.0) > 1.0 else []
    phases = [
        Phase(fault.times, fault.first, fault.last)
        for fault in faults
        if isinstance(fault, Slow) and fault.peer == peer
    ]
    training_s = network.training_s if network.training_s != NetworkSettings().training_s else 0.0
    return environment([*always, *phases], training_s)


def foresee(federation: Federation) -> Foreseen:
    """What the experiment says. Raises `SettingsError`."""
    from gossipfl.engines import check_moments

    network, seed = federation.experiment.network, federation.experiment.run.seed
    faults = check_moments(federation)
    refuse_impossible(faults, network)
    weather = Weather(
        _latency_s(network, federation.peers, seed),
        loss=network.loss,
        corrupt=network.corrupt,
        bandwidth_mbps=network.bandwidth_mbps,
        seed=seed,
    )
    environments = {peer: told(peer, faults, network) for peer in range(federation.peers)}
    return Foreseen(faults, weather, environments)


def _latency_s(network: NetworkSettings, peers: int, seed: int) -> Callable[[PeerId, PeerId], float] | None:
    """What each piece takes on its way, by the rules of the simulator; None if nothing is said of it."""
    said = network.model_dump(include={"latency_s", "jitter_s", "latency_sigma", "latency_file"})
    alone = NetworkSettings(**said)
    if alone == NetworkSettings():
        return None
    rules = rules_of(alone, peers, seed)

    def latency_s(sender: PeerId, to: PeerId) -> float:
        verdicts = (rule(sender, to, Begun(1), 0.0) for rule in rules)
        return sum(verdict.delay_s for verdict in verdicts if isinstance(verdict, Deliver))

    return latency_s
