"""What a driver tells a peer (events) and what a peer asks of its driver (effects).

Rules:
- A peer does no I/O, reads no clock and keeps no thread: `handle(event, now)` returns a list of effects.
- Training is an effect, so a driver may charge it time, run it in a thread, or batch many at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from gossipfl.learn.contracts import Array
from gossipfl.protocol.messages import Message, PeerId

State = Literal["suspected", "stand-in", "released", "gone", "back"]
"""Of another peer: fallen silent; a neighbour in the place of lost ones, and no longer; out of the plan, and
in it again."""


@dataclass(frozen=True, slots=True)
class Started:
    """The peer may begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The training asked for has ended at `vector` (d,)."""

    vector: Array


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The vectors to be judged have these `losses` (m,) on a batch of the peer's own rows."""

    losses: Array


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """`sender` said this; its signature and its fit to the manifest are already checked."""

    sender: PeerId
    message: Message


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The timer set under this number has run out."""

    timer: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A neighbour can now be spoken to."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Left:
    """A neighbour said goodbye, or its link broke; or it is `proved` hostile, and shut out for good."""

    peer: PeerId
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """The peer that has `key` is a neighbour from now on; its link will be there later."""

    peer: PeerId
    key: bytes


@dataclass(frozen=True, slots=True)
class Expelled:
    """A neighbour is none any more: its link is down for good, and what it said that waits is void."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Suspected:
    """A neighbour is silent, though its link stands: a driver records it, and tells no peer."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Trusted:
    """A neighbour that was suspected is heard again."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Offended:
    """A neighbour broke the rule `why` on its link, which is closed."""

    peer: PeerId
    why: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The driver is closing: say what must be said and finish."""


Event = (
    Started | Trained | Judged | Received | TimerFired | Joined | Left | Offended | Admitted | Expelled | Stop
)


@dataclass(frozen=True, slots=True, eq=False)
class Train:
    """Train from `vector` (d,), led off by `drift` (d,), with the draws of `round`; hand back `Trained`."""

    vector: Array
    round: int
    drift: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Find what `vectors` (m, d) lose on a batch of the peer's own rows in `round`; hand back `Judged`."""

    vectors: Array
    round: int


@dataclass(frozen=True, slots=True)
class Send:
    """Say `message` to `to`. A driver may lose it; a newer `Update` may replace one that still waits."""

    to: PeerId
    message: Message


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Hand back `TimerFired(timer)` in `delay_s` seconds."""

    timer: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the link to `peer`, which broke a rule named by `why`, and neither dial nor accept it for `for_s`
    seconds, which may be infinite."""

    peer: PeerId
    why: str
    for_s: float = 0.0


class Used(NamedTuple):
    """Which update of a neighbour went into a model: the newest of it, where several did."""

    sender: PeerId
    epoch: int
    round: int
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class RoundClosed:
    """A round ended with the model `vector` (d,); where rounds are in step, it is told what was `used`."""

    round: int
    vector: Array
    heard: int
    missing: int
    stale: int
    duration_s: float
    used: tuple[Used, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An update of `sender` was not used; `reason` is the word it is counted under."""

    sender: PeerId
    reason: str


@dataclass(frozen=True, slots=True)
class Regarded:
    """What the peer now takes `peer` for."""

    peer: PeerId
    state: State


@dataclass(frozen=True, slots=True)
class Quarantined:
    """`peer` is shut out for `for_s` seconds, which may be infinite; `why` is the rule that it broke."""

    peer: PeerId
    why: str
    for_s: float


Record = RoundClosed | Refused | Regarded | Quarantined


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be recorded."""

    record: Record


@dataclass(frozen=True, slots=True)
class Finished:
    """All rounds are done, or the peer was stopped: nothing more will be asked."""


Effect = Train | Judge | Send | SetTimer | Drop | Note | Finished


HARMLESS = frozenset({"replay"})
"""Reasons to refuse what a network may do by itself, by saying something twice or late: the link stays."""


def refused(sender: PeerId, reason: str) -> list[Effect]:
    """What to ask for when `sender` broke the rule named by `reason`."""
    noted: list[Effect] = [Note(Refused(sender, reason))]
    return noted if reason in HARMLESS else [*noted, Drop(sender, reason)]


class Peer(Protocol):
    """A state machine that a driver feeds."""

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What to do about `event` at `now` (seconds of the driver's clock, never going back)."""
