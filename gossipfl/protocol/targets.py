"""Whom a peer speaks to, whom it waits for, and what each counts: questions answered apart for each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from gossipfl.protocol.messages import PeerId

if TYPE_CHECKING:
    from gossipfl.topology.schedule import Schedule


class Targets(Protocol):
    """Answers for one peer, all in growing order."""

    @property
    def peers(self) -> Sequence[PeerId]:
        """Everybody who may be spoken to or heard in any round; all others are strangers."""

    def speaks_to(self, round: int) -> Sequence[PeerId]:
        """Whom to tell what was learnt in `round`."""

    def waits_for(self, round: int) -> Sequence[PeerId]:
        """Who is expected to be heard in `round`."""

    def weights(self, round: int) -> Mapping[PeerId, float] | None:
        """What each of them counts in `round`; None if that follows from what they claim."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The same neighbours in every round, both ways; a range of all peers is a network to draw from."""

    peers: Sequence[PeerId]

    def speaks_to(self, round: int) -> Sequence[PeerId]:
        """All of them."""
        return self.peers

    def waits_for(self, round: int) -> Sequence[PeerId]:
        """All of them."""
        return self.peers

    def weights(self, round: int) -> None:
        """By what they claim."""


@dataclass(frozen=True)
class Scheduled:
    """What a schedule says of the peer at `place`; `numbers` are those of all places that it ever meets."""

    schedule: Schedule
    place: int
    numbers: Mapping[int, PeerId]

    @cached_property
    def peers(self) -> tuple[PeerId, ...]:
        """Everybody that it ever meets."""
        return tuple(sorted(self.numbers.values()))

    def speaks_to(self, round: int) -> tuple[PeerId, ...]:
        """Whom the schedule names."""
        return self._numbered(self.schedule.speaks_to(self.place, round))

    def waits_for(self, round: int) -> tuple[PeerId, ...]:
        """Whom the schedule names."""
        return self._numbered(self.schedule.waits_for(self.place, round))

    def weights(self, round: int) -> Mapping[PeerId, float]:
        """The row of the round's mixing matrix."""
        return {
            self.numbers[other]: self.schedule.weight(self.place, other, round)
            for other in self.schedule.waits_for(self.place, round)
        }

    def _numbered(self, places: tuple[int, ...]) -> tuple[PeerId, ...]:
        return tuple(sorted(self.numbers[place] for place in places))
