"""What peers say to one another, once it is decoded."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from gossipfl.learn.contracts import Payload

PeerId = int
"""A peer's number: its place in a simulation, or the first four bytes of its public key."""


class Statement(NamedTuple):
    """That `author` said something of a round in one of its lives, and what makes that certain."""

    author: bytes  # its public key; in a simulation, where nobody has one, its number in four bytes
    epoch: int
    round: int
    said: bytes  # a digest of 16 bytes: of author, epoch, round, samples and body
    evidence: bytes  # what it signed, and its signature


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """One peer's parameters at the end of its local training of `round` (1 is the first)."""

    round: int
    epoch: int  # of the sender's boot: grows with each restart
    sequence: int  # grows with each update, and by one on links that keep accounts or codes
    samples: int  # the sender's claim, which its neighbours bound
    degree: int
    payload: Payload
    whole: bool = False  # it stands alone: nothing said before is needed to understand it
    asks: bool = False  # the sender wants to hear the receiver's update at once
    statement: Statement | None = field(default=None, init=False)  # that it makes, once that is worked out

    def states(self, statement: Statement) -> Statement:
        """Keep the `statement` that the update makes; a copy that says something else does not have it."""
        object.__setattr__(self, "statement", statement)
        return statement


@dataclass(frozen=True, slots=True)
class Begun:
    """The sender has begun and is in `round`. Said on each new link, so that nobody is taken for slow who is
    only waiting for others, and so that a newcomer knows that the run is under way. Said again while the
    sender must wait for others to begin."""

    round: int


@dataclass(frozen=True, slots=True)
class Missed:
    """The sender cannot follow for want of earlier updates: the next that it is told must be whole."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The sender wants to hear the receiver's update at once."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Whom the sender misses, all of them, since the rounds in which it first said so: it takes the place of
    what it said before."""

    since: tuple[tuple[PeerId, int], ...]  # peer and round, in growing order of peers


class Word(enum.IntEnum):
    """What is said of standing in for lost neighbours."""

    ASKS = 1  # will you be my neighbour for a while?
    AGREES = 2
    DECLINES = 3
    ENDS = 4  # we are neighbours no longer


@dataclass(frozen=True, slots=True)
class StandIn:
    """The sender, which is in `round`, would have the receiver for a neighbour, or answers that."""

    word: Word
    round: int


@dataclass(frozen=True, slots=True)
class Witness:
    """What the sender heard others say lately: claims of 24 bytes each, see `notary.claim_of`."""

    claims: bytes


@dataclass(frozen=True, slots=True)
class Doubt:
    """The sender heard otherwise than the receiver claimed by `claim`, and wants to see the statement."""

    claim: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """The statement that was doubted."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class Proof:
    """Two statements by which their author contradicts itself."""

    one: Statement
    other: Statement


Evidence = Witness | Doubt | Shown | Proof
"""What peers say of other peers; see `watch`."""


@dataclass(frozen=True, slots=True)
class ListHead:
    """Which list of members the sender holds, 0 for none. Said on each new link, and once it is another."""

    serial: int
    digest: bytes  # of 32 bytes: of the change that made it


@dataclass(frozen=True, slots=True)
class ListChange:
    """A change of the list of members, with signatures: it holds, or is proposed. See `membership`."""

    words: bytes


@dataclass(frozen=True, slots=True)
class ListMove:
    """A member is somewhere else than the list says, and signed that. See `moves`."""

    words: bytes


Membership = ListHead | ListChange | ListMove
"""What peers say of who belongs to them; see `council`."""

Message = Update | Begun | Missed | Ask | Gone | StandIn | Evidence | Membership


@dataclass(slots=True)
class Traffic:
    """What was said so far; a message is lost if a link dropped it or nobody was there to hear it.

    Those duplicated were said again, and count as sent; those corrupted arrived broken, and count as lost.
    """

    messages_sent: int = 0
    messages_lost: int = 0
    bytes_sent: int = 0
    messages_duplicated: int = 0
    messages_corrupted: int = 0
