"""Whom a peer speaks to, and whom it waits for: two questions, answered apart for each round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gossipfl.protocol.messages import PeerId


class Targets(Protocol):
    """Answers for one peer, all in growing order."""

    @property
    def peers(self) -> tuple[PeerId, ...]:
        """Everybody who may be spoken to or heard in any round; all others are strangers."""

    def speaks_to(self, round: int) -> tuple[PeerId, ...]:
        """Whom to tell what was learnt in `round`."""

    def waits_for(self, round: int) -> tuple[PeerId, ...]:
        """Who is expected to be heard in `round`."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The same neighbours in every round, both ways."""

    peers: tuple[PeerId, ...]

    def speaks_to(self, round: int) -> tuple[PeerId, ...]:
        """All of them."""
        return self.peers

    def waits_for(self, round: int) -> tuple[PeerId, ...]:
        """All of them."""
        return self.peers
