"""What a peer that works in rounds asks of targets that may change while the run goes on.

Rules:
- Whom a peer speaks to and hears changes when it is about to speak, and then stays until it speaks again.
- The answers here are those of targets that never change; `Replanning` and `StandIns` have others.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from gossipfl.errors import LocalProtocolError
from gossipfl.protocol.acquaintance import Acquaintances
from gossipfl.protocol.events import Effect, refused
from gossipfl.protocol.messages import Gone, PeerId, StandIn
from gossipfl.protocol.targets import Targets


class Change(NamedTuple):
    """Who takes part from now on, and who no longer, in growing order; and what is to be done about it."""

    effects: Sequence[Effect] = ()
    came: Sequence[PeerId] = ()
    went: Sequence[PeerId] = ()


_NONE = Change()


class Changing:
    """Answers for one peer.

    `gathers` are those for whom it waits before it begins, and whom it tells when it does; those `near` are
    whose rounds tell it where the others are, all if None.
    """

    def __init__(self, gathers: Sequence[PeerId], near: Container[PeerId] | None = None) -> None:
        self.gathers = gathers
        self.near = near

    def admit(self, peer: PeerId) -> None:
        """`peer` is a neighbour from when we next speak on."""
        raise LocalProtocolError("A schedule has a place for each of its peers, and for nobody else.")

    def expel(self, peer: PeerId) -> None:
        """`peer` is a neighbour no longer: whoever has a schedule misses it, as one whose link is down."""

    def begun(self) -> None:
        """The peer has begun: whoever joins from now on must speak before it counts as being there."""

    def joined(self, peer: PeerId) -> Sequence[Effect]:
        """What to do now that the link to `peer` is there."""
        return ()

    def left(self, peer: PeerId, round: int) -> None:
        """The link to `peer` is down, in our `round`."""

    def spoke(self, peer: PeerId) -> None:
        """`peer` said something."""

    def takes(self, peer: PeerId) -> bool:
        """Whether the updates of `peer` are used now."""
        return True

    def told(self, sender: PeerId, message: Gone | StandIn, round: int) -> list[Effect]:
        """What to do about `message` of `sender`, heard in our `round`."""
        return refused(sender, "unasked")

    def unbidden(self, sender: PeerId, round: int) -> list[Effect]:
        """What to do about an update of `sender` in our `round`, which `takes` says is of no use."""
        return []

    def closed(self, round: int, others: Acquaintances) -> Sequence[Effect]:
        """What to do now that `round` has ended, after which the others are known so well."""
        return ()

    def settle(self, round: int) -> Change:
        """Who takes part from now on, where the peer is about to speak of `round`."""
        return _NONE


def changing(targets: Targets) -> Changing:
    """What `targets` answer, which may change or not."""
    return targets if isinstance(targets, Changing) else Changing(targets.peers)
