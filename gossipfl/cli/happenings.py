"""What is done to the processes of `gossipfl up`, and when: as they reach rounds, and as time goes by.

Rules:
- Nothing is done here, and no clock is read: whoever watches the processes asks what is due, and does it.
- Each thing happens once; what belongs to a round that was passed unseen happens late rather than never.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gossipfl.protocol.messages import PeerId


@dataclass(frozen=True, slots=True)
class Kill:
    """End `peer` at once."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Leave:
    """Have `peer` say goodbye."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Pause:
    """Have `peer` stand still for so many `seconds`."""

    peer: PeerId
    seconds: float


@dataclass(frozen=True, slots=True)
class GoOn:
    """Have `peer` go on."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Start:
    """Start `peer` again, once it has ended."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Cut:
    """Let nothing pass from the first to the second of each of the `pairs`, in the partition `number`."""

    number: int
    pairs: frozenset[tuple[PeerId, PeerId]]


@dataclass(frozen=True, slots=True)
class Heal:
    """End the partition of this `number`."""

    number: int


Deed = Kill | Leave | Pause | GoOn | Start | Cut | Heal


@dataclass(frozen=True, slots=True)
class AtRound:
    """When `peer`, or anybody if that is None, reaches `round`."""

    round: int
    deed: Deed
    peer: PeerId | None = None


@dataclass(frozen=True, slots=True)
class AtTime:
    """When so many `seconds` of the run have passed."""

    seconds: float
    deed: Deed


class Happenings:
    """Everything that is to happen in one run."""

    def __init__(self, expected: Iterable[AtRound | AtTime] = ()) -> None:
        expected = list(expected)
        self._at_rounds = sorted((e for e in expected if isinstance(e, AtRound)), key=lambda e: e.round)
        self._at_times = sorted((e for e in expected if isinstance(e, AtTime)), key=lambda e: e.seconds)

    def reached(self, peer: PeerId, round: int) -> list[Deed]:
        """What is due now that `peer` has reached `round`, in the order of the rounds that it was for."""
        due = [e for e in self._at_rounds if e.round <= round and e.peer in (None, peer)]
        if due:
            self._at_rounds = [e for e in self._at_rounds if e not in due]
        return [e.deed for e in due]

    def passed(self, seconds: float) -> list[Deed]:
        """What is due now that so many seconds of the run have passed."""
        due = [e for e in self._at_times if e.seconds <= seconds]
        del self._at_times[: len(due)]
        return [e.deed for e in due]

    def later(self, seconds: float, deed: Deed) -> None:
        """Have `deed` come due when so many seconds of the run have passed."""
        self._at_times = sorted([*self._at_times, AtTime(seconds, deed)], key=lambda e: e.seconds)

    def will_start(self, peer: PeerId) -> bool:
        """Whether `peer` is to be started again one day."""
        deeds = [*(e.deed for e in self._at_rounds), *(e.deed for e in self._at_times)]
        return Start(peer) in deeds
