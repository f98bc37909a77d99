"""How a node does, as one value: gathered when somebody asks, from where each count is kept."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from gossipfl.protocol.acquaintance import Presence
from gossipfl.protocol.identity import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gossipfl.cli.journal import Journal
    from gossipfl.node.links import Links
    from gossipfl.protocol.acquaintance import Sight
    from gossipfl.protocol.identity import Roster
    from gossipfl.protocol.messages import PeerId


@dataclass(frozen=True, slots=True)
class Seen:
    """A neighbour: `lag` is by how many rounds its last word is behind us; None before it has begun."""

    name: str
    presence: str
    round: int | None
    lag: int | None
    shut_out: bool


@dataclass(frozen=True, slots=True)
class Vitals:
    """How a node does. `trouble` is empty if it is healthy, and else says what is wrong."""

    name: str
    fingerprint: str
    epoch: int
    round: int
    rounds: int
    trouble: str
    round_s: float | None
    age_s: float
    limit_s: float
    updates: dict[str, int]
    traffic: dict[str, int]
    refused: dict[str, int]
    refusals: list[dict[str, Any]]
    neighbours: list[Seen]
    scores: dict[str, float]
    memory_bytes: int | None
    descriptors: int | None
    tasks: int


def vitals(
    roster: Roster, epoch: int, rounds: int, journal: Journal, links: Links, sights: Mapping[PeerId, Sight]
) -> Vitals:
    """How the node of `roster` does now, in a run of so many `rounds`; asked within its event loop."""
    shut_out, own = links.shut_out, journal.round
    neighbours = []
    for peer in links.neighbours:
        if peer.number not in sights:
            continue  # came just now, or is about to go
        presence, round = sights[peer.number]
        if peer.number in journal.silent and presence is not Presence.GONE:
            presence = Presence.SUSPECTED
        lag = None if round is None else max(0, own - round)
        neighbours.append(Seen(peer.name, presence.value, round, lag, peer.number in shut_out))
    return Vitals(
        name=roster.name,
        fingerprint=fingerprint(roster.key),
        epoch=epoch,
        round=own,
        rounds=rounds,
        trouble=_astray(journal.metrics) or journal.company.trouble or journal.pulse.trouble,
        round_s=journal.pulse.last_s,
        age_s=journal.pulse.age_s,
        limit_s=journal.pulse.limit_s,
        updates=dict(journal.updates),
        traffic=journal.traffic() | asdict(links.heard),
        refused=dict(links.refused + journal.refused),
        refusals=list(journal.refusals),
        neighbours=neighbours,
        scores=dict(journal.metrics),
        memory_bytes=_memory_bytes(),
        descriptors=_descriptors(),
        tasks=trio.lowlevel.current_statistics().tasks_living,
    )


def _astray(metrics: Mapping[str, float]) -> str:
    lost = [name for name, value in metrics.items() if not math.isfinite(value)]
    return f"the model diverged: its {lost[0]} is not a finite number" if lost else ""


def _memory_bytes() -> int | None:
    """What the process holds in memory now; None where the system does not say it cheaply."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _descriptors() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # without the one that reads this
    except OSError:
        return None
