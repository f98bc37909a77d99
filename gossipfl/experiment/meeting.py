"""Who meets whom: the graph or the schedule that settings describe, and what an algorithm needs of it.

Rules:
- A combination that cannot work is refused with the reason and the nearest thing that works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.experiment.settings import LearningSettings, TopologySettings
from gossipfl.learn.contracts import Accounting, Algorithm
from gossipfl.learn.registry import ALGORITHMS
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.replanning import REPLANNED_PEERS_MAX, Replanning
from gossipfl.protocol.stand_ins import StandIns
from gossipfl.protocol.targets import Neighbours, Scheduled, Targets
from gossipfl.topology import (
    SCHEDULES,
    Schedule,
    Topology,
    best_constant,
    build_schedule,
    build_topology,
    fastest_mixing,
    mixing_matrix,
    read_topology,
)

REPLANNED_BY_DEFAULT_MAX = 64
"""Schedules of so many peers are planned anew unless told otherwise; more links cost too much. Our guess."""

EXACT_EIGENVALUE_PEERS_MAX = 2_000
"""Of larger graphs the least eigenvalue is bounded by their diagonals, not searched."""

_CHOSEN_WEIGHTS = {"best-constant": best_constant, "fastest": fastest_mixing}


@dataclass(frozen=True, slots=True)
class Meeting:
    """All who ever meet, as a graph; and a schedule, where the mixing weights do not follow from claims."""

    topology: Topology
    schedule: Schedule | None = None
    replans: bool = False
    """Whether the schedule is planned anew without those who are lost, so that anybody may meet anybody."""
    reserves: tuple[tuple[int, ...], ...] = ()
    """Of each peer, in growing order: who may stand in for lost neighbours; empty if nobody has any."""

    def linked(self, peer: int) -> tuple[int, ...]:
        """To whom `peer` needs a link, in growing order."""
        if self.replans:
            return tuple(other for other in range(self.topology.peers) if other != peer)
        neighbours = self.topology.neighbours(peer)
        return tuple(sorted((*neighbours, *self.reserves[peer]))) if self.reserves else tuple(neighbours)

    def targets(self, place: int, numbers: Mapping[int, PeerId], draws: Draws, rounds: int) -> Targets:
        """Whom the peer at `place` speaks to and waits for; `numbers` are those of all it is linked to."""
        if self.schedule is not None and self.replans:
            return Replanning(self.schedule, place, numbers, rounds)
        if self.schedule is not None:
            return Scheduled(self.schedule, place, numbers)
        reserves = self.reserves[place] if self.reserves else ()
        own = sorted(number for other, number in numbers.items() if other not in reserves)
        return standing_in(own, [numbers[other] for other in reserves], draws, rounds)


def standing_in(own: Sequence[PeerId], reserves: Sequence[PeerId], draws: Draws, rounds: int) -> Targets:
    """Targets of a peer with these neighbours and reserves."""
    if not reserves:
        return Neighbours(tuple(own))
    return StandIns(tuple(own), tuple(reserves), draws, rounds)


def meeting_of(
    wanted: TopologySettings,
    learning: LearningSettings,
    peers: int,
    seed: int,
    *,
    names: tuple[str, ...] | None = None,
    topology: Topology | None = None,
    linked: bool = True,
) -> Meeting:
    """What `wanted` describes for so many peers, or what `topology` is, which takes its place.

    Peers that are not `linked`, as those of a crowd, need not know whom they may meet one day.
    """
    if topology is None and wanted.kind in SCHEDULES and wanted.file is None:
        schedule = build_schedule(
            wanted.kind, peers, seed=seed, degree=wanted.degree, allow_asymptotic=wanted.allow_asymptotic
        )
        schedule = replace(schedule, names=names) if names else schedule
        if learning.weights in _CHOSEN_WEIGHTS:
            raise SettingsError(
                f"The schedule {schedule.name} says what each peer counts: set learning.weights to "
                '"samples" or "uniform", or leave it out.'
            )
        replans = _replans(wanted.replan, schedule)
        if linked or schedule.period is not None:
            return Meeting(schedule.union(), schedule, replans)
        nobody = np.empty((0, 2), np.int64)
        return Meeting(Topology(schedule.name, peers, nobody, schedule.names), schedule, replans)
    topology = topology or _topology(wanted, peers, seed, names)
    weigh = _CHOSEN_WEIGHTS.get(learning.weights)
    if weigh and wanted.reserves:
        raise SettingsError(
            f'The weights "{learning.weights}" are for one graph, which stand-ins change: set '
            'learning.weights to "samples" or "uniform", or leave out topology.reserves.'
        )
    weighed = Schedule.of(topology, weigh(topology)) if weigh else None
    return Meeting(topology, weighed, reserves=drawn_reserves(topology, wanted.reserves, seed))


def _replans(asked: bool | None, schedule: Schedule) -> bool:
    """Whether `schedule` is planned anew: as `asked`, or where it agrees exactly and links cost little."""
    if asked is None:
        return schedule.finite_time and schedule.peers <= REPLANNED_BY_DEFAULT_MAX
    if asked and schedule.peers > REPLANNED_PEERS_MAX:
        raise SettingsError(
            f"A schedule that is planned anew links each peer to each, and {schedule.peers} are too many: "
            f"leave out topology.replan, or take at most {REPLANNED_PEERS_MAX} peers."
        )
    return asked


def drawn_reserves(topology: Topology, count: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """For each peer `count` others drawn at random, who are not its neighbours, and those who drew it."""
    if not count:
        return ()
    known: list[set[int]] = [set() for _ in range(topology.peers)]
    for peer in range(topology.peers):
        order = Draws(seed, peer).permutation("reserve", topology.peers)
        near = {peer, *topology.neighbours(peer)}
        for other in [other for other in order.tolist() if other not in near][:count]:
            known[peer].add(other)
            known[other].add(peer)
    return tuple(tuple(sorted(others)) for others in known)


def _topology(wanted: TopologySettings, peers: int, seed: int, names: tuple[str, ...] | None) -> Topology:
    if wanted.file is not None:
        return read_topology(Path(wanted.file), allow_disconnected=wanted.allow_disconnected)
    built = build_topology(
        wanted.kind,
        peers,
        seed=seed,
        degree=wanted.degree,
        probability=wanted.probability,
        rows=wanted.rows,
        radius=wanted.radius,
        rewiring=wanted.rewiring,
        branching=wanted.branching,
        allow_disconnected=wanted.allow_disconnected,
    )
    return replace(built, names=names) if names else built


def refuse_misfits(learning: LearningSettings, algorithm: Algorithm[Any], meeting: Meeting) -> None:
    """Raise `SettingsError` if the `algorithm` that is named cannot work where peers meet so."""
    name = learning.algorithm
    needs, topology, schedule = ALGORITHMS[name].needs, meeting.topology, meeting.schedule
    weighs_itself = isinstance(algorithm, Accounting) and not ALGORITHMS[name].takes("aggregator")
    if weighs_itself and learning.weights in _CHOSEN_WEIGHTS:
        raise SettingsError(
            f'The algorithm "{name}" weighs neighbours by what they say: leave out learning.weights, or take '
            'the algorithm "gradient-tracking" or "dpsgd".'
        )
    if "tree" in needs and (schedule or len(topology.edges) != topology.peers - 1 or not topology.connected):
        raise SettingsError(
            f'The algorithm "{name}" relays along a tree, and {topology.name} is none: take topology.kind = '
            '"path", "star" or "tree", or the algorithm "exact-diffusion", which takes any connected graph.'
        )
    if schedule is None:
        return _refuse_oscillation(name, algorithm, meeting)
    if "static" in needs and schedule.period != 1:
        raise SettingsError(
            f'The algorithm "{name}" needs the same graph in every round, and {schedule.name} changes: take '
            f"{_any_round(name)}."
        )
    if "symmetric" in needs and not schedule.symmetric:
        raise SettingsError(
            f'The algorithm "{name}" needs peers that weigh each other alike, and those of {schedule.name} '
            'do not: take the algorithm "gradient-tracking" or "push-sum", or an undirected graph.'
        )
    return _refuse_oscillation(name, algorithm, meeting)


def _any_round(name: str) -> str:
    """What serves on a changing graph in the place of the algorithm called `name`."""
    if ALGORITHMS[name].takes("compressor"):
        others = [other for other, method in ALGORITHMS.items() if method.takes("compressor")]
        fit = [f'"{other}"' for other in others if "static" not in ALGORITHMS[other].needs]
        return f"the algorithm {' or '.join(fit)}, or one graph for all rounds"
    return 'the algorithm "gradient-tracking", or one graph for all rounds'


def _refuse_oscillation(name: str, algorithm: Algorithm[Any], meeting: Meeting) -> None:
    """Raise `SettingsError` for D^2 without its lazy step where an eigenvalue is -1/3 or below."""
    if getattr(algorithm, "lazy", True):
        return
    matrix = meeting.schedule.mixing(1) if meeting.schedule else mixing_matrix(meeting.topology)
    least = 2.0 * float(matrix.diagonal().min()) - 1.0  # Gershgorin
    if least <= -1 / 3 and matrix.shape[0] <= EXACT_EIGENVALUE_PEERS_MAX:
        least = float(np.linalg.eigvalsh(matrix.toarray())[0])
    if least <= -1 / 3:
        raise SettingsError(
            f'The algorithm "{name}" diverges on {meeting.topology.name} without its lazy step: the least '
            f"eigenvalue of the weights is {least:.3f}, and it must be above -1/3: leave out lazy = false."
        )
