"""How a peer begins: for whom it waits before, whom it tells, and how long others may begin after it.

Rules:
- It begins once all neighbours are here, or so much later than the first of them.
- Whoever must wait for others to begin says so, so that nobody near runs ahead while it gathers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gossipfl.errors import LocalProtocolError
from gossipfl.protocol.events import Effect, Send, SetTimer
from gossipfl.protocol.messages import Begun, PeerId

GATHER_S = 30.0
"""How long a peer waits for absent neighbours once the first has joined, unless told. Our guess."""

GATHER_TIMER = 0
"""The number of the timer that ends it; those of rounds and cycles begin at 1."""


class Neighbourhood(Protocol):
    """The others, as far as they are seen."""

    @property
    def all_here(self) -> bool:
        """Whether everybody can be spoken to."""

    @property
    def any_here(self) -> bool:
        """Whether somebody can be spoken to."""

    def here(self) -> Sequence[PeerId]:
        """Who can be spoken to."""


class Gathering:
    """Of one peer, whose `others` have `gather_s` seconds to come once the first of them is here."""

    def __init__(self, others: Neighbourhood, gather_s: float) -> None:
        self.started = self.begun = self.resumed = False
        self._others = others
        self._gather_s = gather_s
        self._began_at = 0.0
        self._late = False

    @property
    def goes_on(self) -> bool:
        """Whether the peer has started, and waits for others."""
        return self.started and not self.begun

    def start(self) -> None:
        """Wait for others. Raises `LocalProtocolError` the second time."""
        if self.started:
            raise LocalProtocolError("A peer is started once.")
        self.started = True

    def resume(self) -> None:
        """Others have begun long ago, as an earlier life of the peer did: they are near, or away."""
        self.resumed = True
        self._gather_s = min(self._gather_s, GATHER_S)

    def wait(self, *, first: bool) -> list[Effect]:
        """Wait for those who are missing, from the `first` of the others on."""
        return [SetTimer(GATHER_TIMER, self._gather_s)] if first and self._others.any_here else []

    def begin(self, now: float, *, late: bool = False) -> None:
        """Wait no more; `late`, the run is under way, in which nobody waits for others to begin."""
        self.begun = True
        self._began_at = now
        self._late = late

    def announce(self, round: int) -> list[Effect]:
        """Tell all who are here that the peer is in `round`."""
        begun = Begun(round)
        return [Send(peer, begun) for peer in self._others.here()]

    def left_s(self, now: float) -> float:
        """How long others may still gather, in seconds, as far as a peer that has begun can tell."""
        return self._began_at + self._gather_s - now

    def awaits_idle(self, now: float) -> bool:
        """Whether those who wait for others to begin are waited for."""
        return not self._late and self.left_s(now) > 0
