"""What may befall peers and the network in the course of a run: plain values, each said once.

Rules:
- A round is reached by a peer that has closed the one before it, and by the run with the first who does.
- Peers of one `DropOut` and of `Churn` are drawn by the seed: the network and a crowd lose the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gossipfl.protocol.messages import PeerId

CutKind = Literal["halves", "random", "isolate", "bridge", "majorities-ring", "one-way"]


@dataclass(frozen=True, slots=True)
class Kill:
    """`peer` dies without a word when it reaches `round`; in round 1 it is not there at the start."""

    peer: PeerId
    round: int


@dataclass(frozen=True, slots=True)
class Leave:
    """`peer` says goodbye when it reaches `round`."""

    peer: PeerId
    round: int


@dataclass(frozen=True, slots=True)
class Back:
    """`peer`, killed or gone before, starts anew when another reaches `round`."""

    peer: PeerId
    round: int


@dataclass(frozen=True, slots=True)
class Pause:
    """`peer` stands still for `lasts_s` seconds from when it reaches `round`, and then goes on."""

    peer: PeerId
    round: int
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Slow:
    """`peer` takes `times` as long to train in rounds `first` to `last`."""

    peer: PeerId
    first: int
    last: int
    times: float


@dataclass(frozen=True, slots=True)
class DropOut:
    """A `share` of all peers, drawn at random, dies at once when the run reaches `round`."""

    share: float
    round: int


@dataclass(frozen=True, slots=True)
class Partition:
    """A cut through the network from `first` to `last`: rounds that the run reaches or, `by_time`, seconds.

    What it cuts off: one half ("halves", "one-way": the first cannot be heard by the second, "bridge": but
    for `peer`), a `share` drawn at random ("random"), `peer` ("isolate"), from each peer those that are not
    near it in a ring ("majorities-ring").
    """

    kind: CutKind
    first: float
    last: float
    peer: PeerId | None = None
    share: float = 0.5
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class Churn:
    """In each round each peer is off, or back, with these probabilities.

    As a machine that is switched off and on again it keeps what it has; where it `forgets`, it begins anew.
    """

    leave: float
    back: float
    forgets: bool = False


@dataclass(frozen=True, slots=True)
class Sessions:
    """Peers are there for `session_s` and off for `absence_s` seconds in the mean, both exponential."""

    session_s: float
    absence_s: float
    forgets: bool = False


@dataclass(frozen=True, slots=True)
class Absence:
    """`peer` is off from one moment on and, unless that is None, back at another."""

    peer: PeerId
    leaves_s: float
    returns_s: float | None = None
    forgets: bool = False


@dataclass(frozen=True, slots=True)
class Skew:
    """The clock of `peer` is `ahead_s` seconds ahead, and gains `drift` seconds each second."""

    peer: PeerId
    ahead_s: float
    drift: float = 0.0


Fault = Kill | Leave | Back | Pause | Slow | DropOut | Partition | Churn | Sessions | Absence | Skew


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who is killed when it reaches a round, who is back when another does, and whatever else befalls."""

    kills: Mapping[PeerId, int] = field(default_factory=dict)
    restarts: Mapping[PeerId, int] = field(default_factory=dict)
    more: tuple[Fault, ...] = ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All of it."""
        kills = (Kill(peer, round) for peer, round in self.kills.items())
        restarts = (Back(peer, round) for peer, round in self.restarts.items())
        return (*kills, *restarts, *self.more)
