"""The digest of all that happened, in its order: two runs with the same one were the same."""

from __future__ import annotations

import struct
from hashlib import blake2b
from zlib import crc32

import numpy as np

from gossipfl.protocol.events import Event, Joined, Judged, Left, Received, TimerFired, Trained
from gossipfl.protocol.messages import (
    Begun,
    Doubt,
    Evidence,
    Message,
    Missed,
    PeerId,
    Proof,
    Shown,
    Update,
    Witness,
)

_EVENT = struct.Struct("<dqqqqq")
_MASK = 0xFFFFFFFF

Facts = tuple[int, int, int, int]


class Trace:
    """The digest of the events so far."""

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=16)
        self._last: Event | None = None  # what is said to many comes to one after another
        self._facts: Facts = 0, 0, 0, 0

    @property
    def hash(self) -> str:
        """The digest in hex."""
        return self._digest.hexdigest()

    def add(self, now: float, number: PeerId, event: Event) -> None:
        """`event` came to peer `number`."""
        if event is not self._last:
            self._last, self._facts = event, _facts(event)
        self._digest.update(_EVENT.pack(now, number, *self._facts))
        if isinstance(event, Trained):
            self._digest.update(np.ascontiguousarray(event.vector).data)
        elif isinstance(event, Judged):
            self._digest.update(np.ascontiguousarray(event.losses).data)


def _facts(event: Event) -> Facts:
    """What tells `event` from others, but for the vector that a training came to."""
    if isinstance(event, Received):
        return _said(event.sender, event.message)
    if isinstance(event, Joined | Left):
        return 4 if isinstance(event, Joined) else 5, event.peer, 0, 0
    if isinstance(event, TimerFired):
        return 6, event.timer, 0, 0
    if isinstance(event, Judged):
        return 10, 0, 0, 0
    return 3 if isinstance(event, Trained) else 7, 0, 0, 0


def _said(sender: PeerId, message: Message) -> Facts:
    if isinstance(message, Update):
        return 1, sender, message.round, message.sequence
    if isinstance(message, Begun):
        return 2, sender, message.round, 0
    if isinstance(message, Witness | Doubt | Shown | Proof):
        return _shown(sender, message)
    return 8 if isinstance(message, Missed) else 9, sender, 0, 0


def _shown(sender: PeerId, message: Evidence) -> Facts:
    match message:
        case Witness(claims):
            return 10, sender, len(claims), crc32(claims)
        case Doubt(claim):
            return 11, sender, len(claim), crc32(claim)
        case Shown(statement):
            return 12, sender, statement.round & _MASK, crc32(statement.said)
        case Proof(one, other):
            return 13, sender, one.round & _MASK, crc32(one.said + other.said)
